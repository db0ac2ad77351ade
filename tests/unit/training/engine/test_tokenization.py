"""One pass over the shards writes the token cache; a later run with the same template reuses it."""

from __future__ import annotations

import io
import json
import threading
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from services.training.engine.data import tokenization
from services.training.engine.data.token_store import Table, is_valid, read_prompts, read_skipped
from services.training.engine.interrupts import Interrupted, Interrupts
from services.training.engine.spec import Data
from shared.engine.process.protocol import Commands, EngineError
from shared.engine.text.template import ChatTemplate
from tests.support.data_cases import data_case
from tests.support.tiny_model import CHATML, make_tiny_tokenizer
from tests.unit.training.engine.engine_run import RecordingReporter, chat_rows, write_shard

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


def test_a_hanging_worker_process_shows_no_sign_of_life(
    dataset: Data, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(Interrupts):
        idle = 0

        def check(self, *, proceeds: bool = True) -> None:
            self.idle = 0 if proceeds else self.idle + 1
            if self.idle == 5:
                raise Interrupted("stop")

    def hang(*part: Any) -> None:
        threading.Event().wait()

    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(tokenization, "_write_part", hang)  # the forks inherit it
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    interrupts = Waiting(Commands(io.BytesIO()))
    with pytest.raises(Interrupted):
        tokenization.tokenize_dataset(dataset, tokenizer, 64, tmp_path / "out", RecordingReporter(), interrupts)


def test_matching_token_cache_is_reused_and_others_are_rebuilt(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    first = RecordingReporter()
    folder = tokenize(dataset, tokenizer, tmp_path / "one", first)
    (message,) = first.of_kind("tokens")
    assert message["path"] == str(folder)
    template = ChatTemplate.of(tokenizer)
    assert is_valid(folder, template_hash=template.hash, window=0, stop_ids=template.stop_ids)
    assert not is_valid(folder, template_hash=template.hash, window=0, stop_ids=[*template.stop_ids, 7])

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


def test_worker_process_error_is_raised(
    dataset: Data, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shard(Path(dataset.train[1]), [*chat_rows(3), {"neither": 1}])
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with pytest.raises(EngineError, match=r"upload.jsonl:4"):
        tokenize(dataset, tokenizer, tmp_path / "damaged")


REFUSING = "{% if messages[0].content == 'no' %}{{ raise_exception('not so') }}{% endif %}" + CHATML
"""A chat template that refuses one question."""


@pytest.mark.parametrize("threads", [1, 3])
@data_case(
    "Templates",
    "A row that the chat template refuses",
    "skipped, counted with its reason in a warning; the job trains the other rows",
    "hiyouga/LLaMA-Factory#2962, #10178",
)
def test_refused_rows_are_skipped_and_counted_in_every_process(
    dataset: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    refused = {"messages": [{"role": "user", "content": "no"}, {"role": "assistant", "content": "yes"}]}
    for shard, rows in zip(dataset.train, ([refused, *chat_rows(3)], [*chat_rows(5), refused]), strict=True):
        write_shard(Path(shard), rows)
    write_shard(Path(dataset.validation[0]), [refused, *chat_rows(1)])
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = REFUSING
    monkeypatch.setattr(tokenization, "_MIN_BYTES_PER_PROCESS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    folder = tokenize(dataset, tokenizer, tmp_path / "skipping")
    assert len(Table.open(folder, "train").samples) == 8
    assert len(Table.open(folder, "validation").samples) == 1
    assert len(read_prompts(folder)) == 1
    reporter = RecordingReporter()
    read_skipped(folder).warn(reporter)
    (warning,) = reporter.of_kind("warning")
    assert (warning["code"], warning["count"]) == ("rows_refused_by_template", 3)
    assert warning["example"] == "upload.jsonl:1"
    assert warning["detail"].endswith("not so")


def test_preference_pair_with_one_refused_answer_is_skipped_whole(
    dataset: Data, tokenizer: Any, tmp_path: Path
) -> None:
    strict = make_tiny_tokenizer()
    strict.chat_template = REFUSING.replace("messages[0]", "messages[-1]")
    answers = ("yes", "no", "maybe")
    pairs = [
        {
            "messages": [{"role": "user", "content": "?"}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        for chosen, rejected in permutations(answers, 2)
    ]
    for shard in (*dataset.train, *dataset.validation):
        write_shard(Path(shard), pairs)
    folder = tokenize(dataset.model_copy(update={"form": "preference"}), strict, tmp_path / "pairs", window=-1)
    assert list(Table.open(folder, "train").samples["row_id"]) == [1, 1, 4, 4] * 2
    assert read_skipped(folder).kinds["rows_refused_by_template"].count == 12


def test_prompt_is_that_of_the_last_trained_answer(dataset: Data, tokenizer: Any, tmp_path: Path) -> None:
    turns = [("user", "one"), ("assistant", "first"), ("user", "two"), ("assistant", "second")]
    messages = [{"role": role, "content": content} for role, content in turns]
    rows = [{"messages": messages}, {"messages": [*messages[:3], {**messages[3], "train": False}]}]
    write_shard(Path(dataset.validation[0]), rows)
    prompts = read_prompts(tokenize(dataset, tokenizer, tmp_path / "masked"))
    assert [(prompt["text"], prompt["reference"]) for prompt in prompts] == [("two", "second"), ("one", "first")]
