"""Fuzzes one parser of foreign bytes: `python -m tests.security.fuzz TARGET --seconds 60`.

atheris (libFuzzer) guides the mutations by coverage where it is installed; elsewhere they are random. A target fails on
any exception but the documented ones, after 20 s on one input, and beyond 2 GiB of memory.
"""

import argparse
import asyncio
import io
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

try:
    import atheris
except ImportError:  # no wheel for this platform
    atheris = None

with atheris.instrument_imports(include=["services", "shared"]) if atheris else nullcontext():
    from services.dataset.engine.archive import DAMAGED_MEMBER_ERRORS, list_files
    from services.dataset.engine.file_readers import read_file
    from services.training.base_models.archive import unpack_model
    from shared.engine.loading.weight_files import read_header
    from shared.engine.process.protocol import EngineError
    from shared.events.envelope import Envelope
    from shared.events.registry import EVENTS, parse
    from shared.runtime.errors import AnnealError
    from shared.runtime.http.multipart import MalformedUpload, Multipart

EXTENSIONS = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".jsonl.gz")
TIMEOUT_S, MEMORY_MB, MODEL_LIMIT = 20, 2048, 1 << 20
BOUNDARY = "b"
FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def rows(data: bytes) -> None:
    """The first byte chooses the format of the rest."""
    _read_rows(data[1:], f"rows{EXTENSIONS[data[0] % len(EXTENSIONS)] if data else '.txt'}")


def archive(data: bytes) -> None:
    """A zip of dataset files."""
    _read_rows(data, "rows.zip")


def _read_rows(data: bytes, name: str) -> None:
    path = FOLDER / "upload"
    path.write_bytes(data)
    try:
        for file in list_files(path, name, FOLDER)[0]:
            for _ in read_file(file.name, file.extension, file.open):
                pass
    except (EngineError, *DAMAGED_MEMBER_ERRORS):  # validate.py names the file of the latter
        return
    except OSError as error:
        if error.errno is not None:  # of bz2, as above
            raise


def model_archive(data: bytes) -> None:
    """A zip of a model folder: nothing lands outside of the folder, or beyond the limit."""
    path = FOLDER / "model.zip"
    path.write_bytes(data)
    with tempfile.TemporaryDirectory(dir=FOLDER) as parent:
        with suppress(AnnealError):
            unpack_model(path, Path(parent) / "model", MODEL_LIMIT)
        assert {each.name for each in Path(parent).iterdir()} <= {"model"}
        assert sum(each.stat().st_size for each in Path(parent).rglob("*") if each.is_file()) <= MODEL_LIMIT


def safetensors(data: bytes) -> None:
    """The header of a weight file; what is accepted lies within the file."""
    path = FOLDER / "model.safetensors"
    path.write_bytes(data)
    try:
        header = read_header(path)
    except EngineError:
        return
    assert all(0 <= part <= len(data) for tensor in header.values() for part in tensor["data_offsets"])


def multipart(data: bytes) -> None:
    """A request body; how it is cut into chunks does not change an accepted form.

    A text before the first boundary is refused or skipped, depending on the chunks (python-multipart 0.0.x).
    """
    whole, cut = _form(data, len(data) or 1), _form(data, 1)
    assert None in (whole, cut) or whole == cut


def _form(data: bytes, size: int) -> list[tuple[str, str | None, bytes]] | None:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async def read() -> list[tuple[str, str | None, bytes]]:
        form = Multipart(f"multipart/form-data; boundary={BOUNDARY}", body())
        return [
            (part.name, part.filename, b"".join([chunk async for chunk in part.chunks])) async for part in form.parts()
        ]

    try:
        return asyncio.run(read())
    except MalformedUpload:
        return None


def envelope(data: bytes) -> None:
    """An event of the bus; what is accepted is the same after another trip."""
    try:
        found = Envelope.model_validate_json(data)
        assert Envelope.model_validate_json(found.model_dump_json()) == found
        if found.type in EVENTS:
            parse(found)
    except ValidationError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (rows, archive, model_archive, safetensors, multipart, envelope)
}


def seeds(target: str) -> list[bytes]:
    """Valid inputs, from which the mutations start."""
    row = {"prompt": "a", "completion": "b", "split": "train"}
    table, parquet, arrow = pa.Table.from_pylist([row] * 3), io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    line, csv = json.dumps(row).encode(), b'prompt,completion\na,"b\n""c"""\n'
    texts = [line + b"\n" + line, b"[" + line + b"]", csv, csv.replace(b",", b"\t"), b"one\n\ntwo\n"]
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = struct.pack("<Q", len(header)) + header + b"\0\0\0\0"
    event = {"id": "e", "source": "anneal/training", "type": "training.succeeded.v1", "subject": "job_1", "data": {}}
    found = {
        "rows": [bytes([number]) + text for number, text in enumerate([*texts, parquet.getvalue(), arrow.getvalue()])],
        "archive": [zipped({"train.jsonl": line, "test.csv": csv, "a/b.parquet": parquet.getvalue()})],
        "model_archive": [
            zipped({"m/config.json": b"{}", "m/model.safetensors": weights, "m/pytorch_model.bin": b"x"})
        ],
        "safetensors": [weights],
        "multipart": [
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n{}\n\r\n--b--\r\n'
        ],
        "envelope": [json.dumps(event).encode(), *(json.dumps({**event, "type": name}).encode() for name in EVENTS)],
    }
    return found[target]


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(name, content)
    return buffer.getvalue()


def mutated(random_: random.Random, seed: bytes) -> bytes:
    """A seed with some bytes changed, removed, repeated or inserted."""
    data = bytearray(seed)
    for _ in range(random_.choice((1, 2, 4, 16))):
        at, size = random_.randrange(len(data) + 1), random_.choice((1, 1, 2, 8, 64))
        piece = random_.choice((random_.randbytes(size), bytes(data[at : at + size]) * 2, b"", b"\xff" * size))
        data[at : at + random_.choice((0, size))] = piece
    return bytes(data)


def run_random(target: Callable[[bytes], None], corpus: list[bytes], seconds: float, seed: int) -> None:
    """Without atheris."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY_MB << 20, resource.RLIM_INFINITY))
    chosen, end, count = random.Random(seed or None), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutated(chosen, chosen.choice(corpus))
        signal.alarm(TIMEOUT_S)
        try:
            target(data)
        except BaseException:
            sys.stderr.write(f"input: {data!r}\n")
            raise
        count += 1
    sys.stderr.write(f"Done {count} runs in {seconds} second(s)\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=16, help="of the mutations; 0: another one each time")
    given = parser.parse_args()
    target, corpus = TARGETS[given.target], seeds(given.target)
    for data in corpus:
        target(data)
    if atheris is None:
        run_random(target, corpus, given.seconds, given.seed)
        return
    folder = FOLDER / "corpus"
    folder.mkdir()
    for number, data in enumerate(corpus):
        (folder / str(number)).write_bytes(data)
    limits = [
        f"-max_total_time={given.seconds}",
        f"-seed={given.seed}",
        f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-max_len=8192",
    ]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", f"-artifact_prefix={FOLDER}/", str(folder)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
