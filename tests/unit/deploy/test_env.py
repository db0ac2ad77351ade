"""`make env`: secrets are generated once, and only their owner can read them."""

import subprocess
import sys
from pathlib import Path

from deploy.env import values, write
from shared.runtime.resources import check
from shared.runtime.settings import Settings


def test_env_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert write(path)
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not write(path)
    assert path.read_text() == first


def test_secrets_are_unique_and_long() -> None:
    secrets = [
        value for generated in (values(), values()) for name, value in generated.items() if not name.endswith("_URL")
    ]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 40


def test_platform_accepts_the_generated_settings() -> None:
    settings = {name.removeprefix("ANNEAL_").lower(): value for name, value in values().items() if "ANNEAL_" in name}
    check(Settings(**settings))


def test_env_needs_no_installed_packages(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(Path(__file__).parents[3] / "deploy" / "env.py"), str(tmp_path / "env")]
    subprocess.run(command, check=True, capture_output=True)
    assert "ANNEAL_SECRET=" in (tmp_path / "env").read_text()
