"""One pass over the shards makes the tokens; who finds them made does not pass again."""

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
from tests.unit.training.engine.engine_run import Journal, messages

BLOCK = tokenization._BLOCK_BYTES


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tiny_tokenizer()


@pytest.fixture
def dataset(tmp_path: Path) -> Data:
    """Two training shards of several row groups, and a validation shard."""
    for name, rows in (("a", messages(23)), ("b", messages(9, seed=1)), ("v", messages(5, seed=2))):
        columns = {"row_id": range(len(rows)), "source": [""] * len(rows), "row": [json.dumps(row) for row in rows]}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet", row_group_size=4)
    paths = {name: str(tmp_path / f"{name}.parquet") for name in "abv"}
    return Data(train=[paths["a"], paths["b"]], validation=[paths["v"]])


def made(dataset: Data, tokenizer: Any, folder: Path, journal: Journal | None = None, window: int = 64) -> Path:
    interrupts = Interrupts(Commands(io.BytesIO()))
    return tokenization.tokenize_dataset(dataset, tokenizer, window, folder, journal or Journal(), interrupts)


def test_every_row_is_there_as_the_template_encodes_it(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    table, template = Table.open(made(dataset, tokenizer, tmp_path), "train"), ChatTemplate.of(tokenizer)
    rows = [*messages(23), *messages(9, seed=1)]
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
def test_blocks_are_of_a_size_however_long_the_rows(size: int, blocks: list[int], tmp_path: Path) -> None:
    columns = {"row_id": range(8), "source": [""] * 8, "row": [f"{row}" * size for row in range(8)]}
    pq.write_table(pa.table(columns), tmp_path / "shard.parquet", use_dictionary=False)
    groups, _ = tokenization._row_groups([str(tmp_path / "shard.parquet")])
    found = [list(rows) for rows in tokenization._rows(groups)]
    assert [len(rows) for rows in found] == blocks
    assert [row for rows in found for row in rows] == list(zip(*columns.values(), strict=True))


def test_several_processes_write_the_same_files(
    dataset: Data, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = made(dataset, tokenizer, tmp_path / "alone")
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    together = made(dataset, tokenizer, tmp_path / "together")
    names = sorted(path.name for path in alone.iterdir())
    assert names == sorted(path.name for path in together.iterdir())
    assert all((alone / name).read_bytes() == (together / name).read_bytes() for name in names)


def test_tokens_that_fit_are_taken_and_others_made_anew(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    first = Journal()
    folder = made(dataset, tokenizer, tmp_path / "one", first)
    (message,) = first.of("tokens")
    assert message["path"] == str(folder)
    assert is_valid(folder, template_hash=ChatTemplate.of(tokenizer).hash, window=0)

    known = dataset.model_copy(update={"tokens": str(folder)})
    second = Journal()
    assert made(known, tokenizer, tmp_path / "two", second) == folder
    assert second.of("tokens") == []

    other = make_tiny_tokenizer()
    other.add_tokens(["<new>"])
    assert made(known, other, tmp_path / "three") == tmp_path / "three/tokens"
    with (folder / "train.tokens").open("ab") as file:
        file.write(b"more")
    assert made(known, tokenizer, tmp_path / "four") == tmp_path / "four/tokens"


def test_an_error_in_another_process_is_raised_here(
    dataset: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = make_tiny_tokenizer()
    last = messages(9, seed=1)[-1]["messages"][0]["content"]
    refusing.chat_template = (
        f"{{% if messages[0].content == {last!r} %}}{{{{ raise_exception('not so') }}}}{{% endif %}}x"
    )
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with pytest.raises(EngineError, match="not so"):
        made(dataset, refusing, tmp_path / "refused")
