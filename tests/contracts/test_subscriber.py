"""The subscriber of docs/guides/subscribers.md, as it stands there, on RabbitMQ."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aio_pika
import pytest

from shared.bus.rabbit import RabbitBus
from shared.events.envelope import Envelope
from shared.events.evaluation import EvaluationCompleted
from shared.events.training import TrainingSucceeded
from tests.contracts.adapters import AMQP, NAMES

GUIDE = Path(__file__).parents[2] / "docs/guides/subscribers.md"
QUEUES = ("reports.anneal", "reports.anneal.dead")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The guide's program in a file."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    path = tmp_path / "subscriber.py"
    path.write_text(code)
    return path


@contextmanager
def running(script: Path) -> Iterator[subprocess.Popen[str]]:
    """The subscriber, once it listens; killed at the end, as a crash would end it."""
    env = {**os.environ, "ANNEAL_BUS_URL": AMQP, "EXCHANGE": NAMES.events}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, cwd=script.parent, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
async def bus() -> AsyncIterator[RabbitBus]:
    opened = await RabbitBus.connect(AMQP, names=NAMES)
    yield opened
    await opened.close()
    async with await aio_pika.connect(AMQP) as connection:
        channel = await connection.channel()
        for name in QUEUES:
            await channel.queue_delete(name)


def succeeded(model: str) -> Envelope:
    fields = {"base": "seedling", "method": "lora", "dataset_id": "ds_1", "dataset_version": "v1", "model_uri": "x"}
    event = TrainingSucceeded(job_id="job_1", model_id=model, name=f"name of {model}", **fields)
    return Envelope.of(event, service="training", subject="job_1", project="default")


async def reports(script: Path, count: int) -> list[tuple[str, str]]:
    """The subscriber's table, once it has so many rows."""
    db = sqlite3.connect(script.with_name("reports.sqlite"))
    async with asyncio.timeout(60):
        while len(rows := db.execute("SELECT model, what FROM reports ORDER BY rowid").fetchall()) < count:
            await asyncio.sleep(0.02)
    db.close()
    return rows


async def test_external_subscriber_handles_every_event_once(bus: RabbitBus, script: Path) -> None:
    first = succeeded("model_1")
    scores = EvaluationCompleted(
        evaluation_id="e", model_id="model_1", report_uri="x", scores={"bleu": 9}, base_scores={}
    )
    with running(script):
        for envelope in (first, first, Envelope.of(scores, service="evaluation", subject="e", project="default")):
            await bus.publish(envelope)
        assert len(await reports(script, 2)) == 2
    await bus.publish(first)
    await bus.publish(succeeded("model_2"))  # while it is away
    with running(script):
        found = await reports(script, 3)
    assert found == [("model_1", '"name of model_1"'), ("model_1", '{"bleu": 9.0}'), ("model_2", '"name of model_2"')]


async def test_unreadable_messages_go_to_the_subscribers_own_dead_letter_queue(bus: RabbitBus, script: Path) -> None:
    with running(script):
        async with await aio_pika.connect(AMQP) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(NAMES.events)
            await exchange.publish(aio_pika.Message(b"no JSON"), routing_key="training.succeeded.v1")
            await bus.publish(succeeded("model_3"))
            assert [model for model, _ in await reports(script, 1)] == ["model_3"]
            dead = await channel.get_queue(QUEUES[1])
            async with asyncio.timeout(60):
                while (letter := await dead.get(fail=False)) is None:
                    await asyncio.sleep(0.02)
            assert letter.body == b"no JSON"
            await letter.ack()
