"""The compose file keeps its promises: mounts that exist, starts that wait for health, doors on loopback alone."""

import pytest
import yaml

from tests.unit.deploy.files import COMPOSE, ROOMS, ROOT, SERVERS, SERVICES, addresses, walk

OBSERVABILITY = ROOT / "deploy" / "observability"
PORTS = {
    **{room: {7860} for room in ROOMS},
    "rabbitmq": {5672, 15692},
    "tempo": {3200, 4317},
    "prometheus": {9090},
    "collector": {4318},
}
"""Where the services of the compose file listen."""


def test_what_is_mounted_is_there_and_every_volume_is_declared() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name} mounts {source}"


def test_rooms_start_when_their_servers_are_healthy_and_the_gateway_when_its_rooms_are() -> None:
    for room in ROOMS:
        waits = {name for name, on in SERVICES[room]["depends_on"].items() if on["condition"] == "service_healthy"}
        assert waits == (SERVERS | ROOMS - {"gateway"} if room == "gateway" else SERVERS)
    for server in SERVERS:
        assert SERVICES[server]["healthcheck"]["test"]


def test_only_the_two_doors_are_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:7860:7860"], "grafana": ["127.0.0.1:3000:3000"]}
    assert SERVICES["gateway"]["environment"]["ANNEAL_PUBLISHED_ON_LOOPBACK"] == "true"


def test_the_servers_are_on_a_network_without_a_way_out() -> None:
    assert COMPOSE["networks"]["servers"]["internal"] is True
    for server in SERVERS:
        assert SERVICES[server]["networks"] == ["servers"]


def test_our_containers_hold_no_rights() -> None:
    for name in [*ROOMS, "link"]:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("path", sorted(OBSERVABILITY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_observability_speaks_to_services_at_ports_where_they_listen(path) -> None:
    for host, port in addresses(path.read_text()):
        assert port in PORTS.get(host, set()), f"{path.name} names {host}:{port}"


def test_prometheus_watches_every_room_and_shows_the_gateway_its_token() -> None:
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    found = [(each["names"], each["port"]) for lists in walk(config, "dns_sd_configs") for each in lists]
    assert {(room, port) for names, port in found for room in names} == {(room, 7860) for room in ROOMS}
    (secret,) = SERVICES["prometheus"]["secrets"]
    assert f"/run/secrets/{secret}" in set(walk(config, "credentials_file"))


def test_spans_find_their_way_to_the_store() -> None:
    collector = yaml.safe_load((OBSERVABILITY / "collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for part, names in pipeline.items():
            assert set(names) <= set(collector[part])
    for room in ROOMS:
        assert SERVICES[room]["environment"]["ANNEAL_OTLP_ENDPOINT"] == "http://collector:4318"
    assert ("tempo", 4317) in addresses((OBSERVABILITY / "collector.yaml").read_text())
