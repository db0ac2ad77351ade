"""A real Prometheus server (Debian's package) with the deployment's configuration and the targets of a test."""

import math
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.servers import Server, free_port, started
from tests.observability.queries import FOLDER, SCRAPE_INTERVAL

PROGRAM, TOOL = shutil.which("prometheus"), shutil.which("promtool")


@dataclass(frozen=True)
class Prometheus:
    """A client of a running Prometheus server."""

    http: httpx.Client

    def query(self, expression: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """Evaluate an expression, now or at Unix time `at`: label sets and values. Fails if it is invalid."""
        params: dict[str, str | float] = {"query": expression, **({} if at is None else {"time": at})}
        answer = self.http.get("/api/v1/query", params=params).json()
        assert answer["status"] == "success", f"{expression}: {answer['error']}"
        result = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [({}, float(result[1]))]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def query_range(self, expression: str, since: float, until: float) -> list[tuple[dict[str, str], float]]:
        """Evaluate an expression every second: the maximum of each series with a finite value."""
        params: dict[str, str | float] = {"query": expression, "start": since, "end": until, "step": 1}
        answer = self.http.get("/api/v1/query_range", params=params).json()
        assert answer["status"] == "success", f"{expression}: {answer['error']}"
        found = []
        for series in answer["data"]["result"]:
            numbers = [float(value) for _, value in series["values"] if math.isfinite(float(value))]
            found += [(series["metric"], max(numbers))] if numbers else []
        return found

    def values_of(self, metric: str, label: str) -> list[str]:
        """Return the values of a label on a metric, as a dashboard variable lists them."""
        answer = self.http.get(f"/api/v1/label/{label}/values", params={"match[]": metric})
        values: list[str] = answer.raise_for_status().json()["data"]
        return values

    def targets(self) -> dict[str, str]:
        """Return the health of each scrape target."""
        found = self.http.get("/api/v1/targets").raise_for_status().json()["data"]["activeTargets"]
        return {target["scrapeUrl"]: target["health"] for target in found}

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerting rules with their state and health."""
        groups = self.http.get("/api/v1/rules").raise_for_status().json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


def configuration(folder: Path, token: str, targets: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """Write the deployment's configuration with static targets: job -> (service, address)."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": f"{SCRAPE_INTERVAL}s", "evaluation_interval": f"{SCRAPE_INTERVAL}s"}
    for job in list(config["scrape_configs"]):
        job.pop("dns_sd_configs", None)
        job.pop("relabel_configs", None)
        job["static_configs"] = [
            {"targets": [address], "labels": {"service": service}}
            for service, address in targets.get(job["job_name"], ())
        ]
        if "authorization" in job:
            (folder / "token").write_text(token)
            job["authorization"] = {"credentials_file": str(folder / "token")}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(FOLDER / "alerts.yml", folder)
    return folder / "prometheus.yml"


@contextmanager
def prometheus(folder: Path, config: Path) -> Iterator[Prometheus]:
    """Run the server until exit."""
    assert PROGRAM, "install the package prometheus"
    port = free_port()
    command = [PROGRAM, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    server = Server(command, port, folder, f"http://127.0.0.1:{port}")
    with started(server), httpx.Client(base_url=server.url, timeout=30) as client:
        yield Prometheus(client)


def promtool(*arguments: str | Path) -> str:
    """Run promtool and return its output; fails if it reports an error."""
    assert TOOL, "install the package prometheus"
    ran = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
