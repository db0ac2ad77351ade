"""The deployment files as data: the compose file, the manifests as they are written, the Dockerfile's stages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
K8S = ROOT / "deploy" / "k8s"
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
COMPOSE_GPU: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "docker" / "compose.gpu.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ROOMS = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}
SERVERS = {"rabbitmq", "mongodb", "minio"}
MANIFESTS = sorted(path for path in K8S.rglob("*.yaml") if path.name != "kustomization.yaml")


def objects(kind: str) -> dict[str, dict[str, Any]]:
    """The manifests' objects of a kind by name, the patches that are laid over others included."""
    found = (each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text()))
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """The only container of a Deployment or StatefulSet."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


def walk(node: Any, key: str) -> Iterator[Any]:
    """Every value under `key`, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from walk(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value, key)


def addresses(text: str) -> set[tuple[str, int]]:
    """The host:port pairs in a text."""
    return {(host, int(port)) for host, port in re.findall(r"\b([a-z][a-z0-9.-]*):(\d{3,5})\b", text)}
