"""Leases: one holder, fenced writes, owners' wishes, and work that outlives its worker."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.documents.entities import EntityStore
from shared.runtime.errors import Conflict, Unavailable
from shared.runtime.jobs import leases
from shared.runtime.jobs import worker as workers
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.jobs.outbox import Outbox
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.service import background

Run = Callable[[Work, Lease[Work]], Awaitable[None]]


class Task(Work):
    pass


@pytest.fixture
async def store(outbox: Outbox) -> EntityStore[Task]:
    return EntityStore(await outbox.open("training.tasks"), Task, service="training", kick=outbox.kick)


def task(id: str = "task_1", **members: object) -> Task:
    return Task(id=id, project="default", **members)


def succeed(work: Task) -> None:
    work.state = "succeeded"


async def until(store: EntityStore[Task], id: str, *states: str) -> Task:
    """The task once it is in one of `states`; fails after a minute."""
    async with asyncio.timeout(60):
        while (found := await store.get(id)).state not in states:
            await asyncio.sleep(0.01)
    return found


@asynccontextmanager
async def at_work(
    store: EntityStore[Task], run: Run, *, exclusive: bool = False, slots: int = 1
) -> AsyncIterator[Worker]:
    worker = Worker(store, run, Slots(slots), exclusive=exclusive, poll=0.02)
    async with background(worker.serve()):
        yield worker


async def test_work_is_claimed_by_priority_then_age(store: EntityStore[Task]) -> None:
    order: list[str] = []

    async def run(work: Work, lease: Lease[Work]) -> None:
        order.append(work.id)
        await lease.change(succeed)

    for id, priority in (("task_a", 0), ("task_b", 0), ("task_c", 5)):
        await store.create(task(id, priority=priority))
    async with at_work(store, run):
        for id in ("task_a", "task_b", "task_c"):
            await until(store, id, "succeeded")
    assert order == ["task_c", "task_a", "task_b"]


async def test_projects_take_turns_and_one_leaves_a_slot(
    store: EntityStore[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOKAHEAD", 3)
    order: list[str] = []
    proceed = asyncio.Event()

    async def run(work: Work, lease: Lease[Work]) -> None:
        order.append(work.id)
        if work.id == "many_0":
            await proceed.wait()
        await lease.change(succeed)

    for number in range(5):
        await store.create(Task(id=f"many_{number}", project="many"))
    async with at_work(store, run, slots=2) as worker:
        await until(store, "many_0", "running")
        for project in ("other", "third"):
            await store.create(Task(id=f"{project}_0", project=project))
            worker.wake()
            await until(store, f"{project}_0", "succeeded")
        assert order == ["many_0", "other_0", "third_0"]
        await store.create(Task(id="other_1", project="other"))
        proceed.set()
        for id in ("other_1", "many_4"):
            await until(store, id, "succeeded")
    assert sorted(order[3:]) == sorted(["other_1", *(f"many_{number}" for number in range(1, 5))])


async def test_a_project_behind_the_backlogs_of_others_has_its_turn(
    store: EntityStore[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOKAHEAD", 3)
    order: list[str] = []

    async def run(work: Work, lease: Lease[Work]) -> None:
        order.append(work.project)
        await lease.change(succeed)

    for number, project in enumerate(("many", "more", "many", "more", "many", "more", "other")):
        await store.create(Task(id=f"task_{number}", project=project))
    async with at_work(store, run, slots=1):
        for number in range(7):
            await until(store, f"task_{number}", "succeeded")
    assert sorted(order[:3]) == ["many", "more", "other"]


async def test_two_workers_never_run_the_same_work(store: EntityStore[Task]) -> None:
    ran: list[str] = []

    async def run(work: Work, lease: Lease[Work]) -> None:
        ran.append(work.id)
        await lease.change(succeed)

    ids = [f"task_{i}" for i in range(20)]
    for id in ids:
        await store.create(task(id))
    async with at_work(store, run, slots=3), at_work(store, run, slots=3):
        for id in ids:
            await until(store, id, "succeeded")
    assert sorted(ran) == sorted(ids)


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ValueError("no such column"), "internal_error"), (OSError(errno.ENOSPC, "No space left"), "disk_full")],
)
async def test_exception_in_a_run_fails_the_work(store: EntityStore[Task], error: Exception, cause: str) -> None:
    async def run(work: Work, lease: Lease[Work]) -> None:
        raise error

    await store.create(task())
    async with at_work(store, run):
        failed = await until(store, "task_1", "failed")
    assert (failed.cause, failed.detail) == (cause, str(error))


async def test_cancellation_reaches_the_holder(store: EntityStore[Task]) -> None:
    async def run(work: Work, lease: Lease[Work]) -> None:
        await lease.wait_for_interrupt()
        assert lease.wanted == "cancel"
        await lease.change(Work.mark_cancelled)

    await store.create(task())
    async with at_work(store, run) as worker:
        await until(store, "task_1", "running")
        await store.change("task_1", Work.request_cancel)
        worker.nudge("task_1")
        await until(store, "task_1", "cancelled")


async def test_closing_process_still_interrupts_resumed_work(store: EntityStore[Task]) -> None:
    await store.create(task())
    lease = Lease(store, await store.change("task_1", lambda w: w.claim("here")))
    async with background(lease.send_heartbeats()):
        await store.change("task_1", Work.request_pause)
        lease.nudge()
        await lease.wait_for_interrupt()
        lease.close()
        await store.change("task_1", Work.request_resume)
        lease.nudge()
        async with asyncio.timeout(60):
            while lease.wanted != "run":
                await asyncio.sleep(0.01)
        assert lease.interrupt_requested


async def test_a_stale_token_cannot_write(store: EntityStore[Task]) -> None:
    await store.create(task())
    claimed = await store.change("task_1", lambda w: w.claim("here"))
    lease = Lease(store, claimed)
    await store.change("task_1", lambda w: setattr(w, "token", w.token + 1))
    with pytest.raises(LeaseLost) as refused:
        await lease.change(succeed)
    assert (refused.value.status, refused.value.code) == (409, "lease_lost")
    assert lease.lost
    assert (await store.get("task_1")).state == "running"


async def test_lease_outlasts_an_unreachable_database_until_another_worker_takes_it(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT", 0.01)
    failures = [Unavailable("The document server does not answer."), OSError(errno.ECONNREFUSED, "refused")]

    class Leaving(EntityStore[Task]):
        async def heartbeat(self, id: str, token: int) -> Task | None:
            if failures:
                raise failures.pop()
            return await super().heartbeat(id, token)

    store = Leaving(await outbox.open("training.tasks"), Task, service="training", kick=outbox.kick)
    await store.create(task())
    lease = Lease(store, await store.change("task_1", lambda w: w.claim("here")))
    async with background(lease.send_heartbeats()), asyncio.timeout(60):
        while not (await store.get("task_1")).beat:
            await asyncio.sleep(0.01)
        assert not lease.lost
        await store.change("task_1", lambda w: setattr(w, "token", w.token + 1))
        await lease.wait_for_interrupt()
        assert lease.lost


def test_two_missed_heartbeats_do_not_lose_a_lease() -> None:
    assert 3 * leases.HEARTBEAT <= workers.LEASE_TIMEOUT


async def test_closing_requeues_work_without_counting_the_attempt(store: EntityStore[Task]) -> None:
    async def run(work: Work, lease: Lease[Work]) -> None:
        await lease.wait_for_interrupt()
        assert lease.closing
        await lease.change(lambda w: w.hand_back(counts=False))

    await store.create(task())
    async with at_work(store, run):
        await until(store, "task_1", "running")
    back = await store.get("task_1")
    assert (back.state, back.attempts) == ("queued", 0)


async def test_exclusive_worker_recovers_dead_work_at_once(store: EntityStore[Task]) -> None:
    async def run(work: Work, lease: Lease[Work]) -> None:
        await lease.change(succeed)

    await store.create(task())
    await store.change("task_1", lambda w: w.claim("a process that died"))
    async with at_work(store, run, exclusive=True):
        done = await until(store, "task_1", "succeeded")
    assert (done.attempts, done.token) == (2, 3)


async def test_on_takeover_is_called_for_a_lost_lease(store: EntityStore[Task]) -> None:
    await store.create(task(state="running", token=7, wanted="cancel"))
    taken: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def hear(work: Task) -> None:
        taken.put_nowait((work.state, work.token))

    async def run(work: Task, lease: Lease[Task]) -> None:
        raise AssertionError("it was cancelled")

    worker = Worker(store, run, Slots(1), exclusive=True, poll=0.02, on_takeover=hear)
    async with background(worker.serve()):
        assert await asyncio.wait_for(taken.get(), 60) == ("cancelled", 8)


async def test_only_a_lease_without_heartbeats_is_taken_over(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LEASE_TIMEOUT", 0.3)
    ran: list[str] = []

    class Beating(EntityStore[Task]):
        async def find(self, *args: Any, **more: Any) -> list[Task]:
            await self.heartbeat("task_alive", 1)  # however slow the disk is, each look sees another beat
            return await super().find(*args, **more)

    async def run(work: Work, lease: Lease[Work]) -> None:
        ran.append(work.id)
        await lease.change(succeed)

    store = Beating(await outbox.open("training.tasks"), Task, service="training", kick=outbox.kick)
    for id in ("task_dead", "task_alive"):
        await store.create(task(id))
        await store.change(id, lambda w: w.claim("elsewhere"))

    async with at_work(store, run):
        await until(store, "task_dead", "succeeded")
        assert (await store.get("task_alive")).state == "running"
    assert ran == ["task_dead"]


async def test_a_database_that_stalls_does_not_look_like_dead_workers(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LEASE_TIMEOUT", 0.3)
    monkeypatch.setattr(workers, "HEARTBEAT", 0.1)
    reads = 0

    class Stalling(EntityStore[Task]):
        async def find(self, *args: Any, **more: Any) -> list[Task]:
            nonlocal reads
            found = await super().find(*args, **more)
            reads += 1
            await asyncio.sleep(0.12)
            return found

    store = Stalling(await outbox.open("training.tasks"), Task, service="training", kick=outbox.kick)
    await store.create(task())
    await store.change("task_1", lambda w: w.claim("elsewhere"))

    async def run(work: Work, lease: Lease[Work]) -> None:
        raise AssertionError("its holder lives")

    async with at_work(store, run):
        while reads < 8:
            await asyncio.sleep(0.01)
    assert (await store.get("task_1")).token == 1


async def test_unavailable_server_costs_no_attempt(store: EntityStore[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "REQUEUE_DELAY_S", 0.01)
    away = 5

    async def run(work: Work, lease: Lease[Work]) -> None:
        nonlocal away
        away -= 1
        if away > 0:
            raise Unavailable("The object store does not answer.")
        await lease.change(succeed)

    await store.create(task())
    async with at_work(store, run):
        done = await until(store, "task_1", "succeeded", "failed")
    assert (done.state, done.attempts) == ("succeeded", 1)


async def test_work_is_requeued_once_its_database_is_back(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "REQUEUE_DELAY_S", 0.01)
    away = False

    class Leaving(EntityStore[Task]):
        async def change(self, *args: Any, **more: Any) -> Task:
            nonlocal away
            if away:
                away = False
                raise Unavailable("The document server does not answer.")
            return await super().change(*args, **more)

    store = Leaving(await outbox.open("training.tasks"), Task, service="training", kick=outbox.kick)

    async def run(work: Work, lease: Lease[Work]) -> None:
        nonlocal away
        if work.token == 1:
            away = True
        await lease.change(succeed)

    await store.create(task())
    async with at_work(store, run):
        done = await until(store, "task_1", "succeeded")
    assert (done.attempts, done.token) == (1, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"state": "running", "attempts": 3}, "failed"),
        ({"state": "running", "attempts": 1}, "queued"),
        ({"state": "running", "attempts": 1, "wanted": "cancel"}, "cancelled"),
        ({"state": "pausing", "attempts": 1, "wanted": "pause"}, "paused"),
        ({"state": "publishing", "attempts": 3}, "queued"),
    ],
)
async def test_work_of_a_dead_holder_is_cancelled_paused_requeued_or_failed(
    store: EntityStore[Task], before: dict[str, object], after: str
) -> None:
    async def run(work: Work, lease: Lease[Work]) -> None:
        raise AssertionError("no slot is free")

    await store.create(task(**before))
    async with at_work(store, run, exclusive=True, slots=0):
        await until(store, "task_1", after)


def states(changes: Sequence[Callable[[Work], object]]) -> str:
    work = task()
    for change in changes:
        change(work)
    return work.state


def test_owner_can_pause_resume_and_cancel_unclaimed_work() -> None:
    assert states([Work.request_pause]) == "paused"
    assert states([Work.request_pause, Work.request_resume]) == "queued"
    assert states([Work.request_pause, Work.request_cancel]) == "cancelled"
    assert states([Work.request_cancel, Work.request_cancel]) == "cancelled"
    with pytest.raises(Conflict):
        states([Work.request_resume])
    with pytest.raises(Conflict):
        states([succeed, Work.request_cancel])


def test_first_final_state_stays() -> None:
    work = task()
    work.fail("out_of_memory", "too big")
    work.mark_cancelled()
    assert (work.state, work.cause) == ("failed", "out_of_memory")
