"""Engines in a box: each limit ends or refuses what exceeds it, and the failure has a name."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines, Exit
from shared.runtime.processes.limits import DefaultLimits, Limits, name_failure

ENGINES = "tests.unit.engine.confined_engines"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines() -> AsyncIterator[Engines]:
    engines = Engines(DefaultLimits(memory=1 << 30, file_bytes=1 << 20))
    yield engines
    await engines.close()


async def answer(engines: Engines, name: str, cwd: Path, spec: Any = None, **limits: Any) -> dict[str, Any]:
    child = await engines.launch(f"{ENGINES}:{name}", spec or {}, cwd=cwd, requires=(), limits=Limits(**limits))
    last = await child.answer()
    assert last is not None, await child.wait()
    return last


async def test_memory_without_end_is_refused_by_name(engines: Engines, tmp_path: Path) -> None:
    failed = await answer(engines, "allocate", tmp_path, memory=256 << 20)
    assert (failed["kind"], failed["code"]) == ("failed", "out_of_memory")
    assert "the engine's limit is 0.3 GB" in failed["detail"]


async def test_a_launch_gets_no_more_memory_than_the_settings_allow(engines: Engines, tmp_path: Path) -> None:
    failed = await answer(engines, "allocate", tmp_path, memory=1 << 40)
    assert "the engine's limit is 1.1 GB" in failed["detail"]


async def test_cpu_time_without_end_is_a_named_failure(engines: Engines, tmp_path: Path) -> None:
    child = await engines.launch(f"{ENGINES}:spin", {}, cwd=tmp_path, requires=(), limits=Limits(cpu_s=1))
    failed = await child.answer()
    assert failed
    assert (failed["code"], failed["detail"]) == (
        "cpu_time_exceeded",
        "The engine used its 1 seconds of CPU time without an end.",
    )
    assert await child.wait() == Exit(None, signal.SIGXCPU)


async def test_a_huge_file_is_refused_by_name(engines: Engines, tmp_path: Path) -> None:
    failed = await answer(engines, "write", tmp_path)
    assert (failed["code"], (tmp_path / "huge").stat().st_size) == ("file_too_large", 1 << 20)
    assert "ANNEAL_ENGINE_FILE_LIMIT" in failed["remedy"]


@pytest.mark.parametrize(("network", "reached"), [("none", False), ("loopback", False), ("open", True)])
async def test_only_an_open_network_reaches_the_machine(
    engines: Engines, tmp_path: Path, network: str, reached: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = await answer(engines, "connect", tmp_path, {"port": port}, network=network)
    assert result["reached"] is reached


async def test_processes_of_an_engine_reach_each_other_over_loopback(engines: Engines, tmp_path: Path) -> None:
    assert (await answer(engines, "listen", tmp_path, network="loopback"))["heard"] == "hello"


async def test_no_privileges_remain_and_none_can_be_gained(engines: Engines, tmp_path: Path) -> None:
    status = (await answer(engines, "status", tmp_path))["status"]
    assert status["NoNewPrivs"] == "1"
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")} == {0}
    assert (await answer(engines, "status", tmp_path))["limits"] == {"core": [0, 0], "processes": 4096}


async def test_a_setuid_program_gains_nothing(engines: Engines, tmp_path: Path) -> None:
    program = tmp_path / "cat"
    program.write_bytes(Path("/usr/bin/cat").read_bytes())
    program.chmod(0o4755)
    (capabilities,) = (await answer(engines, "run", tmp_path, {"command": [str(program), "/proc/self/status"]}))["caps"]
    assert int(capabilities, 16) == 0


async def test_the_memory_and_the_environment_of_the_service_are_out_of_reach(engines: Engines, tmp_path: Path) -> None:
    own = [f"/proc/{os.getpid()}/{name}" for name in ("environ", "mem", "maps")]
    assert (await answer(engines, "open_files", tmp_path, {"paths": own}))["errors"] == [errno.EACCES] * 3


async def test_aborts_for_memory_are_named_and_others_are_not() -> None:
    rust = name_failure(signal.SIGABRT, None, "memory allocation of 4294967296 bytes failed")
    assert rust
    assert rust["code"] == "out_of_memory"
    assert name_failure(signal.SIGABRT, None, "assertion failed") is None
    assert name_failure(signal.SIGKILL, 5, "") is None


async def test_what_this_machine_does_not_allow_is_listed(engines: Engines) -> None:
    missing = await engines.missing_limits()
    assert set(missing) <= {"no process limit (it runs as root)", "no memory limit on engines with a GPU"}


async def test_a_machine_without_namespaces_says_so() -> None:
    code = (
        "import ctypes, json; from shared.engine.process import limits\n"
        "limits._libc.unshare = lambda flags: -1\n"
        "print(json.dumps(limits.confine({'memory': None, 'cpu_s': None, 'file_bytes': None, 'network': 'none'})))"
    )
    found = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == '["no network namespace", "no process limit"]'
