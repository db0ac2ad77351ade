"""Which rows are drawn, and what of each is asked and expected."""

from pathlib import Path

from services.evaluation.engine.answers import decoded
from services.evaluation.engine.rows import read_examples
from shared.engine.text.template import ChatTemplate
from tests.support.running_service import chat_rows, write_shard
from tests.support.tiny_model import make_tiny_tokenizer


def test_a_seeded_draw_in_order_over_all_shards(tmp_path: Path) -> None:
    template = ChatTemplate.of(make_tiny_tokenizer())
    write_shard(tmp_path / "a.parquet", chat_rows(10))
    write_shard(tmp_path / "b.parquet", chat_rows(30)[10:])
    drawn = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    again = read_examples(tmp_path, ["a.parquet", "b.parquet"], 12, template)
    assert len(drawn) == 12
    assert drawn == again
    questions = [int(example.messages[0]["content"].split()[-1][:-1]) for example in drawn]
    assert questions == sorted(questions)
    assert max(questions) >= 10
    assert len(read_examples(tmp_path, ["a.parquet"], 99, template)) == 10


def test_the_last_answer_is_the_reference_and_the_chosen_one_of_a_pair(tmp_path: Path) -> None:
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
        assert decoded(tokenizer, example.reference_ids) == "the answer"
        assert example.messages == dialogue
        assert example.prompt_ids == template.prompt_ids(dialogue)
    assert (plain.row_id, plain.prompt_ids, plain.samples) == (3, [], [{"text": "plain"}])
