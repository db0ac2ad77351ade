"""A private Prometheus that scrapes a town with the configuration that we ship, only faster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.servers import Server, free_port, started
from deploy.town import Room

SHIPPED = Path(__file__).parents[2] / "deploy/observability"
INTERVAL = "1s"


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", timeout=30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now; raises AssertionError with Prometheus' words when it is not understood."""
        return list(self._data("/query", query=expression)["result"])

    def rules(self) -> list[dict[str, Any]]:
        """Every alerting rule with its health."""
        return [rule for group in self._data("/rules")["groups"] for rule in group["rules"]]

    def names(self) -> set[str]:
        """Every metric that it has seen."""
        return set(self._data("/label/__name__/values"))

    def _data(self, path: str, **parameters: str) -> Any:
        answer = self._http.get(path, params=parameters).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]


def configuration(rooms: Mapping[str, list[Room]], token: Path) -> dict[str, Any]:
    """prometheus.yml with the addresses of these rooms; RabbitMQ's own metrics need a plugin and are left out."""
    shipped: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    shipped["global"] |= {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
    shipped["rule_files"] = [str(SHIPPED / name) for name in shipped["rule_files"]]
    jobs = [job for job in shipped["scrape_configs"] if job["job_name"] != "rabbitmq"]
    for job in jobs:
        names = [target.partition(":")[0] for config in job["static_configs"] for target in config["targets"]]
        targets = [f"127.0.0.1:{room.port}" for name in names for room in rooms[name]]
        job["static_configs"] = [{"targets": targets}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(token)
    return {**shipped, "scrape_configs": jobs}


@contextmanager
def prometheus(folder: Path, rooms: Mapping[str, list[Room]], token: str) -> Iterator[Prometheus]:
    """Running, on a free port."""
    folder.mkdir()
    (folder / "token").write_text(token)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(rooms, folder / "token")))
    port = free_port()
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    server = Server([*command, f"--web.listen-address=127.0.0.1:{port}"], port, folder, f"http://127.0.0.1:{port}")
    with started(server):
        yield Prometheus(server.url)
