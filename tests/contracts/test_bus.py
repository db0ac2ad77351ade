"""What the Bus port promises, sentence by sentence."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from shared.bus import Bus, DeadLetter, Reject
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS
from shared.events.training import TrainingProgressed, TrainingRequested, TrainingSucceeded
from shared.runtime.errors import Unavailable
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


async def dead_letters(bus: Bus, count: int = 1, service: str | None = None) -> list[DeadLetter]:
    """The dead letters, once there are so many."""
    async with asyncio.timeout(60):
        while len(letters := await bus.dead(service)) < count:
            await asyncio.sleep(0.01)
    return letters


async def test_envelope_arrives_unchanged(bus: Bus) -> None:
    handler, sent = Recorder(), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    assert await handler.until(1) == [sent]


async def test_events_published_before_the_subscription_are_delivered(bus: Bus) -> None:
    sent = [requested(str(number)) for number in range(5)]
    for envelope in sent:
        await bus.publish(envelope)
    handler = Recorder()
    await bus.subscribe("training", REQUESTED, handler)
    assert {e.id for e in await handler.until(5)} == {e.id for e in sent}


async def test_every_registered_consumer_receives_the_event(bus: Bus) -> None:
    services = CONSUMERS[TrainingSucceeded]
    assert len(services) > 1
    handlers = {service: Recorder() for service in services}
    for service, handler in handlers.items():
        await bus.subscribe(service, TrainingSucceeded.type, handler)
    facts = {name: "x" for name in TrainingSucceeded.model_fields if name not in ("after", "warnings")}
    sent = Envelope.of(TrainingSucceeded(**facts), service="training", subject="x", project="p")
    await bus.publish(sent)
    for handler in handlers.values():
        assert await handler.until(1) == [sent]


async def test_envelope_published_twice_is_delivered_twice(bus: Bus) -> None:
    handler, sent = Recorder(), requested()
    await bus.publish(sent)
    await bus.publish(sent)
    await bus.subscribe("training", REQUESTED, handler)
    assert await handler.until(2) == [sent, sent]


async def test_event_without_consumers_is_accepted(bus: Bus) -> None:
    await bus.publish(progressed("job"))
    assert await bus.dead() == []


async def test_concurrent_publishers_lose_no_event(bus: Bus) -> None:
    handler, sent = Recorder(), [requested(str(number)) for number in range(500)]
    await bus.subscribe("training", REQUESTED, handler)
    await asyncio.gather(*(bus.publish(envelope) for envelope in sent))
    assert {e.id for e in await handler.until(500)} == {e.id for e in sent}


async def test_failed_delivery_is_retried_after_growing_delays(bus_place: Any) -> None:
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


async def test_event_becomes_a_dead_letter_after_the_last_attempt(bus: Bus) -> None:
    handler, sent = Recorder(fail), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    [letter] = await dead_letters(bus)
    assert (letter.service, letter.envelope, letter.attempts) == ("training", sent, 4)
    assert "the disk is full" in letter.reason
    assert len(handler.got) == 4


async def test_an_outage_of_a_dependency_is_no_attempt(bus_place: Any) -> None:
    bus = await bus_place.open(retry_delays=(0.02, 0.03))

    async def unavailable_for_long(envelope: Envelope) -> None:
        if len(handler.got) <= 5:
            raise Unavailable("The documents do not respond.")
        raise RuntimeError("a defect")

    handler = Recorder(unavailable_for_long)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested())
    [letter] = await dead_letters(bus)
    assert (letter.attempts, len(handler.got)) == (3, 5 + 3)
    assert "a defect" in letter.reason


async def test_reject_dead_letters_at_once(bus: Bus) -> None:
    handler = Recorder(reject)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested())
    [letter] = await dead_letters(bus)
    assert (letter.attempts, len(handler.got)) == (1, 1)
    assert "no such model" in letter.reason


async def test_cancellation_inside_a_handler_counts_as_a_failure(bus: Bus) -> None:
    async def cancelled_once(envelope: Envelope) -> None:
        if len(handler.got) == 1:
            raise asyncio.CancelledError

    handler, sent = Recorder(cancelled_once), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    assert await handler.until(2) == [sent, sent]


async def test_dead_letters_are_listed_oldest_first_and_by_service(bus: Bus) -> None:
    await bus.subscribe("training", REQUESTED, Recorder(reject))
    for number in range(3):
        await bus.publish(requested(str(number)))
        await dead_letters(bus, number + 1)
    assert [letter.envelope.subject for letter in await bus.dead("training")] == ["0", "1", "2"]
    assert await bus.dead("gateway") == []


async def test_replay_resets_the_attempts(bus: Bus) -> None:
    handler, sent = Recorder(fail), requested()
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(sent)
    [letter] = await dead_letters(bus)
    assert await bus.replay(letter.id)
    await handler.until(8)
    [letter] = await dead_letters(bus)
    assert (letter.envelope, letter.attempts) == (sent, 4)


async def test_replay_returns_the_number_of_existing_letters(bus: Bus) -> None:
    handler = Recorder(reject)
    await bus.subscribe("training", REQUESTED, handler)
    for number in range(3):
        await bus.publish(requested(str(number)))
    first, second, _ = await dead_letters(bus, 3)
    assert await bus.replay(first.id, "no such letter", second.id) == 2
    await handler.until(5)
    assert len(await dead_letters(bus, 3)) == 3
    assert await bus.replay("no such letter") == 0
    assert await bus.replay() == 0


async def test_delivery_waiting_for_a_retry_does_not_block_others(bus_place: Any) -> None:
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


async def test_queue_delivers_one_event_at_a_time(bus: Bus) -> None:
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


async def test_different_queues_deliver_concurrently(bus: Bus) -> None:
    services = CONSUMERS[TrainingSucceeded][:2]
    barrier, met = asyncio.Barrier(len(services)), asyncio.Event()

    async def meet(envelope: Envelope) -> None:
        await barrier.wait()
        met.set()

    for service in services:
        await bus.subscribe(service, TrainingSucceeded.type, meet)
    facts = {name: "x" for name in TrainingSucceeded.model_fields if name not in ("after", "warnings")}
    await bus.publish(Envelope.of(TrainingSucceeded(**facts), service="training", subject="x", project="p"))
    await asyncio.wait_for(met.wait(), 60)


async def test_handler_runs_in_the_publishers_trace(bus: Bus) -> None:
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


async def test_close_waits_for_the_running_handler_and_keeps_the_rest(bus_place: Any) -> None:
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


async def test_pending_retries_and_dead_letters_survive_closing(bus_place: Any) -> None:
    bus = await bus_place.open(retry_delays=(0.2,))
    await bus.subscribe("training", REQUESTED, Recorder(reject))
    await bus.publish(requested("dead"))
    await dead_letters(bus)
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


async def test_confirmed_publishes_survive_a_kill(bus_place: Any, kill_after: Any) -> None:
    confirmed = await asyncio.to_thread(kill_after, 200, PUBLISHER, bus_place)
    handler = Recorder()
    await (await bus_place.open()).subscribe("training", REQUESTED, handler)
    assert await handler.until_all(set(confirmed))  # others, published but not yet confirmed, may come between


async def test_delivery_in_flight_at_a_kill_is_repeated(bus_place: Any, kill_after: Any) -> None:
    assert await asyncio.to_thread(kill_after, 1, HOLDER, bus_place) == ["held"]
    handler = Recorder()
    await (await bus_place.open()).subscribe("training", REQUESTED, handler)
    assert [e.subject for e in await handler.until(1)] == ["held"]


async def test_broadcast_reaches_every_listener_of_its_type(bus: Bus) -> None:
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


async def test_broadcast_without_listeners_is_lost(bus: Bus) -> None:
    await bus.broadcast(progressed("before"))
    async with bus.listen([PROGRESSED]) as stream:
        await bus.broadcast(progressed("after"))
        assert (await asyncio.wait_for(anext(stream), 60)).subject == "after"


async def test_slow_listener_loses_the_oldest_broadcasts(bus_place: Any) -> None:
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


async def test_handler_can_publish(bus: Bus) -> None:
    async def next_one(envelope: Envelope) -> None:
        if len(handler.got) < 300:
            await bus.publish(requested(str(len(handler.got))))

    handler = Recorder(next_one)
    await bus.subscribe("training", REQUESTED, handler)
    await bus.publish(requested("0"))
    assert len({e.subject for e in await handler.until(300)}) == 300
