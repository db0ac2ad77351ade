"""Which rows are sampled, and the prompt and reference of each."""

from pathlib import Path

import pytest

from services.evaluation.engine.examples import read_examples
from services.evaluation.engine.generation import decode_answer
from services.evaluation.engine.scoring import Output
from services.evaluation.engine.warnings import score_warnings
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from tests.support.data_cases import data_case
from tests.support.running_service import chat_rows, write_shard
from tests.support.tiny_model import make_tiny_tokenizer


def test_sample_is_seeded_ordered_and_from_all_shards(tmp_path: Path) -> None:
    template = ChatTemplate.of(make_tiny_tokenizer())
    write_shard(tmp_path / "a.parquet", chat_rows(10))
    write_shard(tmp_path / "b.parquet", chat_rows(30)[10:])
    sampled, _ = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    again, _ = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    assert len(sampled) == 12
    assert sampled == again
    questions = [int(example.messages[0]["content"].split()[-1][:-1]) for example in sampled]
    assert questions == sorted(questions)
    assert max(questions) >= 10
    assert len(read_examples(tmp_path, ["a.parquet"], 99, template)[0]) == 10


def test_reference_is_the_last_answer_or_the_good_one_of_preferences(tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    template = ChatTemplate.of(tokenizer)
    dialogue = [{"role": role, "content": text} for role, text in (("user", "a"), ("assistant", "b"), ("user", "c"))]
    answer = [{"role": "assistant", "content": "the answer"}]
    rows = [
        {"messages": dialogue + answer},
        {"messages": dialogue, "chosen": answer, "rejected": dialogue[1:2]},
        {"messages": dialogue[:1]},
        {"text": "plain"},
        {"messages": dialogue, "completion": answer, "label": True},
        {"messages": dialogue, "completion": dialogue[1:2], "label": False},
    ]
    write_shard(tmp_path / "rows.parquet", rows)
    (first, pair, plain, desirable), skipped = read_examples(tmp_path, ["rows.parquet"], 6, template)
    for example in (first, pair, desirable):
        assert decode_answer(tokenizer, example.reference_ids) == "the answer"
        assert example.messages == dialogue
        assert example.prompt_ids == template.prompt_ids(dialogue)
    assert {code: (kind.count, kind.example) for code, kind in skipped.kinds.items()} == {
        "rows_without_answer": (1, "rows.jsonl:3"),
        "rows_with_undesirable_answer": (1, "rows.jsonl:6"),
    }
    assert (plain.row_id, plain.prompt_ids, plain.samples) == (3, [], [{"text": "plain"}])


@data_case("Scores", "Turns with a loss mask", "the last trained turn is the reference, as a whole")
def test_reference_is_the_last_trained_turn(tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    template = ChatTemplate.of(tokenizer)
    asked, answered = {"role": "user", "content": "Which train?"}, {"role": "assistant", "content": "The night train."}
    later = [{"role": "user", "content": "Thanks"}, {"role": "assistant", "content": "Bye", "train": False}]
    rows = [
        {"messages": [asked, answered, *later]},
        {"messages": [asked, {**answered, "untrained": [[4, 9]]}]},
        {"messages": [asked, {**answered, "train": False}]},
    ]
    write_shard(tmp_path / "rows.parquet", rows)
    examples, skipped = read_examples(tmp_path, ["rows.parquet"], 3, template)
    for example in examples:
        assert decode_answer(tokenizer, example.reference_ids) == "The night train."
        assert example.messages == [asked]
    assert len(examples) == 2
    assert skipped.kinds["rows_without_answer"].count == 1


@data_case("Scores", "Rows that the chat template refuses", "skipped and counted, with the template's reason")
def test_refused_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    refusal = "{% for m in messages %}{% if 'bus' in m.content %}{{ raise_exception('no bus') }}{% endif %}{% endfor %}"
    tokenizer.chat_template = refusal + tokenizer.chat_template
    template = ChatTemplate.of(tokenizer)
    refused = [{"role": "user", "content": "Which bus?"}, {"role": "assistant", "content": "None."}]
    write_shard(tmp_path / "rows.parquet", [*chat_rows(2), {"messages": refused}])
    examples, skipped = read_examples(tmp_path, ["rows.parquet"], 3, template)
    assert len(examples) == 2
    kind = skipped.kinds["rows_refused_by_template"]
    assert (kind.count, kind.example) == (1, "rows.jsonl:3")
    assert "no bus" in kind.detail
    write_shard(tmp_path / "none.parquet", [{"messages": refused}])
    with pytest.raises(EngineError) as raised:
        read_examples(tmp_path, ["none.parquet"], 3, template)
    assert raised.value.code == "nothing_to_evaluate"


def test_warnings_count_empty_and_cut_answers(tmp_path: Path) -> None:
    write_shard(tmp_path / "rows.parquet", chat_rows(40))
    examples, _ = read_examples(tmp_path, ["rows.parquet"], 40, ChatTemplate.of(make_tiny_tokenizer()))
    fine = Output(["yes"] * 40, None)
    assert list(score_warnings(examples, ["yes"] * 40, fine, trained_on=False)) == []
    poor = Output([None, " ", *["yes"] * 38], None, cut=[5, 6])
    found = list(score_warnings(examples, ["yes"] * 39 + [""], poor, trained_on=True))
    assert {warning.code: (warning.count, warning.example) for warning in found} == {
        "scored_on_training_rows": (40, None),
        "empty_references": (1, "rows.jsonl:40"),
        "empty_answers": (1, "rows.jsonl:2"),
        "prompts_too_long": (1, "rows.jsonl:1"),
        "answers_cut": (2, "rows.jsonl:6"),
    }
    (few,) = score_warnings(examples[:7], ["yes"] * 7, Output(["yes"] * 7, None), trained_on=False)
    assert (few.code, few.count) == ("few_rows", 7)
