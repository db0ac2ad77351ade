"""Durable publish -> consume: the embedded bus and RabbitMQ through our port, beside raw aio-pika in the same run.

    python benchmarks/bus.py [--quick]

Every contestant publishes the same envelopes (one registered consumer, 32 in flight, then one at a time) and is done
when the last was handled and acknowledged. Raw aio-pika gets the finished bytes and hands them to a function: a durable
topic exchange, one quorum queue with the same arguments, persistent and mandatory messages, confirms, prefetch 64, an
acknowledgement each. All take turns, in changing order; the table has medians over the rounds, and the ratio is the
median of each round's own, so that a machine with other work to do disturbs both sides alike.
RabbitMQ is a private node of Debian's package, or ANNEAL_TEST_AMQP_URL.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aio_pika

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deploy.servers import rabbitmq
from shared.bus.local import LocalBus
from shared.bus.protocol import Bus
from shared.bus.rabbit import PREFETCH, RabbitBus
from shared.bus.topology import Names
from shared.events.envelope import Envelope
from shared.events.evaluation import EvaluationRequested

ROOM, TYPE = "evaluation", EvaluationRequested.type
IN_FLIGHT = 32
AIM = 0.9

Publish = Callable[[Envelope], Awaitable[object]]


class Done:
    """Counts handled events; `wait` returns at the expected number."""

    def __init__(self) -> None:
        self._left = 0
        self._empty = asyncio.Event()

    def expect(self, count: int) -> None:
        self._left = count
        self._empty.clear()

    def one(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._empty.set()

    async def wait(self) -> None:
        await self._empty.wait()


@dataclass(frozen=True)
class Contestant:
    """How to publish one envelope, and when all were handled."""

    name: str
    publish: Publish
    done: Done
    close: Callable[[], Awaitable[object]]


async def ours(name: str, bus: Bus) -> Contestant:
    """A bus of ours with a handler that only counts."""
    done = Done()

    async def handle(envelope: Envelope) -> None:
        done.one()

    await bus.subscribe(ROOM, TYPE, handle)
    return Contestant(name, bus.publish, done, bus.close)


async def raw(url: str) -> Contestant:
    """Plain aio-pika with the same durability; bodies are made before the clock runs."""
    done, names = Done(), Names("raw")
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.declare_exchange(names.events, aio_pika.ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_queue(names.dead, durable=True, arguments=names.graves())
    consuming = await connection.channel()
    await consuming.set_qos(prefetch_count=PREFETCH)
    arguments = names.quorum(**{"x-dead-letter-routing-key": dead.name})
    queue = await consuming.declare_queue(names.queue(ROOM, TYPE), durable=True, arguments=arguments)
    await queue.bind(exchange, TYPE)

    async def consume(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        done.one()

    async def publish(envelope: Envelope) -> None:
        body = bodies[envelope.id]
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, TYPE, mandatory=True)

    await queue.consume(consume)
    return Contestant("raw aio-pika", publish, done, connection.close)


bodies: dict[str, bytes] = {}


def envelopes(count: int) -> list[Envelope]:
    """Fresh envelopes, with their bytes for the peer."""
    made = [
        Envelope.of(EvaluationRequested(evaluation_id=f"eval_{number}"), room=ROOM, subject=str(number), project="p")
        for number in range(count)
    ]
    bodies.clear()
    bodies.update((envelope.id, envelope.model_dump_json().encode()) for envelope in made)
    return made


async def rate(contestant: Contestant, count: int, in_flight: int) -> float:
    """Events per second from the first publish to the last handled."""
    waiting = envelopes(count)
    contestant.done.expect(count)
    started = time.perf_counter()

    async def publish() -> None:
        while waiting:
            await contestant.publish(waiting.pop())

    await asyncio.gather(*(publish() for _ in range(in_flight)))
    await contestant.done.wait()
    return count / (time.perf_counter() - started)


async def one_at_a_time(contestant: Contestant, count: int) -> float:
    """Median milliseconds from a publish to its handler, nothing else in flight."""
    times = []
    for envelope in envelopes(count):
        contestant.done.expect(1)
        started = time.perf_counter()
        await contestant.publish(envelope)
        await contestant.done.wait()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


async def measure(url: str, folder: Path, *, count: int, rounds: int) -> tuple[dict[str, dict[str, float]], float]:
    """All contestants in turns: their figures, and our rate on RabbitMQ as a share of raw aio-pika's."""
    contestants = [
        await ours("local", LocalBus(folder / "bus.sqlite")),
        await ours("RabbitMQ", await RabbitBus.connect(url, names=Names("bench"))),
        await raw(url),
    ]
    for contestant in contestants:
        await rate(contestant, count // 5, IN_FLIGHT)
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    singles: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for contestant in contestants[number % 3 :] + contestants[: number % 3]:
            rates[contestant.name].append(await rate(contestant, count, IN_FLIGHT))
            singles[contestant.name].append(await one_at_a_time(contestant, count // 20))
    for contestant in contestants:
        await contestant.close()
    figures = {
        name: {"events_per_s": round(median(rates[name]), 1), "one_ms": round(median(singles[name]), 2)}
        for name in rates
    }
    pairs = zip(rates["RabbitMQ"], rates["raw aio-pika"], strict=True)
    return figures, round(median(ours / peer for ours, peer in pairs), 3)


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A broker's address."""
    if url := os.environ.get("ANNEAL_TEST_AMQP_URL"):
        yield url
        return
    with rabbitmq(folder) as server:
        yield server.url


def main() -> None:
    """Measure, print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds: under a minute")
    quick = parser.parse_args().quick
    count, rounds = (500, 6) if quick else (1000, 18)
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as name, broker(Path(name) / "rabbit") as url:
        results, ratio = asyncio.run(measure(url, Path(name), count=count, rounds=rounds))
    print(f"{'':16}{'events/s':>10}{'one, ms':>10}")
    for name, figures in results.items():
        print(f"{name:16}{figures['events_per_s']:>10.0f}{figures['one_ms']:>10.1f}")
    print(f"RabbitMQ through our port: {ratio:.2f} of raw aio-pika (aim: {AIM})")
    hardware = {"machine": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    print("RESULT " + json.dumps({"bus": results, "ratio": ratio, "aim": AIM, "hardware": hardware}))


if __name__ == "__main__":
    main()
