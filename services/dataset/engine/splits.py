"""Assigning rows to the train and validation splits by a hash of their group."""

from hashlib import blake2b
from pathlib import Path

from services.dataset.engine.shards import Record, ShardWriter

BUFFERED_ROWS = 2_000
BUFFERED_BYTES = 8 << 20


def hash_position(group: str, seed: int) -> float:
    """Map a group to [0, 1); positions below the validation share are the validation split.

    A pure function of (seed, group): rows keep their split when others are added or removed.
    """
    digest = blake2b(group.strip().encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode())
    return int.from_bytes(digest.digest(), "big") / 2**64


class SplitWriter:
    """Writes rows to the shards of their split; `heldout` sends every row to validation.

    The first rows are buffered. Where a small upload would leave one split empty, the threshold moves to the nearest
    group. A larger upload is split by position alone.
    """

    def __init__(self, folder: Path, *, share: float, seed: int, heldout: bool) -> None:
        self._share, self._seed = (2.0 if heldout else share), seed
        self._train, self._validation = ShardWriter(folder, "train"), ShardWriter(folder, "validation")
        self._buffer: list[tuple[float, Record]] | None = []
        self._buffered_bytes = 0
        self._folder = folder

    def add(self, group: str, record: Record) -> None:
        """Assign a row to its split."""
        position = hash_position(group, self._seed)
        if self._buffer is None:
            self._write(position, record, self._share)
            return
        self._buffer.append((position, record))
        self._buffered_bytes += len(record[2])
        if len(self._buffer) >= BUFFERED_ROWS or self._buffered_bytes >= BUFFERED_BYTES:
            self._flush(self._share)

    def close(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Finish the shards. Return rows and shard names by split; an empty split is listed too."""
        if self._buffer is not None:
            self._flush(self._threshold(sorted({position for position, _ in self._buffer})))
        writers = {"train": self._train, "validation": self._validation}
        for writer in writers.values():
            writer.close()
        if self._share <= 1 and not self._train.rows:
            writers = {"train": self._rename_validation_to_train(), "validation": self._train}
        return {split: w.rows for split, w in writers.items()}, {split: w.names for split, w in writers.items()}

    def _threshold(self, positions: list[float]) -> float:
        """Return the share, moved by as little as it takes for both splits to have a group."""
        if not 0 < self._share <= 1 or len(positions) < 2:
            return self._share
        return min(max(self._share, positions[1]), positions[-1])

    def _flush(self, threshold: float) -> None:
        buffered, self._buffer = self._buffer or [], None
        for position, record in buffered:
            self._write(position, record, threshold)

    def _write(self, position: float, record: Record, threshold: float) -> None:
        (self._validation if position < threshold else self._train).add(record)

    def _rename_validation_to_train(self) -> ShardWriter:
        """Make the validation shards the train split: all rows are of one group, and none is left to train on."""
        for name in self._validation.names:
            (self._folder / name).rename(self._folder / name.replace("validation", "train"))
        self._validation.names = [name.replace("validation", "train") for name in self._validation.names]
        return self._validation
