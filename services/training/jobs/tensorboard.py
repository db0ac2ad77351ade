"""A job's curves as a TensorBoard event file, written from its stored stream without TensorBoard's library.

The file is a sequence of TFRecords (length, masked CRC-32C, data, masked CRC-32C), each an `Event` message of
tensorflow/core/util/event.proto. Before the steps that a resume repeats, a SessionLog with status START makes
TensorBoard drop the later steps that it has.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

Record = dict[str, Any]
ReadRecords = Callable[[int], Awaitable[Sequence[Record]]]
"""Returns some records after a sequence number, none at the end."""

KINDS = ("metric", "evaluation", "rewind")
PREFIXES = {"metric": "train", "evaluation": "validation"}
_NOT_CURVES = frozenset(("seq", "time", "kind", "step"))
_VERSION, _STEP, _SUMMARY, _SESSION, _START = 3, 2, 5, 7, b"\x08\x01"
"""Field numbers of an event, and a SessionLog whose status is START."""


async def event_file(read: ReadRecords) -> AsyncIterator[bytes]:
    """Yield the file in pieces."""
    after, opened = 0, False
    while records := await read(after):
        pieces = [] if opened else [_framed(_event(records[0], b"", 0, _field(_VERSION, b"brain.Event:2")))]
        yield b"".join([*pieces, *(piece for record in records for piece in _events(record))])
        after, opened = records[-1]["seq"], True


def _events(record: Record) -> Iterator[bytes]:
    if record["kind"] == "rewind":
        yield _framed(_event(record, b"", record["step"] + 1, _field(_SESSION, _START)))
        return
    prefix = PREFIXES[record["kind"]]
    values = {name: value for name, value in record.items() if name not in _NOT_CURVES}
    summary = b"".join(
        _value(f"{prefix}/{name}", value) for name, value in values.items() if isinstance(value, int | float)
    )
    if summary:
        yield _framed(_event(record, summary, record["step"]))


def _event(record: Record, summary: bytes, step: int, more: bytes = b"") -> bytes:
    time = datetime.fromisoformat(record["time"]).timestamp()
    content = _field(_SUMMARY, summary) if summary else b""
    return b"\x09" + struct.pack("<d", time) + bytes([_STEP << 3]) + _varint(step) + content + more


def _value(tag: str, value: float) -> bytes:
    """A Summary.Value: its tag, and a float of 32 bits."""
    return _field(1, _field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    """CRC-32C (Castagnoli), masked as TFRecord requires: rotated right by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0x82F63B78 * (byte & 1)
    return byte


_TABLE = [_crc_of_byte(byte) for byte in range(256)]
