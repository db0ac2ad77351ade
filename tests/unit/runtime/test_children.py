"""Engines as children: launched warm, heard in order, stopped in time, and never left behind."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from shared.engine.process.child import MESSAGES
from shared.engine.process.forkserver import send_signal
from shared.runtime.processes import children
from shared.runtime.processes.children import Child, Engines, EngineUnavailable, Exit
from shared.runtime.processes.limits import BESIDE_ANSWERS
from tests.support.engine_process import processes_ended

ROOT = Path(__file__).resolve().parents[3]
ENGINES = "tests.unit.engine.engines"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines() -> AsyncIterator[Engines]:
    """One forkserver for all tests: what it imports is what takes the time."""
    engines = Engines()
    for expected in (f"{ENGINES}:echo", "services.training.engine.train:main"):
        engines.preload(expected)
    await engines.start()
    yield engines
    await engines.close()


async def launch(engines: Engines, name: str, cwd: Path, **spec: Any) -> Child:
    return await engines.launch(f"{ENGINES}:{name}", spec, cwd=cwd)


async def bare(engines: Engines, name: str, cwd: Path, **spec: Any) -> Child:
    """An engine that needs no torch: its parent starts at once, so that a test can afford one of its own."""
    return await engines.launch(f"{ENGINES}:{name}", spec, cwd=cwd, requires=())


async def everything(child: Child) -> list[dict[str, Any]]:
    return [message async for message in child.messages()]


async def until(messages: AsyncIterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    async for message in messages:
        if message["kind"] == kind:
            return message
    pytest.fail(f"no {kind} came")


async def test_a_child_gets_its_spec_its_folder_and_a_clean_environment(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANNEAL_SECRET", "hunter2")
    child = await engines.launch(f"{ENGINES}:echo", {"a": ["ü", None]}, cwd=tmp_path, env={"EXTRA": "1"})
    hello, result = await everything(child)
    assert result == {"kind": "result", "spec": {"a": ["ü", None]}}
    assert (hello["pid"], hello["cwd"], hello["warm"]) == (child.pid, str(tmp_path), True)
    assert hello["env"]["EXTRA"] == "1"
    assert not {"ANNEAL_SECRET", "HF_TOKEN"} & hello["env"].keys()
    assert await child.wait() == Exit(0, None)


async def test_the_forkserver_stays_single_threaded_and_out_of_cuda(engines: Engines, tmp_path: Path) -> None:
    await everything(await launch(engines, "echo", tmp_path))
    assert len(list(Path(f"/proc/{engines.forkserver_pid()}/task").iterdir())) == 1
    mapped = Path(f"/proc/{engines.forkserver_pid()}/maps").read_text()
    assert not [driver for driver in ("libcuda.so", "/dev/nvidia") if driver in mapped]


async def test_engines_that_need_a_tokenizer_fork_from_one_import_of_it(tmp_path: Path) -> None:
    engines = Engines()
    for _ in range(2):
        await everything(await engines.launch(f"{ENGINES}:echo", {}, cwd=tmp_path, requires=("transformers",)))
    pid = engines.forkserver_pid("tokenizer")
    assert "tokenizers" in Path(f"/proc/{pid}/maps").read_text()
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    assert engines.forkserver_pid("torch") is None
    await engines.close()


async def test_an_engine_that_is_preloaded_alone_forks_from_its_own_import(tmp_path: Path) -> None:
    engines = Engines()
    engines.preload_alone(f"{ENGINES}:echo")
    hello, _ = await everything(await bare(engines, "echo", tmp_path))
    pid = engines.forkserver_pid(ENGINES)
    assert (hello["imported_by"], engines.forkserver_pid("nothing")) == (pid, None)
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    await engines.close()


async def test_expected_engine_is_imported_and_prewarmed_before_the_fork(engines: Engines, tmp_path: Path) -> None:
    hello, _ = await everything(await launch(engines, "echo", tmp_path))
    assert hello["imported_by"] == engines.forkserver_pid()
    assert hello["prewarmed_by"] == [engines.forkserver_pid()]


async def test_prewarming_starts_no_thread(engines: Engines, tmp_path: Path) -> None:
    await everything(await launch(engines, "echo", tmp_path))
    assert len(list(Path(f"/proc/{engines.forkserver_pid()}/task").iterdir())) == 1


async def test_commands_arrive_in_order_and_stop_lets_the_engine_finish(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "obey", tmp_path)
    messages = child.messages()
    await until(messages, "ready")
    for number in range(3):
        await child.send({"op": "say", "number": number})
    heard = [await until(messages, "heard") for _ in range(3)]
    assert [message["command"]["number"] for message in heard] == [0, 1, 2]
    stopping = asyncio.create_task(child.stop(grace=60))
    assert await until(messages, "result") == {"kind": "result", "stopped": True}
    assert await stopping == Exit(0, None)


async def test_an_engine_that_will_not_stop_is_ended(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "obstinate", tmp_path)
    await until(child.messages(), "ready")
    assert await child.stop(grace=0.05) == Exit(None, signal.SIGKILL)


async def test_a_stop_right_after_the_launch_is_not_lost(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "obey", tmp_path)
    stopping = asyncio.create_task(child.stop(grace=60))
    assert (await everything(child))[-1] == {"kind": "result", "stopped": True}
    assert await stopping == Exit(0, None)


async def test_death_by_a_signal_is_reported(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "kill_itself", tmp_path)
    assert await everything(child) == []
    assert await child.wait() == Exit(None, signal.SIGKILL)


@pytest.mark.parametrize(
    ("name", "code"), [("refuse", "bad_rows"), ("crash", "engine_crashed"), ("nobody", "engine_crashed")]
)
async def test_failures_are_messages(engines: Engines, tmp_path: Path, name: str, code: str) -> None:
    child = await launch(engines, name, tmp_path)
    last = (await everything(child))[-1]
    assert (last["kind"], last["code"]) == ("failed", code)
    assert await child.wait() == Exit(1, None)


async def test_stderr_output_becomes_log_messages(engines: Engines, tmp_path: Path) -> None:
    messages = await everything(await launch(engines, "noisy", tmp_path))
    logged = [message["message"] for message in messages if message["kind"] == "log"]
    assert {"printed", "written to 1", "from a process", "100%"} <= set(logged)
    assert max(map(len, logged)) < 9000
    assert {"kind": "result"} in messages


async def test_lines_of_several_megabytes_arrive(engines: Engines, tmp_path: Path) -> None:
    messages = await everything(await launch(engines, "flood", tmp_path, lines=3, size=5_000_000))
    assert [len(message.get("text", "")) for message in messages] == [5_000_000] * 3 + [0]


async def test_endless_line_is_dropped_and_logged(engines: Engines, tmp_path: Path) -> None:
    messages = await everything(await launch(engines, "flood", tmp_path, lines=2, size=33 << 20))
    assert [message["kind"] for message in messages] == ["log", "log", "result"]
    assert "32 MiB" in messages[0]["message"]


async def test_slow_reader_blocks_the_engine(engines: Engines, tmp_path: Path) -> None:
    """Of 100 MB only what the pipes and the queue hold is written until somebody reads; then all of it arrives."""
    child = await launch(engines, "flood", tmp_path, lines=1000, size=100_000)
    messages = child.messages()
    assert (await anext(messages))["number"] == 0
    assert await asyncio.to_thread(written_when_blocked, child.pid) < 15_000_000
    numbers = [message["number"] async for message in messages if message["kind"] == "line"]
    assert numbers == list(range(1, 1000))


def written_when_blocked(pid: int) -> int:
    """Bytes the process has written once it has stood still for 20 looks, sleeping."""
    looks: list[tuple[str, int]] = []
    while len(looks) < 20 or len(set(looks[-20:])) > 1 or looks[-1][0] != "S":
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        looks.append((state, int(Path(f"/proc/{pid}/io").read_text().split()[3])))
        select.select([], [], [], 0.01)
    return looks[-1][1]


async def test_death_in_the_middle_of_a_line_ends_the_messages(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "flood", tmp_path, lines=1, size=8_000_000)
    await asyncio.to_thread(wait_until_writing, child.pid)
    killing = asyncio.create_task(child.kill())
    (message,) = await everything(child)
    assert (message["level"], "invalid message" in message["message"]) == ("error", True)
    assert await killing == Exit(None, signal.SIGKILL)


def wait_until_writing(pid: int) -> None:
    """Return once the main thread is blocked in a write of messages: a pipe holds less than the line."""
    write = {"x86_64": "1", "aarch64": "64"}[platform.machine()]
    while Path(f"/proc/{pid}/syscall").read_text().split()[:2] != [write, hex(MESSAGES)]:
        select.select([], [], [], 0.01)


async def test_concurrent_children_have_separate_pipes(engines: Engines, tmp_path: Path) -> None:
    obedient = await launch(engines, "obey", tmp_path)
    messages = obedient.messages()
    await until(messages, "ready")
    (result,) = await everything(await launch(engines, "fds", tmp_path))
    pipes = [target for target in result["fds"].values() if target.startswith("pipe:")]
    others = [target for target in result["fds"].values() if target.startswith("socket:")]
    assert (len(pipes), others) == (5, [])  # log twice, commands, messages, lifeline
    await obedient.kill()


async def test_the_forkserver_keeps_no_pipe_of_a_child(engines: Engines, tmp_path: Path) -> None:
    await everything(await launch(engines, "echo", tmp_path))
    held = os.listdir(f"/proc/{engines.forkserver_pid()}/fd")
    child = await launch(engines, "obey", tmp_path)
    await until(child.messages(), "ready")
    assert os.listdir(f"/proc/{engines.forkserver_pid()}/fd") == held
    await child.kill()


async def test_processes_started_by_an_engine_end_with_it(engines: Engines, tmp_path: Path) -> None:
    child = await launch(engines, "with_helper", tmp_path, leave=True)
    ready, _ = await everything(child)
    assert processes_ended(ready["helper"])


async def test_requested_thread_count_is_used(engines: Engines, tmp_path: Path) -> None:
    target = f"{ENGINES}:environment_threads"
    for given in ("3", "3,2"):
        child = await engines.launch(target, {}, cwd=tmp_path, env={"OMP_NUM_THREADS": given})
        assert await everything(child) == [{"kind": "result", "threads": 3}]
    for ignored in ("", "0", "many"):
        child = await engines.launch(target, {}, cwd=tmp_path, env={"OMP_NUM_THREADS": ignored})
        assert (await everything(child))[-1]["kind"] == "result"


async def test_a_killed_parent_ends_its_children_and_is_replaced(engines: Engines, tmp_path: Path) -> None:
    child = await bare(engines, "obstinate", tmp_path)
    messages = child.messages()
    await until(messages, "ready")
    first = engines.forkserver_pid("nothing")
    assert first
    os.kill(first, signal.SIGKILL)
    assert await child.wait() == Exit(None, signal.SIGKILL)
    assert [message async for message in messages] == []
    assert processes_ended(child.pid)
    assert (await everything(await bare(engines, "echo", tmp_path)))[-1]["kind"] == "result"
    assert engines.forkserver_pid("nothing") != first


async def test_a_child_that_leads_no_group_yet_can_be_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:  # in our group, as a fork is until it has a session of its own
        send_signal(child.pid, signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL


async def test_cancelled_launch_ends_its_child(engines: Engines, tmp_path: Path) -> None:
    """Cancelled while a new parent still imports: the child starts, finds its lifeline closed, and goes."""
    assert engines.forkserver_pid("nothing")
    os.kill(engines.forkserver_pid("nothing"), signal.SIGKILL)
    abandoned = asyncio.create_task(bare(engines, "obstinate", tmp_path))
    second = asyncio.create_task(bare(engines, "echo", tmp_path))
    await asyncio.sleep(0)
    abandoned.cancel()
    await everything(await second)
    children = (
        Path(f"/proc/{engines.forkserver_pid('nothing')}/task/{engines.forkserver_pid('nothing')}/children")
        .read_text()
        .split()
    )
    assert processes_ended(*map(int, children))


async def test_light_installation_names_the_missing_extra(engines: Engines, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        await engines.launch(f"{ENGINES}:echo", {}, cwd=tmp_path, requires=("json", "no_such_package"))
    assert refused.value.remedy == 'pip install "anneal[engine]"'
    assert "no_such_package" in refused.value.detail


async def test_close_ends_everything(tmp_path: Path) -> None:
    engines = Engines()
    child = await bare(engines, "with_helper", tmp_path)
    ready = await until(child.messages(), "ready")
    warm = engines.forkserver_pid("nothing")
    assert warm
    await engines.close()
    assert processes_ended(warm, child.pid, ready["helper"])
    assert engines.forkserver_pid("nothing") is None


SERVICE = f"""
import asyncio, json, sys
from pathlib import Path
from shared.engine.process.child import MESSAGES
from shared.engine.process.forkserver import send_signal
from shared.runtime.processes.children import Engines

async def main():
    engines, cwd = Engines(), Path(sys.argv[1])
    children = [await engines.launch("{ENGINES}:" + name, {{}}, cwd=cwd, requires=()) for name in sys.argv[2:]]
    streams = [child.messages() for child in children]
    ready = [await anext(stream) for stream in streams]
    helpers = [message["helper"] for message in ready if "helper" in message]
    print(json.dumps([engines.forkserver_pid("nothing"), *(child.pid for child in children), *helpers]))
    sys.stdout.flush()
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service process with two engines, one of which has started a process of its own."""
    command = [sys.executable, "-c", SERVICE, str(tmp_path), "obstinate", "with_helper"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_kill_9_of_the_service_ends_its_engines(service: subprocess.Popen[bytes]) -> None:
    assert service.stdout
    pids = json.loads(service.stdout.readline())
    assert len(pids) == 4
    service.kill()
    assert processes_ended(*pids)


async def test_short_engines_wait_for_a_place_and_projects_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "SHORT_ENGINES", 2)
    engines = Engines()
    target, order = f"{ENGINES}:obey", []

    async def run(project: str, number: int) -> None:
        child = await engines.launch(target, {}, cwd=tmp_path, requires=(), short_for=project)
        order.append((project, number))
        await child.kill()

    hog = await engines.launch(target, {}, cwd=tmp_path, requires=(), short_for="many")
    assert await anext(aiter(hog.messages())) == {"kind": "ready"}
    assert psutil.Process(hog.pid).nice() == psutil.Process().nice() + BESIDE_ANSWERS, "beside the answers of models"
    waiting = [asyncio.create_task(run("many", number)) for number in range(3)]
    await run("other", 0)  # the project with most requests leaves a place
    assert order == [("other", 0)]
    waiting[0].cancel()
    last = await engines.launch(target, {}, cwd=tmp_path, requires=(), short_for="other")
    waiting += [asyncio.create_task(run(project, 4)) for project in ("other", "third")]
    await (await bare(engines, "echo", tmp_path)).kill()  # another engine needs no place
    assert order == [("other", 0)]
    await hog.kill()
    async with asyncio.timeout(60):
        await asyncio.gather(*waiting[:3], waiting[4], return_exceptions=True)
    assert order[1] == ("third", 4), "it has had no turn yet"
    assert [number for project, number in order if project == "many"] == [1, 2]
    await last.kill()
    await waiting[3]
    await engines.close()


async def test_launch_without_free_descriptors_fails_and_leaves_nothing_to_wait_for(tmp_path: Path) -> None:
    engines = Engines()
    await (await bare(engines, "echo", tmp_path)).kill()
    before = len(os.listdir("/proc/self/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for spare in range(6):  # a launch takes eight; an earlier test may still give back two
            resource.setrlimit(resource.RLIMIT_NOFILE, (_next_descriptor(spare), limits[1]))
            with pytest.raises(OSError, match="Too many open files"):
                await bare(engines, "echo", tmp_path)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(os.listdir("/proc/self/fd")) == before
    async with asyncio.timeout(9):  # less than closing waits for children that do not end
        await engines.close()


def _next_descriptor(spare: int) -> int:
    """The limit that leaves `spare` descriptors free."""
    used = {int(name) for name in os.listdir("/proc/self/fd")}
    return [number for number in range(10_000) if number not in used][spare]
