"""Servers for machines without a container engine: a private RabbitMQ node, and substitutes for MongoDB and S3.

RabbitMQ comes from Debian's package `rabbitmq-server`. nx-27017 speaks MongoDB's wire protocol over SQLite, and
moto_server speaks S3 in memory; both come from PyPI and live in their own virtual environment (`make .venv-servers`).
docs/reference/server-substitutes.md lists their limits.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
SUBSTITUTES = Path(os.environ.get("ANNEAL_SERVERS_VENV", ROOT / ".venv-servers")).absolute() / "bin"
READY_TIMEOUT_S = 90.0


_ASSIGNED_PORTS: set[int] = set()
"""Ports returned by `free_port`; the kernel may offer one again until something listens on it."""


def free_port() -> int:
    """Return a port that nothing listens on; never the same port twice."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        if port not in _ASSIGNED_PORTS:
            _ASSIGNED_PORTS.add(port)
            return port


@dataclass
class Server:
    """A server process in its own process group, listening on `port`; it can be killed and restarted in its folder."""

    command: list[str]
    port: int
    folder: Path
    url: str
    env: dict[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it listens. Raises RuntimeError with the end of its log if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - a server of the list below
                self.command,
                cwd=self.folder,
                env=self.env,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        log = (self.folder / "server.log").read_text(errors="replace")
        raise RuntimeError(f"{self.command} did not listen on {self.port}:\n{log[-3000:]}")

    def signal(self, number: int) -> None:
        """Send a signal to the server's process group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the process group with SIGKILL; `start` restarts the server from its files."""
        self.signal(9)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """Terminate the process group, and kill it after 15 seconds."""
        self.signal(15)
        if self.process is not None:
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """Start a server, and stop it on exit."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def rabbitmq(folder: Path, port: int | None = None) -> Iterator[Server]:
    """Run a private RabbitMQ node with its own Erlang port mapper (epmd)."""
    port = port or free_port()
    epmd, dist = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    plugins = folder / "enabled_plugins"
    plugins.write_text("[].\n")
    env = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"anneal{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(dist),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
    }
    port_mapper = Server(["epmd", "-port", str(epmd), "-address", "127.0.0.1"], epmd, folder / "epmd", "", env)
    node = Server([str(RABBIT)], port, folder / "node", f"amqp://guest:guest@127.0.0.1:{port}/", env)
    with started(port_mapper), started(node):
        yield node


@contextmanager
def mongodb(folder: Path, port: int | None = None) -> Iterator[Server]:
    """Run a MongoDB substitute (wire protocol over SQLite)."""
    port = port or free_port()
    command = [str(SUBSTITUTES / "nx-27017"), "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)]
    command += ["--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
    with started(Server(command, port, folder, f"mongodb://127.0.0.1:{port}")) as server:
        yield server


@contextmanager
def s3(folder: Path, port: int | None = None) -> Iterator[Server]:
    """Run an S3 substitute in memory; its URL contains the credentials and the bucket."""
    port = port or free_port()
    command = [str(SUBSTITUTES / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with started(Server(command, port, folder, f"s3+http://testing:testing@127.0.0.1:{port}/anneal")) as server:
        yield server
