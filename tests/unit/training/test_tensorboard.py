"""The event file follows TensorBoard's format: read back here field by field, with checksums."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from services.training.jobs.tensorboard import _masked, event_file

TIME = "2026-11-25T10:00:00+00:00"


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of a protocol buffer's fields: varints, doubles, floats and bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        match key & 7:
            case 0:
                yield key >> 3, varint()
            case 1:
                yield key >> 3, struct.unpack_from("<d", message, at)[0]
                at += 8
            case 5:
                yield key >> 3, struct.unpack_from("<f", message, at)[0]
                at += 4
            case 2:
                size = varint()
                yield key >> 3, message[at : at + size]
                at += size


def messages(file: bytes) -> Iterator[dict[int, Any]]:
    while file:
        (size,) = struct.unpack_from("<Q", file)
        assert file[8:12] == _masked(file[:8])
        data = file[12 : 12 + size]
        assert file[12 + size : 16 + size] == _masked(data)
        yield dict(fields(data))
        file = file[16 + size :]


async def event_records(*records: dict[str, Any]) -> list[dict[int, Any]]:
    """The events of a stream, read two records at a time."""
    stream = [{"seq": number, "time": TIME, **record} for number, record in enumerate(records, 1)]

    async def read(after: int) -> list[dict[str, Any]]:
        return stream[after : after + 2]

    return list(messages(b"".join([piece async for piece in event_file(read)])))


def scalars(event: dict[int, Any]) -> dict[str, float]:
    values = [dict(fields(value)) for _, value in fields(event[5])]
    return {value[1].decode(): value[2] for value in values}


async def test_each_number_of_a_step_is_a_scalar() -> None:
    version, first, second, evaluation = await event_records(
        {"kind": "metric", "step": 1, "loss": 2.5, "learning_rate": 0.001, "note": "text", "grad_norm": None},
        {"kind": "metric", "step": 300, "loss": 1.25},
        {"kind": "evaluation", "step": 300, "loss": 1.5, "perplexity": 4.5},
    )
    assert version[3] == b"brain.Event:2"
    assert (first[1], first[2]) == (1795600800.0, 1)
    assert scalars(first) == {"train/loss": 2.5, "train/learning_rate": pytest.approx(0.001)}
    assert (second[2], scalars(second)) == (300, {"train/loss": 1.25})
    assert scalars(evaluation) == {"validation/loss": 1.5, "validation/perplexity": 4.5}


async def test_rewind_starts_a_session_that_drops_repeated_steps() -> None:
    *_, start = await event_records({"kind": "metric", "step": 7, "loss": 1.0}, {"kind": "rewind", "step": 5})
    assert start[2] == 6
    assert dict(fields(start[7])) == {1: 1}


async def test_job_without_steps_has_an_empty_file() -> None:
    assert await event_records() == []


def test_checksum_is_crc32c() -> None:
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720), masked as TFRecord does."""
    assert struct.unpack("<I", _masked(b"123456789"))[0] == (
        ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    )
