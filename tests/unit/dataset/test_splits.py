"""The split of a row is a pure function of seed and prompt; duplicates are counted and share a split."""

import hashlib
import json
from pathlib import Path

import pytest

from services.dataset.engine import duplicates, splits
from services.dataset.engine.duplicates import DuplicateCounter
from services.dataset.engine.shards import read_rows
from services.dataset.engine.splits import SplitWriter, hash_position


def split(folder: Path, groups: list[str], **options: float | bool) -> dict[str, list[str]]:
    """Return the groups of each split, read from the shards."""
    settings = {"share": 0.2, "seed": 0, "heldout": False, **options}
    writer = SplitWriter(folder, share=settings["share"], seed=int(settings["seed"]), heldout=bool(settings["heldout"]))
    for index, group in enumerate(groups):
        writer.add(group, (index, f"f:{index + 1}", json.dumps(group).encode(), b""))
    rows, shards = writer.close()
    assert rows == {name: len(read_rows(_paths(folder, files), 0, 10**6)) for name, files in shards.items()}
    return {
        name: [json.loads(row[2]) for row in read_rows(_paths(folder, files), 0, 10**6)]
        for name, files in shards.items()
    }


def _paths(folder: Path, names: list[str]) -> list[str]:
    return [str(folder / name) for name in names]


def test_hash_positions_are_uniform_and_depend_on_the_seed() -> None:
    positions = [hash_position(str(n), 1) for n in range(4_000)]
    assert 0.08 < sum(p < 0.1 for p in positions) / 4_000 < 0.12
    assert hash_position("a", 1) == hash_position(" a\n", 1) != hash_position("a", 2)


def test_rows_keep_their_split_when_others_are_added(tmp_path: Path) -> None:
    groups = [str(n) for n in range(300)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, second = split(tmp_path / "one", groups), split(tmp_path / "two", ["new", *groups[::-1]])
    assert set(first["validation"]) == set(second["validation"]) - {"new"}
    assert 30 < len(first["validation"]) < 90


def test_equal_prompts_share_a_split(tmp_path: Path) -> None:
    found = split(tmp_path, [str(n % 40) for n in range(5_000)])
    assert not set(found["train"]) & set(found["validation"])
    assert len(found["train"]) + len(found["validation"]) == 5_000


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.9])
def test_small_upload_has_both_splits(tmp_path: Path, share: float) -> None:
    found = split(tmp_path, ["a", "b", "b"], share=share)
    assert found["train"]
    assert found["validation"]


def test_one_split_where_two_are_not_possible_or_not_requested(tmp_path: Path) -> None:
    for name, groups, options in (("none", ["a", "b"], {"share": 0.0}), ("one", ["a", "a"], {"share": 0.9})):
        (tmp_path / name).mkdir()
        assert split(tmp_path / name, groups, **options) == {"train": groups, "validation": []}
    assert split(tmp_path, ["a", "b"], heldout=True) == {"train": [], "validation": ["a", "b"]}


def test_large_upload_of_one_prompt_is_the_train_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "BUFFERED_ROWS", 2)
    assert hash_position("a", 0) < 0.9
    assert split(tmp_path, ["a"] * 5, share=0.9) == {"train": ["a"] * 5, "validation": []}


@pytest.mark.parametrize("partition", [1_000_000, 7])
def test_duplicates_are_counted_in_any_number_of_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partition: int
) -> None:
    monkeypatch.setattr(duplicates, "PARTITION_ROWS", partition)
    counter = DuplicateCounter(tmp_path / "hashes")
    for n in range(50):
        counter.add(hashlib.sha256(bytes([n % 20])).digest())
    assert counter.count() == 30
    assert not (tmp_path / "hashes").exists()


def test_page_of_rows_across_row_groups_and_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.dataset.engine import shards

    monkeypatch.setattr(shards, "ROW_GROUP_ROWS", 3)
    monkeypatch.setattr(shards, "SHARD_ROWS", 6)
    writer = shards.ShardWriter(tmp_path, "train")
    for n in range(20):
        writer.add((n, f"f:{n}", b"{}", b""))
    writer.close()
    paths = _paths(tmp_path, writer.names)
    assert len(paths) == 4
    for offset, limit in ((0, 20), (2, 5), (5, 9), (19, 4), (20, 3)):
        assert [row[0] for row in read_rows(paths, offset, limit)] == list(range(offset, min(20, offset + limit)))
