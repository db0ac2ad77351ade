"""Which rows are sampled, and the prompt and reference of each."""

from pathlib import Path

from services.evaluation.engine.examples import read_examples
from services.evaluation.engine.generation import decode_answer
from shared.engine.text.template import ChatTemplate
from tests.support.running_service import chat_rows, write_shard
from tests.support.tiny_model import make_tiny_tokenizer


def test_sample_is_seeded_ordered_and_from_all_shards(tmp_path: Path) -> None:
    template = ChatTemplate.of(make_tiny_tokenizer())
    write_shard(tmp_path / "a.parquet", chat_rows(10))
    write_shard(tmp_path / "b.parquet", chat_rows(30)[10:])
    sampled = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    again = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    assert len(sampled) == 12
    assert sampled == again
    questions = [int(example.messages[0]["content"].split()[-1][:-1]) for example in sampled]
    assert questions == sorted(questions)
    assert max(questions) >= 10
    assert len(read_examples(tmp_path, ["a.parquet"], 99, template)) == 10


def test_reference_is_the_last_answer_or_the_chosen_one_of_a_pair(tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    template = ChatTemplate.of(tokenizer)
    dialogue = [{"role": role, "content": text} for role, text in (("user", "a"), ("assistant", "b"), ("user", "c"))]
    answer = [{"role": "assistant", "content": "the answer"}]
    rows = [
        {"messages": dialogue + answer},
        {"messages": dialogue, "chosen": answer, "rejected": dialogue[1:2]},
        {"messages": dialogue[:1]},
        {"text": "plain"},
    ]
    write_shard(tmp_path / "rows.parquet", rows)
    first, pair, plain = read_examples(tmp_path, ["rows.parquet"], 4, template)
    for example in (first, pair):
        assert decode_answer(tokenizer, example.reference_ids) == "the answer"
        assert example.messages == dialogue
        assert example.prompt_ids == template.prompt_ids(dialogue)
    assert (plain.row_id, plain.prompt_ids, plain.samples) == (3, [], [{"text": "plain"}])
