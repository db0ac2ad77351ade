"""The deployment files, parsed: Compose file, Kubernetes manifests and Dockerfile."""

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
PLATFORM_SERVICES = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}
SERVERS = {"rabbitmq", "mongodb", "minio"}
MANIFESTS = sorted(path for path in K8S.rglob("*.yaml") if path.name != "kustomization.yaml")


def objects(kind: str) -> dict[str, dict[str, Any]]:
    """Return the Kubernetes objects of a kind by name, including patches."""
    found = (each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text()))
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """Return the only container of a Deployment or StatefulSet."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


def find_all(node: Any, key: str) -> Iterator[Any]:
    """Yield every value under `key`, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from find_all(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find_all(value, key)


def addresses(text: str) -> set[tuple[str, int]]:
    """Return the host:port pairs in a text."""
    return {(host, int(port)) for host, port in re.findall(r"\b([a-z][a-z0-9.-]*):(\d{3,5})\b", text)}
