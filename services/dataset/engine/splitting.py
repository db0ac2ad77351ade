"""Sends rows to their split's shards, and sees to it that no split that was asked for stays empty."""

from pathlib import Path

from services.dataset.engine.shards import Record, ShardWriter
from services.dataset.engine.splits import place

HELD_ROWS = 2_000
HELD_BYTES = 8 << 20


class Splitter:
    """Train and validation by each row's fixed place; `heldout` sends everything to validation.

    The first rows are held: where a small upload leaves one split empty, the group whose place is nearest to the
    border changes sides. A larger upload is split by place alone.
    """

    def __init__(self, folder: Path, *, share: float, seed: int, heldout: bool) -> None:
        self._share, self._seed = (2.0 if heldout else share), seed
        self._train, self._validation = ShardWriter(folder, "train"), ShardWriter(folder, "validation")
        self._held: list[tuple[float, Record]] | None = []
        self._bytes = 0
        self._folder = folder

    def add(self, group: str, record: Record) -> None:
        """Place a row."""
        where = place(group, self._seed)
        if self._held is None:
            self._send(where, record, self._share)
            return
        self._held.append((where, record))
        self._bytes += len(record[2])
        if len(self._held) >= HELD_ROWS or self._bytes >= HELD_BYTES:
            self._release(self._share)

    def close(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Finish; rows and shard names by split; both splits are named, also an empty one."""
        if self._held is not None:
            self._release(self._border(sorted({where for where, _ in self._held})))
        writers = {"train": self._train, "validation": self._validation}
        for writer in writers.values():
            writer.close()
        if self._share <= 1 and not self._train.rows:
            writers = {"train": self._as_train(), "validation": self._train}
        return {split: w.rows for split, w in writers.items()}, {split: w.names for split, w in writers.items()}

    def _border(self, places: list[float]) -> float:
        """The share, moved as little as it takes for both splits to have a group."""
        if not 0 < self._share <= 1 or len(places) < 2:
            return self._share
        return min(max(self._share, places[1]), places[-1])

    def _release(self, border: float) -> None:
        held, self._held = self._held or [], None
        for where, record in held:
            self._send(where, record, border)

    def _send(self, where: float, record: Record, border: float) -> None:
        (self._validation if where < border else self._train).add(record)

    def _as_train(self) -> ShardWriter:
        """Everything belongs to one group, and its place said validation: nothing would be left to train on."""
        for name in self._validation.names:
            (self._folder / name).rename(self._folder / name.replace("validation", "train"))
        self._validation.names = [name.replace("validation", "train") for name in self._validation.names]
        return self._validation
