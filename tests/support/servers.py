"""Real servers for tests: `python -m tests.support.servers pytest …` starts them, exports their addresses, runs pytest.

If ANNEAL_TEST_AMQP_URL, ANNEAL_TEST_MONGO_URL or ANNEAL_TEST_S3_URL is set, that server is used and none is started.
A server whose package is not installed is skipped with a message; with REQUIRE_ALL=1 the run fails.
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

from deploy.servers import RABBIT, SUBSTITUTES, Server, mongodb, rabbitmq, s3


@dataclass(frozen=True)
class Kind:
    """A kind of server that tests use: how to start it, the program it needs, and how to install that program."""

    name: str
    start: Callable[[Path], AbstractContextManager[Server]]
    program: Path
    remedy: str
    substitute: bool

    @property
    def variable(self) -> str:
        """The environment variable with its address."""
        return f"ANNEAL_TEST_{self.name}_URL"

    def missing(self) -> str | None:
        """How to install the program, or None if it is installed or the environment names a server."""
        if os.environ.get(self.variable) or self.program.exists():
            return None
        return f"{self.program.name} is not installed: {self.remedy}, or set {self.variable}"


INSTALL_SUBSTITUTES = "run `make .venv-servers`"
KINDS = (
    Kind("AMQP", rabbitmq, RABBIT, "install the package rabbitmq-server", substitute=False),
    Kind("MONGO", mongodb, SUBSTITUTES / "nx-27017", INSTALL_SUBSTITUTES, substitute=True),
    Kind("S3", s3, SUBSTITUTES / "moto_server", INSTALL_SUBSTITUTES, substitute=True),
)


@contextmanager
def running_servers() -> Iterator[dict[str, str]]:
    """Start every installed server that the environment does not name; yields environment variables with the addresses.

    ANNEAL_TEST_SUBSTITUTES lists the servers that are substitutes.
    """
    folder = Path(tempfile.mkdtemp(prefix="anneal-servers-"))
    addresses: dict[str, str] = {}
    substitutes: list[str] = []
    try:
        with ExitStack() as stack:
            for kind in KINDS:
                if given := os.environ.get(kind.variable):
                    addresses[kind.variable] = given
                elif not kind.missing():
                    addresses[kind.variable] = stack.enter_context(kind.start(folder / kind.name.lower())).url
                    substitutes += [kind.name] if kind.substitute else []
            yield {**addresses, "ANNEAL_TEST_SUBSTITUTES": ",".join(substitutes)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run a module with the servers' addresses in its environment.

    Returns its exit code, or 1 if REQUIRE_ALL is set and a server is missing.
    """
    missing = [found for kind in KINDS if (found := kind.missing())]
    for line in missing:
        print(f"SKIPPED {line}", flush=True)
    if missing and os.environ.get("REQUIRE_ALL"):
        print("REQUIRE_ALL is set: a missing server fails the run.", flush=True)
        return 1
    with running_servers() as addresses:
        return subprocess.run([sys.executable, "-m", *arguments], env={**os.environ, **addresses}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
