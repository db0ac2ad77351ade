"""One pass over the shards writes the token cache; a later run with the same template reuses it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from services.training.engine.data import tokenization
from services.training.engine.data.token_store import Table, is_valid
from services.training.engine.interrupts import Interrupts
from services.training.engine.spec import Data
from shared.engine.process.protocol import Commands, EngineError
from shared.engine.text.template import ChatTemplate
from tests.support.tiny_model import make_tiny_tokenizer
from tests.unit.training.engine.engine_run import RecordingReporter, chat_rows

BLOCK = tokenization._BLOCK_BYTES


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tiny_tokenizer()


@pytest.fixture
def dataset(tmp_path: Path) -> Data:
    """Write two training shards of several row groups and a validation shard."""
    for name, rows in (("a", chat_rows(23)), ("b", chat_rows(9, seed=1)), ("v", chat_rows(5, seed=2))):
        columns = {"row_id": range(len(rows)), "source": [""] * len(rows), "row": [json.dumps(row) for row in rows]}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet", row_group_size=4)
    paths = {name: str(tmp_path / f"{name}.parquet") for name in "abv"}
    return Data(train=[paths["a"], paths["b"]], validation=[paths["v"]])


def tokenize(
    dataset: Data, tokenizer: Any, folder: Path, reporter: RecordingReporter | None = None, window: int = 64
) -> Path:
    interrupts = Interrupts(Commands(io.BytesIO()))
    return tokenization.tokenize_dataset(
        dataset, tokenizer, window, folder, reporter or RecordingReporter(), interrupts
    )


def test_token_table_matches_the_template_encoding(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    table, template = Table.open(tokenize(dataset, tokenizer, tmp_path), "train"), ChatTemplate.of(tokenizer)
    rows = [*chat_rows(23), *chat_rows(9, seed=1)]
    assert list(table.samples["row_id"]) == [*range(23), *range(9)]
    for number, row in enumerate(rows):
        encoded = template.encode(row)
        assert table.ids(number, 999).tolist() == encoded.input_ids
        assert table.trained(number, 999).tolist() == encoded.trained
        assert table.first_trained[number] == encoded.trained.index(True)
        assert (table.ids(number, 3).tolist(), len(table.trained(number, 3))) == (encoded.input_ids[:3], 3)


@pytest.mark.parametrize(
    ("size", "blocks"),
    [(10, [8]), (tokenization._BLOCK_BYTES // 3, [3, 3, 2]), (2 * tokenization._BLOCK_BYTES, [1] * 8)],
)
def test_blocks_have_a_bounded_size_for_any_row_length(size: int, blocks: list[int], tmp_path: Path) -> None:
    columns = {"row_id": range(8), "source": [""] * 8, "row": [f"{row}" * size for row in range(8)]}
    pq.write_table(pa.table(columns), tmp_path / "shard.parquet", use_dictionary=False)
    groups, _ = tokenization._row_groups([str(tmp_path / "shard.parquet")])
    actual = [list(rows) for rows in tokenization._rows(groups)]
    assert [len(rows) for rows in actual] == blocks
    assert [row for rows in actual for row in rows] == list(zip(*columns.values(), strict=True))


def test_parallel_tokenization_writes_identical_files(
    dataset: Data, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = tokenize(dataset, tokenizer, tmp_path / "serial")
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    parallel = tokenize(dataset, tokenizer, tmp_path / "parallel")
    names = sorted(path.name for path in serial.iterdir())
    assert names == sorted(path.name for path in parallel.iterdir())
    assert all((serial / name).read_bytes() == (parallel / name).read_bytes() for name in names)


def test_matching_token_cache_is_reused_and_others_are_rebuilt(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    first = RecordingReporter()
    folder = tokenize(dataset, tokenizer, tmp_path / "one", first)
    (message,) = first.of_kind("tokens")
    assert message["path"] == str(folder)
    assert is_valid(folder, template_hash=ChatTemplate.of(tokenizer).hash, window=0)

    with_cache = dataset.model_copy(update={"tokens": str(folder)})
    second = RecordingReporter()
    assert tokenize(with_cache, tokenizer, tmp_path / "two", second) == folder
    assert second.of_kind("tokens") == []

    changed = make_tiny_tokenizer()
    changed.add_tokens(["<new>"])
    assert tokenize(with_cache, changed, tmp_path / "three") == tmp_path / "three/tokens"
    with (folder / "train.tokens").open("ab") as file:
        file.write(b"more")
    assert tokenize(with_cache, tokenizer, tmp_path / "four") == tmp_path / "four/tokens"


def test_worker_process_error_is_raised(dataset: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rejecting = make_tiny_tokenizer()
    last = chat_rows(9, seed=1)[-1]["messages"][0]["content"]
    rejecting.chat_template = (
        f"{{% if messages[0].content == {last!r} %}}{{{{ raise_exception('not so') }}}}{{% endif %}}x"
    )
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with pytest.raises(EngineError, match="not so"):
        tokenize(dataset, rejecting, tmp_path / "refused")
