"""Engines in a box: each limit ends or refuses what exceeds it, and the failure has a name."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines, Exit
from shared.runtime.processes.limits import DefaultLimits, Limits, held_beside, name_failure

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
    assert set(missing) <= {
        "no process limit (it runs as root)",
        "no memory limit on engines with a GPU",
        "no Landlock",
    }
    held = await engines.held_limits()
    assert set(held) >= {"CPU time", "file size", "network namespace"}
    assert ("Landlock" in held) != ("no Landlock" in missing)
    assert ("process limit" in held) != ("no process limit (it runs as root)" in missing)
    assert held_beside(["no limits at all"]) == []


@pytest.mark.parametrize(
    "refused", ["limits._libc.unshare = lambda flags: -1", "limits.os.getuid = lambda: 7  # no mapping is allowed"]
)
async def test_a_machine_without_namespaces_says_so_and_denies_tcp(refused: str) -> None:
    code = """
import json, socket
from shared.engine.process import limits

REFUSED
missing = limits.confine(limits.PROBE)
try:
    socket.create_connection(("127.0.0.1", PORT))
except OSError as error:
    missing.append(error.errno)
print(json.dumps(missing))
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", code.replace("PORT", str(server.getsockname()[1])).replace("REFUSED", refused)]
        found = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == ["no network namespace", "no process limit", errno.EACCES]


async def test_an_engine_writes_only_into_its_folder_and_reads_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data directory is not in the temporary folder, as it is nowhere but in tests."""
    home, temporary, beside = (tmp_path / name for name in ("home", "tmp", "beside"))
    job, blobs = home / "scratch/job", home / "blobs"
    for folder in (temporary, beside, job, blobs):
        folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for path in (home / "api-key", blobs / "weights", beside / "file"):
        path.write_text("x")
    engines = Engines(DefaultLimits(home=home))
    try:
        reading = {"paths": [str(home / "api-key"), str(blobs / "weights"), str(beside / "file")]}
        assert (await answer(engines, "open_files", job, reading))["errors"] == [errno.EACCES, 0, 0]
        writing = {"paths": [f"{folder}/new" for folder in (home, blobs, beside, temporary, job)], "write": True}
        assert (await answer(engines, "open_files", job, writing))["errors"] == [*[errno.EACCES] * 3, 0, 0]
        unlimited = {**writing, "paths": [f"{beside}/new"]}
        assert (await answer(engines, "open_files", job, unlimited, own_files=False))["errors"] == [0]
    finally:
        await engines.close()


async def test_processes_outside_cannot_be_signalled(engines: Engines, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        assert (await answer(engines, "kill", tmp_path, {"pid": victim.pid}))["errno"] == errno.EPERM
        victim.kill()
