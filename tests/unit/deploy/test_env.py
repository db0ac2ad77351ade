"""`make env`: secrets that are made once, and that only their owner reads."""

import subprocess
import sys
from pathlib import Path

from deploy.env import values, write
from shared.runtime.resources import check
from shared.runtime.settings import Settings


def test_it_is_private_and_never_written_again(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert write(path)
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not write(path)
    assert path.read_text() == first


def test_no_two_secrets_are_alike_and_none_is_short() -> None:
    secrets = [value for made in (values(), values()) for name, value in made.items() if not name.endswith("_URL")]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 40


def test_the_platform_accepts_what_it_says() -> None:
    made = {name.removeprefix("ANNEAL_").lower(): value for name, value in values().items() if "ANNEAL_" in name}
    check(Settings(**made))


def test_it_runs_with_nothing_installed(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(Path(__file__).parents[3] / "deploy" / "env.py"), str(tmp_path / "env")]
    subprocess.run(command, check=True, capture_output=True)
    assert "ANNEAL_SECRET=" in (tmp_path / "env").read_text()
