"""Real servers for tests: `python -m tests.support.servers pytest …` starts them, exports their addresses, runs pytest.

Where ANNEAL_TEST_AMQP_URL, ANNEAL_TEST_MONGO_URL or ANNEAL_TEST_S3_URL is set, that server is used and none is started.
A server whose package is missing is left out with a line that says so; with REQUIRE_ALL=1 that is a failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.servers import RABBIT, STAND_INS, Server, mongodb, rabbitmq, s3


@dataclass(frozen=True)
class Kind:
    """A server that tests may need: how to start it, what it needs, and how to get that."""

    name: str
    start: Callable[[Path], AbstractContextManager[Server]]
    program: Path
    remedy: str
    stand_in: bool

    @property
    def variable(self) -> str:
        """The environment variable with its address."""
        return f"ANNEAL_TEST_{self.name}_URL"

    def missing(self) -> str | None:
        """What to do about it, where it is neither given nor installed."""
        if os.environ.get(self.variable) or self.program.exists():
            return None
        return f"{self.program.name} is not installed: {self.remedy}, or set {self.variable}"


PREPARE = "run `make .venv-servers`"
KINDS = (
    Kind("AMQP", rabbitmq, RABBIT, "install the package rabbitmq-server", stand_in=False),
    Kind("MONGO", mongodb, STAND_INS / "nx-27017", PREPARE, stand_in=True),
    Kind("S3", s3, STAND_INS / "moto_server", PREPARE, stand_in=True),
)


@contextmanager
def town() -> Iterator[dict[str, str]]:
    """The addresses of all that can be had, started where the environment names none; and which are stand-ins."""
    folder = Path(tempfile.mkdtemp(prefix="anneal-servers-"))
    addresses: dict[str, str] = {}
    stand_ins: list[str] = []
    try:
        with ExitStack() as stack:
            for kind in KINDS:
                if given := os.environ.get(kind.variable):
                    addresses[kind.variable] = given
                elif not kind.missing():
                    addresses[kind.variable] = stack.enter_context(kind.start(folder / kind.name.lower())).url
                    stand_ins += [kind.name] if kind.stand_in else []
            yield {**addresses, "ANNEAL_TEST_STAND_INS": ",".join(stand_ins)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run a module with the servers' addresses in its environment; its exit code, or 1 when REQUIRE_ALL misses one."""
    missing = [found for kind in KINDS if (found := kind.missing())]
    for line in missing:
        print(f"SKIPPED {line}", flush=True)
    if missing and os.environ.get("REQUIRE_ALL"):
        print("REQUIRE_ALL is set, so that is a failure.", flush=True)
        return 1
    with town() as addresses:
        return subprocess.run([sys.executable, "-m", *arguments], env={**os.environ, **addresses}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
