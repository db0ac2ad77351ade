"""Compose file, manifests, images, guides and settings use the same names."""

import re

import pytest
import yaml

from cli import __version__
from deploy.env import values
from shared.runtime.http.routes import ROUTES
from shared.runtime.keyring import CALLS
from shared.runtime.settings import Settings
from tests.unit.deploy.files import (
    COMPOSE,
    COMPOSE_GPU,
    COMPOSE_TEXT,
    DOCKERFILE,
    K8S,
    MANIFESTS,
    PLATFORM_SERVICES,
    ROOT,
    SERVERS,
    SERVICES,
    addresses,
    container,
    find_all,
    objects,
)

PORT = 7860
PATCHES = {"room", "server", "gpu"}
"""Manifests that are patches of others."""
OTHERS = {
    "ANNEAL_API_KEY": "API key of the CLI",
    "ANNEAL_TEST_CALLS": "generated calls of make test-security",
    "ANNEAL_URL": "platform address of the CLI",
    "ANNEAL_PROFILE": "profile of `anneal login`",
}
"""Variables that are not settings of a service."""
TEXTS = [
    ROOT / "docker-compose.yml",
    ROOT / "README.md",
    *(ROOT / "deploy" / "docker").iterdir(),
    *(ROOT / "docs" / "guides").glob("*.md"),
    *K8S.rglob("*.yaml"),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_documented_variable_is_a_setting(path) -> None:
    known = {f"ANNEAL_{name.upper()}" for name in Settings.model_fields} | {"ANNEAL_ROOMS"} | set(OTHERS)
    assert set(re.findall(r"\bANNEAL_[A-Z_]*[A-Z]\b", path.read_text())) <= known


def test_every_service_runs_in_compose_and_kubernetes() -> None:
    composed = {name: service["command"] for name, service in SERVICES.items() if "command" in service}
    assert {name for name, command in composed.items() if command == [f"services.{name}"]} == PLATFORM_SERVICES
    deployed = {name: container(each) for name, each in objects("Deployment").items() if name not in PATCHES}
    assert {name for name, each in deployed.items() if each.get("args") == [f"services.{name}"]} == PLATFORM_SERVICES
    assert set(objects("PodDisruptionBudget")) == PLATFORM_SERVICES
    for name in PLATFORM_SERVICES:
        assert container(objects("Deployment")[name])["image"] == SERVICES[name]["image"].partition(":")[0]


def test_gateway_has_the_address_of_every_service() -> None:
    (deployed,) = [
        v["value"] for v in container(objects("Deployment")["gateway"])["env"] if v["name"] == "ANNEAL_SERVICES"
    ]
    for text in (SERVICES["gateway"]["environment"]["ANNEAL_SERVICES"], deployed):
        assert Settings(services=text).services == {
            name: f"http://{name}:{PORT}" for name in PLATFORM_SERVICES - {"gateway"}
        }


def test_services_that_call_inference_have_its_address_and_may_connect() -> None:
    callers = [caller for caller, called in CALLS if called == "inference"]
    for caller in callers:
        env = container(objects("Deployment")[caller])["env"]
        (deployed,) = [v["value"] for v in env if v["name"] == "ANNEAL_SERVICES"]
        for text in (SERVICES[caller]["environment"]["ANNEAL_SERVICES"], deployed):
            assert Settings(services=text).services == {"inference": f"http://inference:{PORT}"}
    (rule,) = objects("NetworkPolicy")["inference"]["spec"]["ingress"]
    allowed = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": caller}}} for caller in callers]
    assert rule["from"] == allowed


def test_every_service_uses_the_same_port() -> None:
    assert Settings.model_fields["port"].default == PORT
    assert set(re.findall(r"ANNEAL_PORT=(\d+)|EXPOSE (\d+)|127\.0\.0\.1:(\d+)", DOCKERFILE)) == {
        (str(PORT), "", ""),
        ("", str(PORT), ""),
        ("", "", str(PORT)),
    }
    assert container(objects("Deployment")["room"])["ports"] == [{"name": "http", "containerPort": PORT}]
    services = objects("Service")
    for name in PLATFORM_SERVICES:
        assert services[name]["spec"]["ports"] == [{"name": "http", "port": PORT, "targetPort": "http"}]
        assert services[name]["spec"]["selector"] == objects("Deployment")[name]["spec"]["selector"]["matchLabels"]


def test_probes_use_existing_health_routes() -> None:
    service = container(objects("Deployment")["room"])
    paths = {name: service[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert set(re.findall(rf"http://127\.0\.0\.1:{PORT}(/\w+)", DOCKERFILE)) == {"/readyz"}
    assert {route.pattern for route in ROUTES if route.open} >= set(paths.values())


def test_compose_uses_exactly_the_variables_of_make_env() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    secrets = {each["environment"] for each in COMPOSE["secrets"].values()}
    assert used | secrets == set(values())


def test_manifests_use_exactly_the_secrets_of_make_env() -> None:
    refs = [ref for path in MANIFESTS for ref in find_all(list(yaml.safe_load_all(path.read_text())), "secretKeyRef")]
    assert {ref["name"] for ref in refs} == {"anneal"}
    assert {ref["key"] for ref in refs} == set(values()) - {"GRAFANA_PASSWORD"}


def test_images_are_pinned_and_ours_have_our_version() -> None:
    images = [*find_all(COMPOSE, "image"), *find_all(COMPOSE_GPU, "image"), *find_all(objects("StatefulSet"), "image")]
    images += re.findall(r"^ARG \w+_IMAGE=(.+)$", DOCKERFILE, re.M)
    for image in images:
        assert re.search(r":v?\w*\.?\d", image), f"{image} has no version"
        assert "latest" not in image
    ours = {image for image in images if image.startswith("anneal-")}
    assert {image.partition(":")[2] for image in ours} == {__version__}
    tags = {
        tag for path in K8S.rglob("kustomization.yaml") for tag in find_all(yaml.safe_load(path.read_text()), "newTag")
    }
    assert tags == {__version__}


def test_compose_builds_existing_dockerfile_stages() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.M))
    for service in [*SERVICES.values(), *COMPOSE_GPU["services"].values()]:
        if "build" in service:
            assert service["build"]["target"] in stages
            assert service["image"] == f"anneal-{service['build']['target']}:{__version__}"


def test_servers_have_the_same_images_in_compose_and_kubernetes() -> None:
    deployed = objects("StatefulSet")
    assert set(deployed) - PATCHES == SERVERS
    for name in SERVERS:
        assert container(deployed[name])["image"] == SERVICES[name]["image"]
        (port,) = {each["port"] for each in objects("Service")[name]["spec"]["ports"]}
        assert any((name, port) in addresses(value) for value in values().values()), f"no URL names {name}:{port}"


def test_autoscaler_targets_an_existing_deployment() -> None:
    (scaled,) = objects("ScaledObject").values()
    assert scaled["spec"]["scaleTargetRef"]["name"] in PLATFORM_SERVICES
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    assert "anneal_jobs_queued" in trigger["metadata"]["query"]
