"""What the Bus port promises, sentence by sentence."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from shared.bus import Bus, DeadLetter, Reject
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS
from shared.events.training import TrainingProgressed, TrainingRequested, TrainingSucceeded
from shared.runtime.telemetry.tracing import traceparent

REQUESTED = TrainingRequested.type
PROGRESSED = TrainingProgressed.type
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def requested(subject: str = "job") -> Envelope:
    return Envelope.of(TrainingRequested(job_id=subject), service="training", subject=subject, project="p", sequence=3)


def progressed(subject: str) -> Envelope:
    return Envelope.of(TrainingProgressed(job_id=subject, records=[]), service="training", subject=subject, project="p")


class Recorder:
    """A handler that keeps what it got, then does what `then` says."""

    def __init__(self, then: Callable[[Envelope], Awaitable[None]] | None = None) -> None:
        self.got: list[Envelope] = []
        self.times: list[float] = []
        self._then = then
        self._changed = asyncio.Condition()

    async def __call__(self, envelope: Envelope) -> None:
        async with self._changed:
            self.got.append(envelope)
            self.times.append(time.monotonic())
            self._changed.notify_all()
        if self._then:
            await self._then(envelope)

    async def until(self, count: int) -> list[Envelope]:
        return await self._when(lambda: len(self.got) >= count)

    async def until_all(self, subjects: set[str]) -> list[Envelope]:
        return await self._when(lambda: {e.subject for e in self.got} >= subjects)

    async def _when(self, enough: Callable[[], bool]) -> list[Envelope]:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(enough)
        return self.got


async def fail(envelope: Envelope) -> None:
    raise RuntimeError("the disk is full")


async def reject(envelope: Envelope) -> None:
    raise Reject("no such model")


async def buried(bus: Bus, count: int = 1, room: str | None = None) -> list[DeadLetter]:
    """The dead letters, once there are so many."""
    async with asyncio.timeout(60):
        while len(letters := await bus.dead(room)) < count:
            await asyncio.sleep(0.01)
    return letters


async def test_an_envelope_arrives_as_it_was_sent(bus: Bus) -> None:
    handler, sent = Recorder(), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    assert await handler.until(1) == [sent]


async def test_what_was_published_before_the_subscription_arrives(bus: Bus) -> None:
    sent = [requested(str(number)) for number in range(5)]
    for envelope in sent:
        await bus.publish(envelope)
    handler = Recorder()
    await bus.subscribe("training", REQUESTED, handler)
    assert {e.id for e in await handler.until(5)} == {e.id for e in sent}


async def test_every_registered_consumer_gets_it(bus: Bus) -> None:
    rooms = CONSUMERS[TrainingSucceeded]
    assert len(rooms) > 1
    handlers = {room: Recorder() for room in rooms}
    for room, handler in handlers.items():
        await bus.subscribe(room, TrainingSucceeded.type, handler)
    facts = {name: "x" for name in TrainingSucceeded.model_fields if name != "after"}
    sent = Envelope.of(TrainingSucceeded(**facts), service="training", subject="x", project="p")
    await bus.publish(sent)
    for handler in handlers.values():
        assert await handler.until(1) == [sent]


async def test_the_same_envelope_twice_is_delivered_twice(bus: Bus) -> None:
    handler, sent = Recorder(), requested()
    await bus.publish(sent)
    await bus.publish(sent)
    await bus.subscribe("training", REQUESTED, handler)
    assert await handler.until(2) == [sent, sent]


async def test_an_event_without_consumers_is_no_error(bus: Bus) -> None:
    await bus.publish(progressed("job"))
    assert await bus.dead() == []


async def test_many_publishers_lose_nothing(bus: Bus) -> None:
    handler, sent = Recorder(), [requested(str(number)) for number in range(500)]
    await bus.subscribe("training", REQUESTED, handler)
    await asyncio.gather(*(bus.publish(envelope) for envelope in sent))
    assert {e.id for e in await handler.until(500)} == {e.id for e in sent}


async def test_a_failure_is_tried_again_after_growing_delays(bus_place: Any) -> None:
    delays = (0.05, 0.15)
    bus = await bus_place.open(retry_delays=delays)

    async def fail_twice(envelope: Envelope) -> None:
        if len(handler.got) < 3:
            raise RuntimeError("not yet")

    handler = Recorder(fail_twice)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested())
    await handler.until(3)
    waited = [after - before for before, after in zip(handler.times, handler.times[1:], strict=False)]
    assert [wait >= delay * 0.95 for wait, delay in zip(waited, delays, strict=True)] == [True, True], waited
    await bus_place.close()
    assert await (await bus_place.open()).dead() == []
    assert len(handler.got) == 3


async def test_after_the_last_attempt_it_is_dead(bus: Bus) -> None:
    handler, sent = Recorder(fail), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    [letter] = await buried(bus)
    assert (letter.service, letter.envelope, letter.attempts) == ("training", sent, 4)
    assert "the disk is full" in letter.reason
    assert len(handler.got) == 4


async def test_reject_buries_at_once(bus: Bus) -> None:
    handler = Recorder(reject)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested())
    [letter] = await buried(bus)
    assert (letter.attempts, len(handler.got)) == (1, 1)
    assert "no such model" in letter.reason


async def test_a_cancellation_inside_a_handler_is_a_failure_and_the_queue_lives_on(bus: Bus) -> None:
    async def cancelled_once(envelope: Envelope) -> None:
        if len(handler.got) == 1:
            raise asyncio.CancelledError

    handler, sent = Recorder(cancelled_once), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    assert await handler.until(2) == [sent, sent]


async def test_dead_letters_come_oldest_first_and_by_room(bus: Bus) -> None:
    await bus.subscribe("training", REQUESTED, Recorder(reject))
    for number in range(3):
        await bus.publish(requested(str(number)))
        await buried(bus, number + 1)
    assert [letter.envelope.subject for letter in await bus.dead("training")] == ["0", "1", "2"]
    assert await bus.dead("gateway") == []


async def test_replay_forgets_the_attempts(bus: Bus) -> None:
    handler, sent = Recorder(fail), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    [letter] = await buried(bus)
    assert await bus.replay(letter.id)
    await handler.until(8)
    [letter] = await buried(bus)
    assert (letter.envelope, letter.attempts) == (sent, 4)


async def test_replay_counts_the_letters_that_were_there(bus: Bus) -> None:
    handler = Recorder(reject)
    await bus.subscribe("training", REQUESTED, handler)
    for number in range(3):
        await bus.publish(requested(str(number)))
    first, second, _ = await buried(bus, 3)
    assert await bus.replay(first.id, "no such letter", second.id) == 2
    await handler.until(5)
    assert len(await buried(bus, 3)) == 3
    assert await bus.replay("no such letter") == 0
    assert await bus.replay() == 0


async def test_others_pass_what_waits_for_its_next_attempt(bus_place: Any) -> None:
    bus = await bus_place.open(retry_delays=(600.0,))

    async def fail_the_first(envelope: Envelope) -> None:
        if envelope.subject == "first":
            raise RuntimeError("later")

    handler = Recorder(fail_the_first)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested("first"))
    await handler.until(1)
    await bus.publish(requested("second"))
    assert [e.subject for e in await handler.until(2)] == ["first", "second"]


async def test_a_queue_delivers_one_at_a_time(bus: Bus) -> None:
    running, most = 0, 0

    async def overlap(envelope: Envelope) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    handler = Recorder(overlap)
    await bus.subscribe("training", REQUESTED, handler)
    await asyncio.gather(*(bus.publish(requested(str(number))) for number in range(50)))
    await handler.until(50)
    assert most == 1


async def test_different_queues_run_at_the_same_time(bus: Bus) -> None:
    rooms = CONSUMERS[TrainingSucceeded][:2]
    barrier, met = asyncio.Barrier(len(rooms)), asyncio.Event()

    async def meet(envelope: Envelope) -> None:
        await barrier.wait()
        met.set()

    for room in rooms:
        await bus.subscribe(room, TrainingSucceeded.type, meet)
    facts = {name: "x" for name in TrainingSucceeded.model_fields if name != "after"}
    await bus.publish(Envelope.of(TrainingSucceeded(**facts), service="training", subject="x", project="p"))
    await asyncio.wait_for(met.wait(), 60)


async def test_the_handler_runs_within_the_publishers_trace(bus: Bus) -> None:
    seen: list[str | None] = []

    async def look(envelope: Envelope) -> None:
        seen.append(traceparent())

    handler = Recorder(look)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested("traced").model_copy(update={"traceparent": PARENT}))
    await bus.publish(requested("untraced").model_copy(update={"traceparent": None}))
    await handler.until(2)
    traces = dict(zip((e.subject for e in handler.got), seen, strict=True))
    assert traces["traced"].split("-")[1] == PARENT.split("-")[1]
    assert PARENT.split("-")[1] not in (traces["untraced"] or "")


async def test_close_lets_the_running_handler_finish_and_keeps_the_rest(bus_place: Any) -> None:
    bus, release = await bus_place.open(), asyncio.Event()

    async def hold(envelope: Envelope) -> None:
        await release.wait()

    handler = Recorder(hold)
    for subject in ("first", "second"):
        await bus.publish(requested(subject))
    await bus.subscribe("training", REQUESTED, handler)
    await handler.until(1)
    closing = asyncio.create_task(bus_place.close())
    done, _ = await asyncio.wait({closing}, timeout=0.1)
    assert not done
    release.set()
    await closing
    [finished] = handler.got
    rest = Recorder()
    bus = await bus_place.open()
    await bus.publish(requested("third"))
    await bus.subscribe("training", REQUESTED, rest)
    left = {"first", "second", "third"} - {finished.subject}
    assert {e.subject for e in await rest.until(len(left))} == left


async def test_what_waits_for_an_attempt_and_what_is_dead_survive_closing(bus_place: Any) -> None:
    bus = await bus_place.open(retry_delays=(0.2,))
    await bus.subscribe("training", REQUESTED, Recorder(reject))
    await bus.publish(requested("dead"))
    await buried(bus)
    bus = await bus_place.open(retry_delays=(0.2,))
    handler = Recorder(fail)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested("waiting"))
    await handler.until(1)
    bus = await bus_place.open(retry_delays=(0.2,))
    again = Recorder()
    await bus.subscribe("training", REQUESTED, again)
    assert [e.subject for e in await again.until(1)] == ["waiting"]
    assert [letter.envelope.subject for letter in await bus.dead()] == ["dead"]


PUBLISHER = """
import asyncio, sys, itertools
from pathlib import Path
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from tests.contracts.adapters import BUS

async def main():
    bus = await BUS[sys.argv[1]](Path(sys.argv[2]), retry_delays=(1.0,), listener_buffer=10)
    numbers = itertools.count()
    async def publish():
        for number in numbers:
            event = TrainingRequested(job_id=str(number))
            await bus.publish(Envelope.of(event, service="training", subject=str(number), project="p"))
            print(number)
    await asyncio.gather(*(publish() for _ in range(8)))

asyncio.run(main())
"""

HOLDER = """
import asyncio, sys
from pathlib import Path
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from tests.contracts.adapters import BUS

async def hold(envelope):
    print(envelope.subject)
    await asyncio.Event().wait()

async def main():
    bus = await BUS[sys.argv[1]](Path(sys.argv[2]), retry_delays=(1.0,), listener_buffer=10)
    await bus.subscribe("training", TrainingRequested.type, hold)
    await bus.publish(Envelope.of(TrainingRequested(job_id="held"), service="training", subject="held", project="p"))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_was_confirmed_survives_a_kill(bus_place: Any, kill_after: Any) -> None:
    confirmed = await asyncio.to_thread(kill_after, 200, PUBLISHER, bus_place)
    handler = Recorder()
    await (await bus_place.open()).subscribe("training", REQUESTED, handler)
    assert await handler.until_all(set(confirmed))  # others, published but not yet confirmed, may come between


async def test_what_was_in_flight_at_a_kill_is_delivered_again(bus_place: Any, kill_after: Any) -> None:
    assert await asyncio.to_thread(kill_after, 1, HOLDER, bus_place) == ["held"]
    handler = Recorder()
    await (await bus_place.open()).subscribe("training", REQUESTED, handler)
    assert [e.subject for e in await handler.until(1)] == ["held"]


async def test_a_broadcast_reaches_each_who_listens_to_its_type(bus: Bus) -> None:
    sent = progressed("job")
    async with (
        bus.listen([PROGRESSED]) as one,
        bus.listen([REQUESTED, PROGRESSED]) as two,
        bus.listen([REQUESTED]) as none,
    ):
        await bus.broadcast(sent)
        await bus.broadcast(last := requested())
        assert await asyncio.wait_for(anext(one), 60) == sent
        assert [await asyncio.wait_for(anext(two), 60) for _ in range(2)] == [sent, last]
        assert await asyncio.wait_for(anext(none), 60) == last


async def test_a_broadcast_to_nobody_is_gone(bus: Bus) -> None:
    await bus.broadcast(progressed("before"))
    async with bus.listen([PROGRESSED]) as stream:
        await bus.broadcast(progressed("after"))
        assert (await asyncio.wait_for(anext(stream), 60)).subject == "after"


async def test_a_slow_listener_loses_the_oldest(bus_place: Any) -> None:
    bus = await bus_place.open(listener_buffer=3)
    async with bus.listen([PROGRESSED]) as slow, bus.listen([PROGRESSED]) as fast:
        for number in range(10):
            await bus.broadcast(progressed(str(number)))
            await asyncio.wait_for(anext(fast), 60)
        got = [(await asyncio.wait_for(anext(slow), 60)).subject for _ in range(3)]
    assert got == ["7", "8", "9"]


async def test_closing_ends_the_listeners(bus_place: Any) -> None:
    bus = await bus_place.open()
    async with bus.listen([PROGRESSED]) as stream:
        waiting = asyncio.create_task(anext(stream, None))
        await bus_place.close()
        assert await asyncio.wait_for(waiting, 60) is None


async def test_ping_answers(bus: Bus) -> None:
    await bus.ping()


async def test_a_handler_may_publish(bus: Bus) -> None:
    async def next_one(envelope: Envelope) -> None:
        if len(handler.got) < 300:
            await bus.publish(requested(str(len(handler.got))))

    handler = Recorder(next_one)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested("0"))
    assert len({e.subject for e in await handler.until(300)}) == 300
