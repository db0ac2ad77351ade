"""The commands of docs/guides/quickstart.md, run one after the other as they stand there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.unit.test_documented_commands import ROOT, commands
from tests.workflows.conftest import Embedded

PROGRAM = (sys.executable, "-c", "from cli.main import app; app()")
OF_THE_PLATFORM = ("up",)
WITH_TABLES = ("datasets", "evaluate", "compare", "lineage")
WIDTH = 80


def test_every_command_of_the_quickstart_works_at_80_columns(embedded: Embedded, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services/dataset/samples", tmp_path / "services/dataset/samples")
    env = {**os.environ, "ANNEAL_HOME": str(embedded.home), "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
    listed = [words for words in commands(ROOT / "docs/guides/quickstart.md") if words[0] not in OF_THE_PLATFORM]
    assert len(listed) > 10
    for words in listed:
        done = subprocess.run([*PROGRAM, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        if words[0] in WITH_TABLES:
            assert all(len(line) <= WIDTH for line in done.stdout.splitlines()), done.stdout
    assert list(tmp_path.glob("*-gguf.zip"))
