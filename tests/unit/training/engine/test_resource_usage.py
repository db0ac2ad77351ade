"""Resource usage is reported from the start of a run to its end, and never after."""

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

INTERVAL_S = 0.005


@pytest.fixture
def pipe() -> Iterator[tuple[Any, Reporter]]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines:
        yield lines, Reporter(writing)


def test_usage_is_reported_while_the_main_thread_is_busy(pipe: tuple[Any, Reporter]) -> None:
    lines, reporter = pipe
    with report_usage(reporter, lambda: usage_reader(Ranks()), INTERVAL_S):
        usages = [json.loads(next(lines)) for _ in range(3)]  # only the usage thread reports
    assert {usage["kind"] for usage in usages} == {"usage"}
    assert all(usage["memory_mb"] > 10 and usage["cpu_percent"] >= 0 for usage in usages)


def test_usage_sums_all_processes_of_a_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        single, all_processes = usage_reader(Ranks())(), usage_reader(Ranks(0, 2))()
        other.terminate()
    assert all_processes["memory_mb"] > single["memory_mb"]
