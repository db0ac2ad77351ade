"""Assigning rows to splits: by the names that an upload has for them, else by a hash of their group."""

import re
from hashlib import blake2b
from pathlib import Path

from services.dataset.engine.shards import Record, ShardWriter

BUFFERED_ROWS = 2_000
BUFFERED_BYTES = 8 << 20
NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout", "heldout", "hold_out", "held_out", "hold-out", "held-out"), "test"),
    **dict.fromkeys(("eval", "evaluation"), "eval"),
}
"""The keywords by which Hugging Face's `datasets` finds splits in the names of files, and `holdout`."""
NAME = re.compile(rf"(?<![a-z])({'|'.join(NAMES)})(?:set|data)?(?![a-z])")


def split_of(path: str) -> str | None:
    """Return the split that a path or key names: train, validation, test or eval; None where it names none.

    The file name counts before its folders, and of several names in it the last one.
    """
    for part in reversed(path.lower().split("/")):
        if found := NAME.findall(part):
            return NAMES[found[-1]]
    return None


def hash_position(group: str, seed: int) -> float:
    """Map a group to [0, 1); positions below the validation share are the validation split.

    A pure function of (seed, group): rows keep their split when others are added or removed.
    """
    digest = blake2b(group.strip().encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode())
    return int.from_bytes(digest.digest(), "big") / 2**64


class SplitWriter:
    """Writes rows to the shards of their split.

    Rows of a named split go there. The others are divided by position; `heldout` sends all of them to validation. The
    first rows are buffered: where a small upload would leave one split empty, the threshold moves to the nearest group.
    A larger upload is divided by position alone.
    """

    def __init__(self, folder: Path, *, share: float, seed: int, heldout: bool) -> None:
        self._share, self._seed = (2.0 if heldout else share), seed
        # `cut` are the rows for validation, as long as the upload has no such split of its own. Splits come before what
        # may become a part of them.
        names = ("train", "validation", "test", "cut", "eval")
        self._writers = {name: ShardWriter(folder, name) for name in names}
        self._buffer: list[tuple[float, Record]] | None = []
        self._buffered_bytes = 0
        self._folder = folder

    def add(self, group: str, record: Record, split: str | None = None) -> None:
        """Write a row to its split: the named one; train and None are divided by the group."""
        if split not in (None, "train"):
            self._writers[split].add(record)
            return
        position = hash_position(group, self._seed)
        if self._buffer is None:
            self._write(position, record, self._share)
            return
        self._buffer.append((position, record))
        self._buffered_bytes += len(record[2])
        if len(self._buffer) >= BUFFERED_ROWS or self._buffered_bytes >= BUFFERED_BYTES:
            self._flush(self._share)

    def close(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Finish the shards. Return rows and shard names by split; train and validation are listed even if empty."""
        if self._buffer is not None:
            self._flush(self._threshold(sorted({position for position, _ in self._buffer})))
        for writer in self._writers.values():
            writer.close()
        rows, shards = {"train": 0, "validation": 0, "test": 0}, dict[str, list[str]](train=[], validation=[], test=[])
        for name, writer in self._writers.items():
            split = self.resolve(name)
            rows[split] += writer.rows
            shards[split] += self._renamed(writer.names, split, len(shards[split]))
        if not rows["test"]:
            del rows["test"], shards["test"]
        return rows, shards

    def resolve(self, name: str) -> str:
        """Return the split of a name, once all rows are added.

        `eval` is the test split, as in `datasets`; beside a `test` it is the validation split. An upload with its own
        validation split keeps all other rows for training, and so does one that would have none to train on.
        """
        rows = {name: writer.rows for name, writer in self._writers.items()}
        if name == "eval":
            return "validation" if rows["test"] else "test"
        if name == "cut" and self._share <= 1:
            has_own = rows["validation"] or (rows["eval"] and rows["test"])
            return "train" if has_own or not rows["train"] else "validation"
        return {"cut": "validation"}.get(name, name)

    def _renamed(self, names: list[str], split: str, start: int) -> list[str]:
        """Name shards after their split, from number `start`."""
        renamed = [f"{split}-{start + index:05d}.parquet" for index in range(len(names))]
        for old, new in zip(names, renamed, strict=True):
            (self._folder / old).rename(self._folder / new)
        return renamed

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
        self._writers["cut" if position < threshold else "train"].add(record)
