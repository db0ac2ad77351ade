"""Run the distributed platform on one machine without containers: the servers, and each service as processes.

For evaluation and tests. The S3 substitute stores objects in memory, so they are lost when the cluster stops. Set
ANNEAL_BUS_URL, ANNEAL_DOCUMENTS_URL or ANNEAL_BLOBS_URL to use existing servers.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.servers import RABBIT, SUBSTITUTES, free_port, mongodb, rabbitmq, s3
from shared.runtime.keyring import CALLS, service_secret
from shared.runtime.resources import private_file

SERVICES = ("dataset", "training", "evaluation", "export", "inference")
SERVERS = {"ANNEAL_BUS_URL": rabbitmq, "ANNEAL_DOCUMENTS_URL": mongodb, "ANNEAL_BLOBS_URL": s3}
PROGRAMS = {"ANNEAL_BUS_URL": RABBIT, "ANNEAL_DOCUMENTS_URL": SUBSTITUTES / "nx-27017"}
READY_TIMEOUT_S = 120.0
SHUTDOWN_GRACE_S = 30.0


@dataclass
class Replica:
    """One process of a service, with its port and its log."""

    name: str
    port: int
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """The address it listens on."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, *self.command],
                env={**self.env, "ANNEAL_PORT": str(self.port)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process only, not to its engines: they must detect that it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def await_ready(self) -> None:
        """Wait until `/readyz` succeeds. Raises RuntimeError with the end of the log if it does not."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310 - on loopback
                if self.process.poll() is None:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"The {self.name} service did not become ready:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """Terminate the process, so that it returns its leases; kill it after the grace period."""
        self.signal(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(SHUTDOWN_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """A running platform; `replicas` maps every service to its processes, the gateway included."""

    url: str
    key: str
    home: Path
    env: Mapping[str, str]
    replicas: Mapping[str, list[Replica]]


@contextmanager
def run_servers(folder: Path) -> Iterator[dict[str, str]]:
    """Start each server that the environment does not name; yields the addresses of bus, documents and blobs."""
    with ExitStack() as stack:
        yield {
            name: os.environ.get(name) or stack.enter_context(start(folder / start.__name__)).url
            for name, start in SERVERS.items()
        }


def service_command(service: str) -> Sequence[str]:
    """Return the arguments with which Python runs a service."""
    return ("-m", f"services.{service}")


def refuse_taken(port: int) -> None:
    """Raise RuntimeError if something listens on the port: it would answer in the gateway's place, and get its key."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise RuntimeError(f"Cannot listen on 127.0.0.1:{port}: {error.strerror}. Set another --port.") from error


@contextmanager
def run_cluster(
    home: Path,
    addresses: Mapping[str, str],
    *,
    replicas: int = 1,
    port: int = 0,
    command: Callable[[str], Sequence[str]] = service_command,
) -> Iterator[Cluster]:
    """Run every service with `replicas` processes against the servers at `addresses`; stops them on exit.

    The first gateway listens on `port`; 0 chooses a free one.
    """

    def replica(name: str, number: int, env: Mapping[str, str]) -> Replica:
        return Replica(name, free_port(), command(name), env, home / "logs" / f"{name}-{number}.log")

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "logs").mkdir(exist_ok=True)
    secret = private_file(home / "secret", secrets.token_hex(32))
    env = {**os.environ, **addresses, "ANNEAL_HOME": str(home), "ANNEAL_SECRET": secret}
    own = {name: {**env, "ANNEAL_SECRET": service_secret(secret, name)} for name in SERVICES}
    backends = {name: [replica(name, number, own[name]) for number in range(replicas)] for name in SERVICES}
    addresses_of = {name: f"{name}={'|'.join(one.url for one in backends[name])}" for name in SERVICES}
    for caller, called in CALLS:
        own[caller]["ANNEAL_SERVICES"] = addresses_of[called]
    routes = ",".join(addresses_of.values())
    gateways = [replica("gateway", number, {**env, "ANNEAL_SERVICES": routes}) for number in range(replicas)]
    if port:
        refuse_taken(port)
        gateways[0].port = port
    services = {**backends, "gateway": gateways}
    processes = [one for found in services.values() for one in found]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.await_ready()
        yield Cluster(gateways[0].url, (home / "api-key").read_text().strip(), home, env, services)
    finally:
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            process.stop()


def announce(cluster: Cluster) -> None:
    """Print the address and the sign-in link, and write platform.json, where the CLI finds the address."""
    (cluster.home / "platform.json").write_text(json.dumps({"url": cluster.url, "pid": os.getpid()}))
    request = urllib.request.Request(  # noqa: S310 - on loopback
        f"{cluster.url}/auth/link", method="POST", headers={"Authorization": f"Bearer {cluster.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - on loopback
        link = json.load(response)
    sys.stdout.write(
        f"Anneal is ready at {cluster.url}\n"
        f"  sign in once with  {cluster.url}{link['path']}\n"
        f"  logs               {cluster.home / 'logs'}\n"
        f"  API key            {cluster.home / 'api-key'}\n"
        "Ctrl-C stops the services and the servers. The S3 substitute then loses all objects.\n"
    )
    sys.stdout.flush()


def missing_programs() -> list[str]:
    """Return the programs that must be installed first."""
    needed = [program for name, program in PROGRAMS.items() if not os.environ.get(name)]
    return [str(program) for program in needed if not program.exists()]


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local_cluster", description=__doc__)
    parser.add_argument("--replicas", type=int, default=1, help="processes per service")
    parser.add_argument("--port", type=int, default=7860, help="port of the first gateway; 0 chooses a free one")
    options = parser.parse_args()
    if missing := missing_programs():
        sys.stderr.write(f"Not installed: {', '.join(missing)}. See docs/guides/distributed.md.\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    home = Path(os.environ.get("ANNEAL_HOME", "~/.anneal")).expanduser().resolve() / "cluster"
    shutil.rmtree(home, ignore_errors=True)  # its documents refer to objects that the S3 substitute has lost
    folder = Path(tempfile.mkdtemp(prefix="anneal-cluster-"))
    try:
        with (
            run_servers(folder) as addresses,
            run_cluster(home, addresses, replicas=options.replicas, port=options.port) as cluster,
        ):
            announce(cluster)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
