"""The whole distributed platform on one machine without containers: servers, and six rooms as processes.

For trying out and for tests. The stand-in for S3 keeps everything in memory, so what was there is gone with Ctrl-C. Set
ANNEAL_BUS_URL, ANNEAL_DOCUMENTS_URL or ANNEAL_BLOBS_URL to use servers of your own instead.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
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
from shared.runtime.resources import private_file

ROOMS = ("dataset", "training", "evaluation", "export", "inference")
SERVERS = {"ANNEAL_BUS_URL": rabbitmq, "ANNEAL_DOCUMENTS_URL": mongodb, "ANNEAL_BLOBS_URL": s3}
PROGRAMS = {"ANNEAL_BUS_URL": RABBIT, "ANNEAL_DOCUMENTS_URL": SUBSTITUTES / "nx-27017"}
READY_SECONDS = 120.0
GRACE_SECONDS = 30.0


@dataclass
class Room:
    """One replica of a room: a process, its port and its log."""

    name: str
    port: int
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; its log goes on where it was."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                env={**self.env, "ANNEAL_PORT": str(self.port)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process alone: its engines notice by themselves."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def await_ready(self) -> None:
        """Wait until it can do its work. Raises RuntimeError with the log's end when it cannot."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310
                return
            time.sleep(0.2)
        raise RuntimeError(f"The {self.name} room did not become ready:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """Let it hand back what it holds and end."""
        self.signal(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass(frozen=True)
class Town:
    """A running platform; `rooms` holds every replica, gateways included."""

    url: str
    key: str
    home: Path
    env: Mapping[str, str]
    rooms: Mapping[str, list[Room]]


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of bus, documents and blobs; those that the environment does not name are started."""
    with ExitStack() as stack:
        yield {
            name: os.environ.get(name) or stack.enter_context(start(folder / start.__name__)).url
            for name, start in SERVERS.items()
        }


def entry(room: str) -> Sequence[str]:
    """What Python runs as a room."""
    return ("-m", f"services.{room}")


@contextmanager
def town(
    home: Path,
    addresses: Mapping[str, str],
    *,
    replicas: int = 1,
    port: int = 0,
    entry: Callable[[str], Sequence[str]] = entry,
) -> Iterator[Town]:
    """Six rooms with so many replicas each in front of `addresses`; the first gateway on `port` (0: a free one)."""

    def room(name: str, number: int, env: Mapping[str, str]) -> Room:
        return Room(name, free_port(), entry(name), env, home / "logs" / f"{name}-{number}.log")

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "logs").mkdir(exist_ok=True)
    secret = private_file(home / "secret", secrets.token_hex(32))
    env = {**os.environ, **addresses, "ANNEAL_HOME": str(home), "ANNEAL_SECRET": secret}
    rooms = {name: [room(name, number, env) for number in range(replicas)] for name in ROOMS}
    where = ",".join(f"{name}={'|'.join(one.url for one in rooms[name])}" for name in ROOMS)
    gateways = [room("gateway", number, {**env, "ANNEAL_SERVICES": where}) for number in range(replicas)]
    gateways[0].port = port or gateways[0].port
    everyone = {**rooms, "gateway": gateways}
    replicas_of_all = [one for found in everyone.values() for one in found]
    try:
        for replica in replicas_of_all:
            replica.start()
        for replica in replicas_of_all:
            replica.await_ready()
        yield Town(gateways[0].url, (home / "api-key").read_text().strip(), home, env, everyone)
    finally:
        for replica in replicas_of_all:
            replica.signal(signal.SIGTERM)
        for replica in replicas_of_all:
            replica.stop()


def announce(town: Town) -> None:
    """Tell people and the command line where the platform listens."""
    (town.home / "platform.json").write_text(json.dumps({"url": town.url, "pid": os.getpid()}))
    request = urllib.request.Request(  # noqa: S310
        f"{town.url}/auth/link", method="POST", headers={"Authorization": f"Bearer {town.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        link = json.load(response)
    sys.stdout.write(
        f"Anneal is ready at {town.url}\n"
        f"  sign in once with  {town.url}{link['path']}\n"
        f"  logs               {town.home / 'logs'}\n"
        f"  API key            {town.home / 'api-key'}\n"
        "Ctrl-C stops the rooms and the servers; the stand-in for S3 then forgets everything.\n"
    )
    sys.stdout.flush()


def missing() -> list[str]:
    """What has to be installed first."""
    wanted = {name: program for name, program in PROGRAMS.items() if not os.environ.get(name)}
    return [str(program) for program in wanted.values() if not program.exists()]


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local_cluster", description=__doc__)
    parser.add_argument("--replicas", type=int, default=1, help="processes per room")
    parser.add_argument("--port", type=int, default=7860)
    options = parser.parse_args()
    if absent := missing():
        sys.stderr.write(f"Not installed: {', '.join(absent)}. See docs/guides/distributed.md.\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    home = Path(os.environ.get("ANNEAL_HOME", "~/.anneal")).expanduser().resolve() / "cluster"
    shutil.rmtree(home, ignore_errors=True)  # its documents speak of blobs that are gone
    folder = Path(tempfile.mkdtemp(prefix="anneal-town-"))
    try:
        with servers(folder) as addresses, town(home, addresses, replicas=options.replicas, port=options.port) as up:
            announce(up)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
