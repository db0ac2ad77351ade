"""What a run uses is told from its beginning to its end, and never after."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from services.training.engine.distributed.ranks import Ranks
from services.training.engine.loop.metrics import report_usage, usage_reader
from shared.engine.process.protocol import Reporter

OFTEN = 0.005


@pytest.fixture
def pipe() -> Iterator[tuple[Any, Reporter]]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines:
        yield lines, Reporter(writing)


def test_figures_come_while_a_run_is_busy_with_something_else(pipe: tuple[Any, Reporter]) -> None:
    lines, reporter = pipe
    with report_usage(reporter, lambda: usage_reader(Ranks()), OFTEN):
        told = [json.loads(next(lines)) for _ in range(3)]  # nothing but the thread speaks
    assert {figures["kind"] for figures in told} == {"usage"}
    assert all(figures["memory_mb"] > 10 and figures["cpu_percent"] >= 0 for figures in told)


def test_processes_that_train_together_count_together() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        alone, together = usage_reader(Ranks())(), usage_reader(Ranks(0, 2))()
        other.terminate()
    assert together["memory_mb"] > alone["memory_mb"]
