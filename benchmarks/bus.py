"""Durable publish to consume: the embedded bus and RabbitMQ through our bus protocol, compared with raw aio-pika.

    python benchmarks/bus.py [--quick]

Every candidate publishes the same envelopes to one consumer, first 32 in flight, then one at a time. A run ends when
the last event is handled and acknowledged. The peer, raw aio-pika, publishes ready-made bytes and calls a function with
each message: durable topic exchange, one quorum queue with the same arguments, persistent and mandatory messages,
publisher confirms, prefetch 64, one acknowledgement per message.

All candidates run in every round, in rotating order. The table shows medians over the rounds. The ratio is the median
of the ratios within each round, so that other load on the machine affects both sides equally. RabbitMQ is a private
node of Debian's package, or the one at ANNEAL_TEST_AMQP_URL.
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

SERVICE, TYPE = "evaluation", EvaluationRequested.type
IN_FLIGHT = 32
TARGET_RATIO = 0.9

Publish = Callable[[Envelope], Awaitable[object]]


class HandledCounter:
    """Counts handled events; `wait` returns once the expected number is reached."""

    def __init__(self) -> None:
        self._remaining = 0
        self._all_handled = asyncio.Event()

    def expect(self, count: int) -> None:
        self._remaining = count
        self._all_handled.clear()

    def count_one(self) -> None:
        self._remaining -= 1
        if self._remaining == 0:
            self._all_handled.set()

    async def wait(self) -> None:
        await self._all_handled.wait()


@dataclass(frozen=True)
class Candidate:
    """A way to publish an envelope, and the counter of its consumer."""

    name: str
    publish: Publish
    handled: HandledCounter
    close: Callable[[], Awaitable[object]]


async def open_ours(name: str, bus: Bus) -> Candidate:
    """One of our buses, with a handler that only counts."""
    handled = HandledCounter()

    async def handle(envelope: Envelope) -> None:
        handled.count_one()

    await bus.subscribe(SERVICE, TYPE, handle)
    return Candidate(name, bus.publish, handled, bus.close)


async def open_raw_aio_pika(url: str) -> Candidate:
    """Plain aio-pika with the same durability; message bodies are made before the clock starts."""
    handled, names = HandledCounter(), Names("raw")
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.declare_exchange(names.events, aio_pika.ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_queue(names.dead, durable=True, arguments=names.dead_letter_arguments())
    consuming = await connection.channel()
    await consuming.set_qos(prefetch_count=PREFETCH)
    arguments = names.quorum(**{"x-dead-letter-routing-key": dead.name})
    queue = await consuming.declare_queue(names.queue(SERVICE, TYPE), durable=True, arguments=arguments)
    await queue.bind(exchange, TYPE)

    async def consume(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        handled.count_one()

    async def publish(envelope: Envelope) -> None:
        body = bodies[envelope.id]
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, TYPE, mandatory=True)

    await queue.consume(consume)
    return Candidate("raw aio-pika", publish, handled, connection.close)


bodies: dict[str, bytes] = {}


def make_envelopes(count: int) -> list[Envelope]:
    """New envelopes, and their bytes for the peer in `bodies`."""
    made = [
        Envelope.of(
            EvaluationRequested(evaluation_id=f"eval_{number}"), service=SERVICE, subject=str(number), project="p"
        )
        for number in range(count)
    ]
    bodies.clear()
    bodies.update((envelope.id, envelope.model_dump_json().encode()) for envelope in made)
    return made


async def measure_throughput(candidate: Candidate, count: int, in_flight: int) -> float:
    """Events per second, from the first publish until the last event is handled."""
    waiting = make_envelopes(count)
    candidate.handled.expect(count)
    started = time.perf_counter()

    async def publish() -> None:
        while waiting:
            await candidate.publish(waiting.pop())

    await asyncio.gather(*(publish() for _ in range(in_flight)))
    await candidate.handled.wait()
    return count / (time.perf_counter() - started)


async def measure_latency(candidate: Candidate, count: int) -> float:
    """Median milliseconds from a publish until it is handled, with nothing else in flight."""
    times = []
    for envelope in make_envelopes(count):
        candidate.handled.expect(1)
        started = time.perf_counter()
        await candidate.publish(envelope)
        await candidate.handled.wait()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


async def measure(url: str, folder: Path, *, count: int, rounds: int) -> tuple[dict[str, dict[str, float]], float]:
    """Medians of each candidate, and the ratio of our throughput on RabbitMQ to raw aio-pika's."""
    candidates = [
        await open_ours("local", LocalBus(folder / "bus.sqlite")),
        await open_ours("RabbitMQ", await RabbitBus.connect(url, names=Names("bench"))),
        await open_raw_aio_pika(url),
    ]
    for candidate in candidates:
        await measure_throughput(candidate, count // 5, IN_FLIGHT)
    rates: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    latencies: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    for number in range(rounds):
        for candidate in candidates[number % 3 :] + candidates[: number % 3]:
            rates[candidate.name].append(await measure_throughput(candidate, count, IN_FLIGHT))
            latencies[candidate.name].append(await measure_latency(candidate, count // 20))
    for candidate in candidates:
        await candidate.close()
    medians = {
        name: {"events_per_s": round(median(rates[name]), 1), "one_ms": round(median(latencies[name]), 2)}
        for name in rates
    }
    pairs = zip(rates["RabbitMQ"], rates["raw aio-pika"], strict=True)
    return medians, round(median(ours / peer for ours, peer in pairs), 3)


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """The address of a RabbitMQ broker."""
    if url := os.environ.get("ANNEAL_TEST_AMQP_URL"):
        yield url
        return
    with rabbitmq(folder) as server:
        yield server.url


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds: under a minute")
    quick = parser.parse_args().quick
    count, rounds = (500, 6) if quick else (1000, 18)
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as name, broker(Path(name) / "rabbit") as url:
        results, ratio = asyncio.run(measure(url, Path(name), count=count, rounds=rounds))
    print(f"{'median':16}{'events/s':>10}{'latency, ms':>13}")
    for name, row in results.items():
        print(f"{name:16}{row['events_per_s']:>10.0f}{row['one_ms']:>13.1f}")
    print(f"RabbitMQ through our bus protocol: ratio {ratio:.2f} to raw aio-pika (target: {TARGET_RATIO})")
    hardware = {"machine": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    print("RESULT " + json.dumps({"bus": results, "ratio": ratio, "aim": TARGET_RATIO, "hardware": hardware}))


if __name__ == "__main__":
    main()
