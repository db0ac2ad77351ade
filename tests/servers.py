"""Real servers for the tests: `python -m tests.servers pytest …` starts them, exports addresses, runs the command.

RabbitMQ comes from Debian's package, in a private node; MongoDB's wire protocol is spoken by nx-27017 and S3's by
moto_server, both from PyPI, in an environment of their own (`requirements/servers.txt`). Where ANNEAL_TEST_AMQP_URL,
ANNEAL_TEST_MONGO_URL or ANNEAL_TEST_S3_URL is set, that server is used instead and none is started.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
STAND_INS = Path(os.environ.get("ANNEAL_SERVERS_VENV", ".venv-servers")).absolute() / "bin"
READY_SECONDS = 60.0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until something accepts on the port. Raises RuntimeError with the log's end when the process gave up."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args} did not listen on {port}:\n{log.read_text()[-3000:]}")


@contextmanager
def server(command: list[str], port: int, folder: Path, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """A process of its own group that listens on `port`, stopped with everything it started."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        wait_for(port, process, log)
        yield
    finally:
        with_group = os.getpgid(process.pid) if process.poll() is None else None
        if with_group is not None:
            os.killpg(with_group, 15)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(with_group, 9)
                process.wait()


@contextmanager
def rabbitmq(folder: Path, port: int | None = None) -> Iterator[str]:
    """A private RabbitMQ node with its own epmd; its AMQP URL."""
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
    with (
        server(["epmd", "-port", str(epmd), "-address", "127.0.0.1"], epmd, folder / "epmd", env),
        server([str(RABBIT)], port, folder / "node", env),
    ):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@contextmanager
def mongodb(folder: Path, port: int | None = None) -> Iterator[str]:
    """A MongoDB wire-protocol server over SQLite; its URL."""
    port = port or free_port()
    command = [str(STAND_INS / "nx-27017"), "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)]
    command += ["--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
    with server(command, port, folder):
        yield f"mongodb://127.0.0.1:{port}"


@contextmanager
def s3(folder: Path, port: int | None = None) -> Iterator[str]:
    """An S3 server in memory; its URL with credentials and bucket."""
    port = port or free_port()
    with server([str(STAND_INS / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder):
        yield f"s3+http://testing:testing@127.0.0.1:{port}/anneal"


@contextmanager
def town() -> Iterator[dict[str, str]]:
    """The addresses of all three, started where the environment names none."""
    folder = Path(tempfile.mkdtemp(prefix="anneal-servers-"))
    starters = {"ANNEAL_TEST_AMQP_URL": rabbitmq, "ANNEAL_TEST_MONGO_URL": mongodb, "ANNEAL_TEST_S3_URL": s3}
    try:
        with ExitStack() as stack:
            yield {
                name: os.environ.get(name) or stack.enter_context(start(folder / start.__name__))
                for name, start in starters.items()
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with town() as addresses:
        command = [sys.executable, "-m", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env={**os.environ, **addresses}, check=False).returncode)
