"""The Compose file: existing mounts, startup order by health, and ports published on loopback only."""

import pytest
import yaml

from tests.unit.deploy.files import COMPOSE, PLATFORM_SERVICES, ROOT, SERVERS, SERVICES, addresses, find_all

OBSERVABILITY = ROOT / "deploy" / "observability"
PORTS = {
    **{name: {7860} for name in PLATFORM_SERVICES},
    "rabbitmq": {5672, 15692},
    "tempo": {3200, 4317},
    "prometheus": {9090},
    "collector": {4318},
}
"""Ports of the services in the Compose file."""


def test_mounted_files_exist_and_volumes_are_declared() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name} mounts {source}"


def test_services_wait_for_healthy_servers_and_the_gateway_for_healthy_services() -> None:
    for service in PLATFORM_SERVICES:
        depends_on = SERVICES[service]["depends_on"]
        waits = {name for name, on in depends_on.items() if on["condition"] == "service_healthy"}
        assert waits == (SERVERS | PLATFORM_SERVICES - {"gateway"} if service == "gateway" else SERVERS)
    for server in SERVERS:
        assert SERVICES[server]["healthcheck"]["test"]


def test_only_platform_and_grafana_are_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:7860:7860"], "grafana": ["127.0.0.1:3000:3000"]}
    assert SERVICES["gateway"]["environment"]["ANNEAL_PUBLISHED_ON_LOOPBACK"] == "true"


def test_servers_are_on_an_internal_network() -> None:
    assert COMPOSE["networks"]["servers"]["internal"] is True
    for server in SERVERS:
        assert SERVICES[server]["networks"] == ["servers"]


def test_service_containers_have_no_privileges() -> None:
    for name in [*PLATFORM_SERVICES, "link"]:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("path", sorted(OBSERVABILITY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_observability_uses_ports_of_existing_services(path) -> None:
    for host, port in addresses(path.read_text()):
        assert port in PORTS.get(host, set()), f"{path.name} names {host}:{port}"


def test_prometheus_scrapes_every_service_and_has_the_gateway_token() -> None:
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    found = [(each["names"], each["port"]) for lists in find_all(config, "dns_sd_configs") for each in lists]
    assert {(name, port) for names, port in found for name in names} == {(name, 7860) for name in PLATFORM_SERVICES}
    (secret,) = SERVICES["prometheus"]["secrets"]
    assert f"/run/secrets/{secret}" in set(find_all(config, "credentials_file"))


def test_spans_reach_the_trace_store() -> None:
    collector = yaml.safe_load((OBSERVABILITY / "collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for part, names in pipeline.items():
            assert set(names) <= set(collector[part])
    for name in PLATFORM_SERVICES:
        assert SERVICES[name]["environment"]["ANNEAL_OTLP_ENDPOINT"] == "http://collector:4318"
    assert ("tempo", 4317) in addresses((OBSERVABILITY / "collector.yaml").read_text())
