"""Compose file, manifests, images, guides and settings speak of the same names, and none drifts alone."""

import re

import pytest
import yaml

from cli import __version__
from deploy.env import values
from services.gateway.routes import ROUTES
from shared.runtime.settings import Settings
from tests.unit.deploy.files import (
    COMPOSE,
    COMPOSE_GPU,
    COMPOSE_TEXT,
    DOCKERFILE,
    K8S,
    MANIFESTS,
    ROOMS,
    ROOT,
    SERVERS,
    SERVICES,
    addresses,
    container,
    objects,
    walk,
)

PORT = 7860
PATCHES = {"room", "server", "gpu"}
"""Manifests that are laid over others."""
OTHERS = {
    "ANNEAL_API_KEY": "the command line's key",
    "ANNEAL_URL": "the command line's platform",
}
"""Variables that are no settings of a room."""
TEXTS = [
    ROOT / "docker-compose.yml",
    ROOT / "README.md",
    *(ROOT / "deploy" / "docker").iterdir(),
    *(ROOT / "docs" / "guides").glob("*.md"),
    *K8S.rglob("*.yaml"),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_is_a_setting(path) -> None:
    known = {f"ANNEAL_{name.upper()}" for name in Settings.model_fields} | {"ANNEAL_ROOMS"} | set(OTHERS)
    assert set(re.findall(r"\bANNEAL_[A-Z_]*[A-Z]\b", path.read_text())) <= known


def test_every_room_runs_in_compose_and_in_the_cluster() -> None:
    composed = {name: service["command"] for name, service in SERVICES.items() if "command" in service}
    assert {name for name, command in composed.items() if command == [f"services.{name}"]} == ROOMS
    deployed = {name: container(each) for name, each in objects("Deployment").items() if name not in PATCHES}
    assert {name for name, each in deployed.items() if each.get("args") == [f"services.{name}"]} == ROOMS
    assert set(objects("PodDisruptionBudget")) == ROOMS
    for name in ROOMS:
        assert container(objects("Deployment")[name])["image"] == SERVICES[name]["image"].partition(":")[0]


def test_the_gateway_finds_every_other_room_at_the_one_port() -> None:
    (deployed,) = [
        v["value"] for v in container(objects("Deployment")["gateway"])["env"] if v["name"] == "ANNEAL_SERVICES"
    ]
    for text in (SERVICES["gateway"]["environment"]["ANNEAL_SERVICES"], deployed):
        assert Settings(services=text).services == {room: f"http://{room}:{PORT}" for room in ROOMS - {"gateway"}}


def test_there_is_one_port() -> None:
    assert Settings.model_fields["port"].default == PORT
    assert set(re.findall(r"ANNEAL_PORT=(\d+)|EXPOSE (\d+)|127\.0\.0\.1:(\d+)", DOCKERFILE)) == {
        (str(PORT), "", ""),
        ("", str(PORT), ""),
        ("", "", str(PORT)),
    }
    assert container(objects("Deployment")["room"])["ports"] == [{"name": "http", "containerPort": PORT}]
    services = objects("Service")
    for room in ROOMS:
        assert services[room]["spec"]["ports"] == [{"name": "http", "port": PORT, "targetPort": "http"}]
        assert services[room]["spec"]["selector"] == objects("Deployment")[room]["spec"]["selector"]["matchLabels"]


def test_probes_ask_what_every_process_answers() -> None:
    room = container(objects("Deployment")["room"])
    asked = {name: room[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert set(re.findall(rf"http://127\.0\.0\.1:{PORT}(/\w+)", DOCKERFILE)) == {"/readyz"}
    assert {route.pattern for route in ROUTES if route.open} >= set(asked.values())


def test_compose_needs_exactly_what_make_env_writes() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    secrets = {each["environment"] for each in COMPOSE["secrets"].values()}
    assert used | secrets == set(values())


def test_the_cluster_asks_the_secret_for_names_that_make_env_writes() -> None:
    asked = [ref for path in MANIFESTS for ref in walk(list(yaml.safe_load_all(path.read_text())), "secretKeyRef")]
    assert {ref["name"] for ref in asked} == {"anneal"}
    assert {ref["key"] for ref in asked} == set(values()) - {"GRAFANA_PASSWORD"}


def test_images_are_pinned_and_ours_carry_our_version() -> None:
    images = [*walk(COMPOSE, "image"), *walk(COMPOSE_GPU, "image"), *walk(objects("StatefulSet"), "image")]
    images += re.findall(r"^ARG \w+_IMAGE=(.+)$", DOCKERFILE, re.M)
    for image in images:
        assert re.search(r":v?\w*\.?\d", image), f"{image} has no version"
        assert "latest" not in image
    ours = {image for image in images if image.startswith("anneal-")}
    assert {image.partition(":")[2] for image in ours} == {__version__}
    tags = {tag for path in K8S.rglob("kustomization.yaml") for tag in walk(yaml.safe_load(path.read_text()), "newTag")}
    assert tags == {__version__}


def test_compose_builds_stages_that_the_dockerfile_has() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.M))
    for service in [*SERVICES.values(), *COMPOSE_GPU["services"].values()]:
        if "build" in service:
            assert service["build"]["target"] in stages
            assert service["image"] == f"anneal-{service['build']['target']}:{__version__}"


def test_the_three_servers_are_the_same_in_compose_and_in_the_cluster() -> None:
    deployed = objects("StatefulSet")
    assert set(deployed) - PATCHES == SERVERS
    for name in SERVERS:
        assert container(deployed[name])["image"] == SERVICES[name]["image"]
        (port,) = {each["port"] for each in objects("Service")[name]["spec"]["ports"]}
        assert any((name, port) in addresses(value) for value in values().values()), f"no URL names {name}:{port}"


def test_workers_grow_by_a_deployment_that_exists() -> None:
    (scaled,) = objects("ScaledObject").values()
    assert scaled["spec"]["scaleTargetRef"]["name"] in ROOMS
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    assert "anneal_jobs_queued" in trigger["metadata"]["query"]
