"""What users of other tools bring in their rows: each is used, refused, or named in the report."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.dataset.engine.content import to_public_row
from services.dataset.engine.shards import read_rows
from services.dataset.layouts import mapping_problem
from shared.engine.process.protocol import EngineError
from tests.support.data_cases import data_case
from tests.unit.dataset.test_validate import lines, validate

ASK, ANSWER = {"role": "user", "content": "Is snow warm?"}, {"role": "assistant", "content": "No."}
GUESS = {"role": "assistant", "content": "Yes?"}
AGAIN = {"role": "user", "content": "Sure?"}
FUNCTION = {"name": "melt", "parameters": {"type": "object", "properties": {"grams": {"type": "integer"}}}}
CALL = {"type": "function", "function": {"name": "melt", "arguments": {"grams": 5}}}


class Dataset:
    """A validated upload: its report and its rows, in order."""

    def __init__(self, folder: Path, *rows: dict[str, Any], name: str = "t.jsonl", **options: Any) -> None:
        content = lines(*rows) if name.endswith(".jsonl") else json.dumps(rows).encode()
        result = validate(folder, name, content, validation_share=0, **options)
        self.report: dict[str, Any] = result["report"]
        self.encoded = [
            row for _, _, row in read_rows([str(folder / "out" / n) for n in result["shards"]["train"]], 0, 99)
        ]
        self.rows = [json.loads(row) for row in self.encoded]

    def uses(self) -> dict[str, tuple[str, int]]:
        """Return column -> (use, rows)."""
        return {use["name"]: (use["use"], use["rows"]) for use in self.report["column_uses"]}

    def warnings(self) -> dict[str, dict[str, Any]]:
        """Return the warnings by code."""
        return {warning["code"]: warning for warning in self.report["warnings"]}

    def contents(self, row: int = -1) -> list[str]:
        """Return the contents of the messages of a row."""
        return [message["content"] for message in self.rows[row]["messages"]]


def refusal(folder: Path, *rows: dict[str, Any]) -> str:
    """Return the detail with which an upload is refused."""
    with pytest.raises(EngineError) as error:
        Dataset(folder, *rows)
    return error.value.detail


@data_case(
    "Columns",
    "`input` is missing in the first row",
    "every row by its own columns: the input joins the prompts of the rows that have one",
    "huggingface/datasets#5726, huggingface/datasets#5772",
)
@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_column_that_appears_later_is_used(tmp_path: Path, name: str) -> None:
    later = {"instruction": "Double it.", "input": "4", "output": "8"}
    dataset = Dataset(tmp_path, {"instruction": "Greet.", "output": "Hi."}, later, name=name)
    assert dataset.contents(0) == ["Greet.", "Hi."]
    assert dataset.contents(1) == ["Double it.\n\n4", "8"]
    assert dataset.uses() == {"instruction": ("used", 2), "output": ("used", 2), "input": ("used", 1)}
    assert dataset.report["warnings"] == []


@data_case(
    "Columns",
    "`system` is missing in the first row, or only in some rows",
    "the system prompt of each row is used, in conversations and preference pairs",
    "huggingface/datasets#7169, NVIDIA-NeMo/Automodel#3144",
)
def test_system_prompt_of_some_rows(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"prompt": "Hi", "completion": "Hello."}
    dataset = Dataset(tmp_path, plain, {**plain, "system": "Rhyme."})
    assert [len(row["messages"]) for row in dataset.rows] == [2, 3]
    assert dataset.report["features"] == {"system": {"rows": 1, "example": "t.jsonl:2"}}
    chats = Dataset(tmp_path, {"messages": [ASK, ANSWER]}, {"messages": [ASK, ANSWER], "system": "Rhyme."})
    assert chats.rows[1]["messages"][0] == {"role": "system", "content": "Rhyme."}
    pair = {"prompt": "Hi", "chosen": "Hello.", "rejected": "No."}
    pairs = Dataset(tmp_path, {**pair, "system": "Rhyme."}, pair)
    assert [len(row["messages"]) for row in pairs.rows] == [2, 1]


@data_case("Columns", "rows of one file in several layouts", "each row is read by its own layout")
def test_rows_of_several_layouts(tmp_path: Path) -> None:
    dataset = Dataset(
        tmp_path,
        {"question": "1+1?", "answer": "2"},
        {"messages": [ASK, ANSWER]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"prompt": None, "completion": None, "messages": [ASK, ANSWER]},
    )
    assert (dataset.report["rows"], dataset.report["layout"]) == (4, "question/answer, messages, conversations")
    assert dataset.uses()["prompt"] == ("ignored", 0)


@data_case(
    "Columns", "rows of several forms in one file", "the rows of another form than the first are rejected by name"
)
def test_rows_of_another_form_are_rejected(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, {"prompt": "p", "completion": "c"}, {"text": "t"}, max_bad_share=0.5)
    (rejected,) = dataset.report["rejected_rows"]
    expected = "the row is a text (text), the rows before it are not: a conversation is expected"
    assert (rejected["line"], rejected["reason"]) == (2, expected)


@data_case(
    "Columns", "a column `history` of question-answer pairs", "earlier turns", "hiyouga/LLaMA-Factory data/README"
)
def test_history_becomes_earlier_turns(tmp_path: Path) -> None:
    row = {"instruction": "And ice?", "output": "Colder.", "history": [["Is snow warm?", "No."]], "system": "Rhyme."}
    dataset = Dataset(tmp_path, row, {**row, "history": '[["Is fog wet?", "Yes."]]'}, {**row, "history": []})
    assert dataset.contents(0) == ["Rhyme.", "Is snow warm?", "No.", "And ice?", "Colder."]
    assert dataset.contents(1) == ["Rhyme.", "Is fog wet?", "Yes.", "And ice?", "Colder."]
    assert dataset.contents(2) == ["Rhyme.", "And ice?", "Colder."]
    assert "history[0] is a text" in refusal(tmp_path, {**row, "history": ["Is snow warm?"]})


@data_case("Columns", "a column `history` of role-text pairs", "earlier turns, by their roles")
def test_history_of_role_and_text(tmp_path: Path) -> None:
    row = {"instruction": "And ice?", "output": "Colder.", "history": [["user", "Is fog wet?"], ["assistant", "Yes."]]}
    assert Dataset(tmp_path, row).contents(0) == ["Is fog wet?", "Yes.", "And ice?", "Colder."]


@data_case(
    "Columns", "a mapped column that is empty in a row, beside another column for the same", "the row is rejected"
)
def test_no_column_takes_the_place_of_a_mapped_one(tmp_path: Path) -> None:
    row = {"instruction": "Name a river.", "output": "wrong", "answer_v2": "Rhine"}
    mapping = {"completion": "answer_v2"}
    dataset = Dataset(tmp_path, row, {**row, "answer_v2": ""}, mapping=mapping, max_bad_share=0.5)
    assert dataset.contents(0) == ["Name a river.", "Rhine"]
    assert "answer_v2 is empty" in dataset.report["rejected_rows"][0]["reason"]


@data_case("Columns", "answers such as NaN or None", "trained, and named in a warning")
def test_answers_that_may_be_missing_are_named(tmp_path: Path) -> None:
    dataset = Dataset(
        tmp_path, *({"prompt": "Which?", "completion": word} for word in ("NaN", "None", "#N/A", "Rhine"))
    )
    found = dataset.warnings()["missing_answers"]
    assert found["count"] == 3


@data_case(
    "Columns",
    "a column `context` beside a question (SQuAD, Dolly)",
    "it joins the prompt after a blank line",
    "SQuAD, Dolly",
)
def test_context_joins_the_prompt(tmp_path: Path) -> None:
    squad = {"context": "Snow is ice.", "question": "What is snow?", "answers": {"text": ["ice"], "answer_start": [8]}}
    dolly = {"instruction": "What is snow?", "context": "Snow is ice.", "response": "ice", "category": "qa"}
    for row in (
        squad,
        dolly,
        {"context": "Snow is ice.", "prompt": [{"role": "user", "content": "What is snow?"}], "answer": "ice"},
    ):
        assert Dataset(tmp_path, row).contents() == ["What is snow?\n\nSnow is ice.", "ice"]


@data_case("Columns", "a column `system_prompt` or `system_message`", "the system prompt", "H2O LLM Studio, OpenOrca")
def test_system_prompt_by_other_names_and_a_partial_mapping(tmp_path: Path) -> None:
    row = {"prompt": "Hi", "response": "Hello."}
    for column in ("system_prompt", "System_Message"):
        assert Dataset(tmp_path, {**row, column: "Rhyme."}).contents() == ["Rhyme.", "Hi", "Hello."]
    mapped = Dataset(tmp_path, {**row, "persona": "Rhyme."}, mapping={"system": "persona"})
    assert mapped.contents() == ["Rhyme.", "Hi", "Hello."]
    assert mapped.report["layout"] == "prompt/response"


def test_mapping_overrides_names_and_its_columns_must_exist(tmp_path: Path) -> None:
    row = {"text": "Hello.", "messages": "unrelated", "Frage": "Hi"}
    dataset = Dataset(tmp_path, row, mapping={"question": "Frage", "answer": "text"})
    assert dataset.contents() == ["Hi", "Hello."]
    assert dataset.uses()["messages"] == ("ignored", 1)
    with pytest.raises(EngineError, match="no column 'persona'"):
        Dataset(tmp_path, {"prompt": "Hi", "response": "Hello."}, mapping={"system": "persona"})


@data_case(
    "Columns", "columns whose meaning is not known", "listed as not understood, with one warning that names them", ""
)
def test_unknown_columns_are_named_once(tmp_path: Path) -> None:
    answers = [{**ANSWER, "content": f"No, {n}."} for n in range(4)]
    rows = [{"messages": [ASK, a], "id": n, "grade": n or None, "lang": "en"} for n, a in enumerate(answers)]
    dataset = Dataset(tmp_path, *rows)
    assert dataset.uses() == {
        "messages": ("used", 4),
        "id": ("ignored", 4),
        "grade": ("not_understood", 3),
        "lang": ("not_understood", 4),
    }
    warning = dataset.warnings()["columns_not_understood"]
    assert "grade, lang" in warning["detail"]
    assert (warning["count"], len(dataset.report["warnings"])) == (2, 1)


@data_case(
    "Columns",
    "unknown fields of messages",
    "listed as not understood as `messages[].field`, with the number of rows",
    "",
)
def test_unknown_fields_of_messages_are_named(tmp_path: Path) -> None:
    stamped = {"messages": [{**ASK, "time": 3, "name": "Ann"}, ANSWER]}
    dataset = Dataset(tmp_path, {"messages": [ASK, ANSWER]}, stamped)
    assert dataset.uses()["messages[].time"] == ("not_understood", 1)
    assert dataset.uses()["messages[].name"] == ("used", 1)
    assert "messages[].time" in dataset.warnings()["columns_not_understood"]["detail"]


@data_case(
    "Columns", "a classification set of `text` and `label`", "trained as text; a warning names `label`", "autotrain#101"
)
def test_label_of_a_class_is_named(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, {"text": "Snow falls.", "label": 0}, {"text": "Sun shines.", "label": 1})
    assert dataset.report["form"] == "text"
    assert dataset.uses()["label"] == ("ignored", 2)
    assert dataset.warnings()["columns_ignored"]["example"] == "label"
    named = Dataset(tmp_path, {"prompt": "Snow falls.", "completion": "It does.", "label": "weather"})
    assert (named.report["form"], named.uses()["label"]) == ("messages", ("ignored", 1))


@data_case(
    "Columns",
    "columns of images, audio or video",
    "rows with a value in them are rejected: text only",
    "hiyouga/LLaMA-Factory mllm_demo, mllm_audio_demo, mllm_video_demo",
)
@pytest.mark.parametrize("column", ["images", "image", "audios", "videos", "Image"])
def test_media_columns_are_refused(tmp_path: Path, column: str) -> None:
    row = {"messages": [ASK, ANSWER], column: ["snow.jpg"]}
    assert f"{column} has a value; models are trained on text only" in refusal(tmp_path, row)
    assert Dataset(tmp_path, {"messages": [ASK, ANSWER], column: []}).report["rows"] == 1


@data_case(
    "Columns", "a column `chat_template_kwargs`", "kept with the row, for the chat template", "axolotl#2658, trl"
)
def test_template_variables_are_kept(tmp_path: Path) -> None:
    row = {"messages": [ASK, ANSWER], "chat_template_kwargs": {"enable_thinking": False}}
    dataset = Dataset(tmp_path, row, {**row, "chat_template_kwargs": '{"tone": "dry"}'})
    assert [row["chat_template_kwargs"] for row in dataset.rows] == [{"enable_thinking": False}, {"tone": "dry"}]
    assert dataset.report["features"]["template_kwargs"]["rows"] == 2


@data_case(
    "Columns",
    "reasoning under `thinking`, `reasoning` or `reasoning_content`",
    "one field, `reasoning_content`",
    "huggingface/transformers#44301, OpenRouter, vLLM",
)
@pytest.mark.parametrize("key", ["thinking", "reasoning", "reasoning_content"])
def test_reasoning_is_one_field(tmp_path: Path, key: str) -> None:
    in_message = {"messages": [ASK, {**ANSWER, key: "Snow is cold."}]}
    in_column = {"question": "Is snow warm?", key: "Snow is cold.", "answer": "No."}
    dataset = Dataset(tmp_path, in_message, in_column)
    assert [row["messages"][1]["reasoning_content"] for row in dataset.rows] == ["Snow is cold."] * 2
    assert dataset.report["features"]["reasoning"]["rows"] == 2


@data_case(
    "Columns",
    "legacy `functions` and `function_call`, also beside text",
    "converted to tools and tool calls",
    "OpenAI's former schema",
)
def test_legacy_functions_are_converted(tmp_path: Path) -> None:
    call = {"name": "melt", "arguments": '{"grams": 5}'}
    turns = [
        ASK,
        {"role": "assistant", "content": "Let me see.", "function_call": call},
        {"role": "function", "name": "melt", "content": "wet"},
        {"role": "assistant", "content": None, "function_call": call},
    ]
    dataset = Dataset(tmp_path, {"messages": turns, "functions": [FUNCTION], "function_call": "auto"})
    (row,) = dataset.rows
    assert row["tools"] == [{"type": "function", "function": FUNCTION}]
    assert row["messages"][1] == {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]}
    assert row["messages"][3] == {"role": "assistant", "content": "", "tool_calls": [CALL]}
    assert dataset.uses()["function_call"] == ("ignored", 1)


@data_case("Columns", "`tools` as a list of JSON texts", "parsed", "Hugging Face datasets")
def test_tools_as_json_texts(tmp_path: Path) -> None:
    tool = {"type": "function", "function": FUNCTION}
    for tools in ([tool], [json.dumps(tool)], json.dumps([tool]), [FUNCTION], json.dumps(FUNCTION)):
        assert Dataset(tmp_path, {"messages": [ASK, ANSWER], "tools": tools}).rows[0]["tools"] == [tool]
    assert "tools[0] is a number" in refusal(tmp_path, {"messages": [ASK, ANSWER], "tools": [5]})


@data_case(
    "Columns", "a ShareGPT `function_call` as plain text", "rejected: the JSON text of a call is expected", "ShareGPT"
)
def test_function_call_as_plain_text_is_named(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Melt it"}, {"from": "function_call", "value": "melt(5)"}]
    assert "conversations[1].value is 'melt(5)'; the JSON text of a call" in refusal(tmp_path, {"conversations": turns})


@data_case("Columns", "numbers as answers", "text, as a spreadsheet shows them: 42.0 is 42", "integer labels")
@pytest.mark.parametrize(("value", "text"), [(42, "42"), (42.0, "42"), (0.5, "0.5"), (-3, "-3"), (True, "true")])
def test_numbers_are_text(tmp_path: Path, value: object, text: str) -> None:
    assert Dataset(tmp_path, {"prompt": "How many?", "completion": value}).contents()[1] == text
    assert Dataset(tmp_path, {"messages": [ASK, {**ANSWER, "content": value}]}).contents()[1] == text


@data_case("Columns", "JSON objects as answers", "rejected: write them as text", "")
def test_object_as_an_answer_is_named(tmp_path: Path) -> None:
    for value in ({"snow": 1}, {"value": 1}):
        reason = refusal(tmp_path, {"prompt": "As JSON?", "completion": value})
        assert "completion is an object, text is expected; write it as one text" in reason


@data_case("Columns", "an empty instruction beside a filled input", "the input is the prompt", "Alpaca")
def test_empty_instruction_with_an_input(tmp_path: Path) -> None:
    dataset = Dataset(
        tmp_path,
        {"instruction": "", "input": "Is snow warm?", "output": "No."},
        {"instruction": "Is snow warm?", "input": "None", "output": "No."},
        {"instruction": "Is snow warm?", "input": "nan", "output": "No."},
    )
    assert [dataset.contents(row) for row in range(3)] == [["Is snow warm?", "No."]] * 3


@data_case("Columns", "an empty or null system message", "no system prompt, as with an empty column", "ShareGPT")
@pytest.mark.parametrize("content", ["", None, " ", []])
def test_empty_system_message_is_none(tmp_path: Path, content: object) -> None:
    dataset = Dataset(tmp_path, {"messages": [{"role": "system", "content": content}, ASK, ANSWER]})
    assert dataset.rows == [{"messages": [ASK, ANSWER]}]


@data_case("Columns", "role names in capitals", "read in any case", "transformerlab")
def test_role_names_in_any_case(tmp_path: Path) -> None:
    turns = [{"from": "Human", "value": "Is snow warm?"}, {"from": " ASSISTANT", "value": "No."}]
    assert Dataset(tmp_path, {"conversations": turns}).rows == [{"messages": [ASK, ANSWER]}]


@data_case("Columns", "contents as lists of parts", "joined with a line break", "OpenAI, vLLM, LLaMA-Factory v1")
def test_parts_are_joined_with_a_line_break(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "First."}, {"type": "text", "value": "Second."}, "Third.\n", {"text": "Fourth."}]
    dataset = Dataset(tmp_path, {"messages": [{"role": "user", "content": parts}, ANSWER]})
    assert dataset.contents()[0] == "First.\nSecond.\nThird.\nFourth."


@data_case("Columns", "a text part without text", "rejected by the name of its field", "LLaMA-Factory v1")
def test_part_without_text_is_named(tmp_path: Path) -> None:
    parts = [{"type": "text", "body": "First."}]
    reason = refusal(tmp_path, {"messages": [{"role": "user", "content": parts}, ANSWER]})
    assert "messages[0].content[0] has no text: text is null" in reason


@data_case("Columns", "tool results that are objects or null", "JSON text, and an empty result", "")
@pytest.mark.parametrize(("content", "text"), [({"grams": 5}, '{"grams": 5}'), (None, ""), ("", ""), (7, "7")])
def test_tool_results(tmp_path: Path, content: object, text: str) -> None:
    turns = [ASK, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": content}, ANSWER]
    assert Dataset(tmp_path, {"messages": turns}).contents()[2] == text


@data_case("Columns", "parts that are neither text, reasoning nor tool calls", "rejected by their type", "Anthropic")
@pytest.mark.parametrize(("kind", "hint"), [("tool_use", "known are text"), ("input_audio", "trained on text only")])
def test_other_parts_are_named(tmp_path: Path, kind: str, hint: str) -> None:
    reason = refusal(tmp_path, {"messages": [ASK, {"role": "assistant", "content": [{"type": kind}]}]})
    assert f"content[0] is a part of type {kind!r}; " in reason
    assert hint in reason


@data_case("Columns", "an answer under `refusal`", "rejected: write it into content", "OpenAI")
def test_refusal_is_named(tmp_path: Path) -> None:
    row = {"messages": [ASK, {"role": "assistant", "content": None, "refusal": "I can't."}]}
    assert "messages[1].refusal has a value; write the refusal into content" in refusal(tmp_path, row)
    assert Dataset(tmp_path, {"messages": [ASK, {**ANSWER, "refusal": None}]}).report["rows"] == 1


@data_case(
    "Columns", "token ids, segments, stepwise supervision, prompts alone", "refused with what to upload instead", ""
)
@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ({"input_ids": [1], "labels": [1]}, "Token ids belong to one tokenizer"),
        ({"segments": [{"text": "a", "label": True}]}, "Segments without roles"),
        ({"prompt": "p", "completions": ["a"], "labels": [True]}, "Stepwise supervision"),
        ({"prompt": "p"}, "no answer to train on"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path: Path, row: dict[str, Any], hint: str) -> None:
    assert hint in refusal(tmp_path, row)


@data_case(
    "Loss masks",
    "`weight` 0 or 1 on assistant turns (OpenAI, ShareGPT)",
    "turns with 0 are context; `GET /v1/files/{id}/content` gives `weight: 0` back",
    "axolotl-ai-cloud/axolotl#1702, axolotl-ai-cloud/axolotl#1703",
)
@pytest.mark.parametrize(
    ("off", "on"),
    [
        ({"weight": 0}, {"weight": 1}),
        ({"weight": 0.0}, {}),
        ({"train": False}, {"train": True}),
        ({"training": False}, {}),
        ({"loss_weight": 0.0}, {"loss_weight": 1.0}),
        ({"loss": False}, {"loss": True}),
    ],
)
def test_loss_masks_of_turns(tmp_path: Path, off: dict[str, Any], on: dict[str, Any]) -> None:
    dataset = Dataset(tmp_path, {"messages": [ASK, {**GUESS, **off}, AGAIN, {**ANSWER, **on}]})
    assert dataset.rows == [{"messages": [ASK, {**GUESS, "train": False}, AGAIN, ANSWER]}]
    public = json.loads(to_public_row(dataset.encoded[0].decode()))
    assert public == {"messages": [ASK, {**GUESS, "weight": 0}, AGAIN, ANSWER]}
    assert Dataset(tmp_path, public).rows == dataset.rows
    assert {name for name, (use, _) in dataset.uses().items() if use == "used"} == {
        "messages",
        *(f"messages[].{key}" for key in off),
    }


@data_case(
    "Loss masks",
    "spans of `train_detail`",
    "kept as the spans of the content that are not trained; the end of a span belongs to it",
    "Axolotl's documentation",
)
def test_loss_masks_of_spans(tmp_path: Path) -> None:
    detail = [
        {"begin_offset": 0, "end_offset": 2, "train": True},
        {"begin_offset": 3, "end_offset": 5, "train": False},
        {"begin_offset": 6, "end_offset": 6, "train": True},
    ]
    message = {"role": "assistant", "content": "No, é!?", "train_detail": detail}
    dataset = Dataset(tmp_path, {"messages": [ASK, message]})
    assert dataset.rows[0]["messages"][1] == {"role": "assistant", "content": "No, é!?", "untrained": [[3, 6]]}
    public = json.loads(to_public_row(dataset.encoded[0].decode()))
    assert public["messages"][1] == message
    assert Dataset(tmp_path, public).rows == dataset.rows
    uncovered = {**message, "train_detail": detail[:1]}
    assert Dataset(tmp_path, {"messages": [ASK, uncovered]}).rows[0]["messages"][1]["untrained"] == [[3, 7]]
    outside = {**message, "train_detail": [{"begin_offset": 0, "end_offset": 7, "train": True}]}
    assert "train_detail[0] is 0 to 7, outside of the content" in refusal(tmp_path, {"messages": [ASK, outside]})


@data_case("Loss masks", "fractions as weights", "rejected by the name of the field", "")
@pytest.mark.parametrize(("key", "value"), [("weight", 0.5), ("loss_weight", 2), ("train", "maybe")])
def test_other_weights_are_refused(tmp_path: Path, key: str, value: object) -> None:
    reason = refusal(tmp_path, {"messages": [ASK, {**ANSWER, key: value}]})
    assert f"messages[1].{key} is {value!r}; only 0 and 1" in reason


@data_case("Loss masks", "all assistant turns turned off", "the row is rejected: nothing is left to train", "")
def test_row_without_a_trained_turn_is_rejected(tmp_path: Path) -> None:
    covered = {**ANSWER, "train_detail": [{"begin_offset": 0, "end_offset": 2, "train": False}]}
    for answer in ({**ANSWER, "weight": 0}, covered):
        assert "their loss masks turn all of them off" in refusal(tmp_path, {"messages": [ASK, answer]})


@data_case(
    "Loss masks", "`train: true` on a turn of the user", "a warning: only assistant turns are trained", "Axolotl"
)
def test_mask_on_a_user_turn_is_warned_of(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, {"messages": [{**ASK, "train": True}, {**ANSWER, "train": True}]})
    assert dataset.rows == [{"messages": [ASK, ANSWER]}]
    assert dataset.warnings()["untrainable_turns"]["example"] == "t.jsonl:1"
    assert Dataset(tmp_path, {"messages": [{**ASK, "train": False}, ANSWER]}).report["warnings"] == []


@data_case("Loss masks", "assistant turns inside TRL's `prompt`", "context: `train: false`", "huggingface/trl")
def test_assistant_turns_of_a_prompt_are_context(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, {"prompt": [ASK, GUESS, AGAIN], "completion": [ANSWER]})
    assert dataset.rows == [{"messages": [ASK, {**GUESS, "train": False}, AGAIN, ANSWER]}]


@data_case(
    "Loss masks", "a column `weight` beside prompts", "0 rejects the row, other weights than 1 are warned of", ""
)
def test_weight_of_a_row(tmp_path: Path) -> None:
    row = {"prompt": "p", "completion": "c"}
    dataset = Dataset(tmp_path, {**row, "weight": 1}, {**row, "weight": 0.3}, {**row, "weight": 0}, max_bad_share=0.5)
    assert dataset.report["rows"] == 2
    assert dataset.report["rejected_rows"][0]["reason"] == "weight is 0: there is nothing to train on"
    assert dataset.warnings()["row_weights"]["count"] == 1


@data_case(
    "Preferences",
    "unpaired preferences: `prompt`, `completion`, `label`",
    "their own form, `unpaired`; an answer with label false is never trained as a good one",
    "huggingface/trl#1116, huggingface/trl#2248",
)
@pytest.mark.parametrize(("good", "bad"), [(True, False), (1, 0), ("True", "false")])
def test_unpaired_preferences(tmp_path: Path, good: object, bad: object) -> None:
    rows = [
        {"prompt": "Is snow warm?", "completion": text, "label": label}
        for text, label in (("No.", good), ("Yes?", bad))
    ]
    dataset = Dataset(tmp_path, *rows, rows[0])
    assert dataset.report["form"] == "unpaired"
    assert dataset.rows[:2] == [
        {"messages": [ASK], "completion": [ANSWER], "label": True},
        {"messages": [ASK], "completion": [GUESS], "label": False},
    ]
    assert (dataset.report["duplicates"], dataset.report["characters"]) == (1, 3 * 13 + 3 + 4 + 3)
    public = [json.loads(to_public_row(row.decode())) for row in dataset.encoded]
    assert public[0] == {"prompt": [ASK], "completion": [ANSWER], "label": True}
    assert Dataset(tmp_path, *public).rows == dataset.rows


@data_case(
    "Preferences",
    "LLaMA-Factory's KTO sets: conversations or instructions with `label` or `kto_tag`",
    "unpaired preferences of the last answer",
    "hiyouga/LLaMA-Factory kto_en_demo",
)
def test_unpaired_conversations(tmp_path: Path) -> None:
    chat = {"messages": [ASK, GUESS, AGAIN, ANSWER], "label": False}
    alpaca = {"instruction": "Is snow", "input": "warm?", "output": "No.", "kto_tag": True}
    dataset = Dataset(tmp_path, chat, alpaca, {"conversations": [ASK, ANSWER], "kto_tag": "true"})
    assert dataset.rows[0] == {"messages": [ASK, GUESS, AGAIN], "completion": [ANSWER], "label": False}
    assert dataset.rows[1]["messages"] == [{"role": "user", "content": "Is snow\n\nwarm?"}]
    assert dataset.rows[2] == {"messages": [ASK], "completion": [ANSWER], "label": True}
    assert "kto_tag is 'maybe', true or false is expected" in refusal(tmp_path, {**alpaca, "kto_tag": "maybe"})
    assert "does not end with an assistant message" in refusal(tmp_path, {"messages": [ANSWER, ASK], "label": True})


@data_case(
    "Preferences",
    "Alpaca preferences: instruction and input with `chosen`, `rejected`",
    "instruction and input are the prompt",
    "hiyouga/LLaMA-Factory data/README",
)
def test_alpaca_preferences(tmp_path: Path) -> None:
    row = {"instruction": "Be polite.", "input": "Where is it?", "chosen": "There, please.", "rejected": "There."}
    dataset = Dataset(tmp_path, row, {**row, "input": ""}, {**row, "history": [["Hi", "Hello."]]})
    assert [dataset.contents(n) for n in range(3)] == [
        ["Be polite.\n\nWhere is it?"],
        ["Be polite."],
        ["Hi", "Hello.", "Be polite.\n\nWhere is it?"],
    ]


@data_case(
    "Preferences", "pairs whose answers repeat a system prompt and the prompt", "the shared turns are the prompt", ""
)
def test_shared_turns_of_pairs_are_the_prompt(tmp_path: Path) -> None:
    rules = {"role": "system", "content": "Rhyme."}
    row = {
        "prompt": "Is snow warm?",
        "chosen": [rules, ASK, ANSWER],
        "rejected": [rules, ASK, GUESS],
        "messages": [ASK, ANSWER],
    }
    dataset = Dataset(tmp_path, row)
    assert dataset.rows == [{"messages": [rules, ASK], "chosen": [ANSWER], "rejected": [GUESS]}]
    assert dataset.uses()["messages"] == ("ignored", 1)


@data_case(
    "Templates", "template markers such as <|im_end|> inside texts", "a warning counts the rows", "LLaMA-Factory FAQ"
)
@pytest.mark.parametrize("text", ["So <|im_end|> more", "a<end_of_turn>", "[INST] Hi [/INST]", "end</s>"])
def test_template_markers_in_texts_are_counted(tmp_path: Path, text: str) -> None:
    rows = [{"messages": [ASK, {**ANSWER, "content": content}]} for content in ("No <b>way</b> a/b", text, "a <| b")]
    dataset = Dataset(tmp_path, *rows)
    warning = dataset.warnings()["template_markers"]
    assert (warning["count"], warning["example"]) == (1, "t.jsonl:2")


def test_many_duplicates_and_rejected_rows_are_warned_of(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, *[{"text": "same"}] * 3, {"text": ""}, max_bad_share=0.5)
    assert dataset.warnings()["duplicates"]["count"] == 2
    assert dataset.warnings()["rows_rejected"]["example"] == "t.jsonl:4: text is empty"
    few = Dataset(tmp_path, *[{"text": str(n % 9)} for n in range(10)])
    assert few.report["duplicates"] == 1
    assert few.report["warnings"] == []


def test_features_are_counted_on_both_paths(tmp_path: Path) -> None:
    rules = {"role": "system", "content": "Rhyme."}
    chats = [[rules, ASK, ANSWER], [ANSWER, ASK, ANSWER], [ASK, AGAIN, ANSWER], [ASK, ANSWER]]
    fast = Dataset(tmp_path, *[{"messages": turns} for turns in chats]).report["features"]
    slow = Dataset(tmp_path, *[{"messages": turns} for turns in chats], name="t.json").report["features"]
    assert {name: feature["rows"] for name, feature in fast.items()} == {
        "system": 1,
        "assistant_first": 1,
        "consecutive_roles": 1,
    }
    assert {name: feature["rows"] for name, feature in slow.items()} == dict.fromkeys(fast, 1)


@data_case(
    "Columns",
    "`text` beside an answer and without a prompt",
    "the text is the prompt; beside another prompt it is named as unused",
)
def test_text_beside_an_answer_is_the_prompt(tmp_path: Path) -> None:
    assert Dataset(tmp_path, {"text": "Is snow warm?", "response": "No."}).rows == [{"messages": [ASK, ANSWER]}]
    rendered = Dataset(tmp_path, {"instruction": "Is snow warm?", "output": "No.", "text": "### Is snow warm? No."})
    assert (rendered.rows, rendered.uses()["text"]) == ([{"messages": [ASK, ANSWER]}], ("ignored", 1))


@data_case("Columns", "a weight of 0 on texts, pairs and unpaired preferences", "the row is rejected")
@pytest.mark.parametrize(
    "row",
    [
        {"text": "Snow is cold."},
        {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"},
        {"prompt": "Hi", "completion": "Hello.", "label": True},
    ],
)
def test_weight_of_any_row(tmp_path: Path, row: dict[str, Any]) -> None:
    assert "weight is 0: there is nothing to train on" in refusal(tmp_path, {**row, "weight": 0})
    dataset = Dataset(tmp_path, {**row, "weight": 0.5})
    assert (dataset.uses()["weight"], set(dataset.warnings())) == (("used", 1), {"row_weights"})


@data_case(
    "Splits",
    "a column `split` with train, validation and test",
    "each row belongs to its split; other values are warned of and belong to train",
)
@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_split_column(tmp_path: Path, name: str) -> None:
    rows = [{"messages": [{"role": "user", "content": f"Hi {n}"}, ANSWER]} for n in range(6)]
    splits = ("train", "Test", "validation", "test_sft", None, "train")
    dataset = Dataset(tmp_path, *({**row, "split": split} for row, split in zip(rows, splits, strict=True)), name=name)
    assert dataset.report["splits"] == {"train": 3, "validation": 1, "test": 2}
    assert dataset.rows == [rows[0], rows[4], rows[5]]
    assert dataset.uses()["split"] == ("used", 5)
    folds = Dataset(tmp_path, {**rows[0], "split": "fold 1"}, {**rows[1], "split": 2})
    assert folds.report["splits"] == {"train": 2, "validation": 0}
    assert folds.warnings()["unknown_splits"]["count"] == 2


@data_case(
    "Preferences",
    "ms-swift's `rejected_response` or `rejected_messages`, H2O's `rejected_answer`",
    "preference pairs: the answer of the row is the preferred one",
    "ms-swift, H2O LLM Studio",
)
def test_worse_answer_beside_the_good_one(tmp_path: Path) -> None:
    pair = {"messages": [ASK], "chosen": [ANSWER], "rejected": [GUESS]}
    flat = {"instruction": "Is snow warm?", "output": "No."}
    dataset = Dataset(
        tmp_path,
        {"messages": [ASK, ANSWER], "rejected_response": "Yes?"},
        {"messages": [ASK, ANSWER], "rejected_messages": [ASK, GUESS]},
        {**flat, "rejected_answer": "Yes?"},
        {"prompt": "Is snow warm?", "chosen_response": "No.", "rejected_response": "Yes?"},
    )
    assert dataset.rows == [pair] * 4
    assert dataset.report["warnings"][0]["code"] == "duplicates"
    assert "rejected_answer are equal" in refusal(tmp_path, {**flat, "rejected_answer": "No."})


@data_case(
    "Preferences",
    "labels such as good and bad, yes and no, 1 and -1",
    "read as true and false; rows without a label among others are rejected in these words",
)
@pytest.mark.parametrize(
    ("good", "bad"), [("good", "bad"), ("Yes", "No"), ("desirable", "undesirable"), (1, -1), (1.0, 0.0), ("1", "-1")]
)
def test_labels_in_words(tmp_path: Path, good: object, bad: object) -> None:
    row = {"prompt": "Is snow warm?", "completion": "No."}
    dataset = Dataset(tmp_path, {**row, "label": good}, {**row, "label": bad})
    assert [row["label"] for row in dataset.rows] == [True, False]
    mixed = refusal(tmp_path, {**row, "label": good}, row, {**row, "label": 3})
    assert "an unpaired preference is expected; label every row true or false, or none" in mixed


@data_case(
    "Messages",
    "the JSON text of a list of messages as prompt, answer, chosen or rejected, as CSV files have it",
    "read as messages; Python's text of a list is rejected with the remedy; other JSON is an answer",
    "pandas",
)
def test_json_text_of_messages_in_cells(tmp_path: Path) -> None:
    ask, talk, guess = (json.dumps(turns) for turns in ([ASK], [ASK, ANSWER], [ASK, GUESS]))
    pair = {"messages": [ASK], "chosen": [ANSWER], "rejected": [GUESS]}
    assert Dataset(tmp_path, {"prompt": ask, "chosen": talk, "rejected": guess}).rows == [pair]
    assert Dataset(tmp_path, {"prompt": ask, "completion": json.dumps([ANSWER])}).rows == [{"messages": [ASK, ANSWER]}]
    python = refusal(tmp_path, {"prompt": str([ASK]), "completion": "No."})
    assert "prompt is not JSON: Python wrote it with single quotes; write it with json.dumps" in python
    answers = ['[{"from": "Ulm", "to": "Bonn"}]', '[{"value": 3}]', '[{"role": not JSON']
    dataset = Dataset(tmp_path, *({"prompt": "Route?", "completion": answer} for answer in answers))
    assert [row["messages"][1]["content"] for row in dataset.rows] == answers


@data_case("Messages", "messages without a role or content", "rejected with the fields that they have")
def test_fields_of_strange_messages_are_named(tmp_path: Path) -> None:
    reason = refusal(tmp_path, {"messages": [{"speaker": "user", "text": "Hi"}]})
    assert "messages[0] has no role; its fields are speaker, text" in reason
    reason = refusal(tmp_path, {"messages": [{"role": "user", "text": "Hi"}]})
    assert "messages[0] has no content; its fields are role, text" in reason


@data_case(
    "Messages",
    "conversations that end with a turn of the user; reasoning on a turn of the user",
    "a warning: the turn or field is not trained",
)
def test_what_no_answer_uses_is_warned_of(tmp_path: Path) -> None:
    talk = [ASK, ANSWER]
    open_end = Dataset(tmp_path, {"messages": talk}, {"messages": [*talk, AGAIN]}, {"messages": [*talk, AGAIN]})
    assert open_end.warnings()["turns_without_answer"]["count"] == 2
    assert open_end.warnings()["turns_without_answer"]["example"] == "t.jsonl:2"
    pondering = Dataset(tmp_path, {"messages": [{**ASK, "reasoning_content": "Hm."}, ANSWER]})
    assert (pondering.rows, set(pondering.warnings())) == ([{"messages": talk}], {"misplaced_fields"})
    assert pondering.report["features"] == {}


@data_case(
    "Columns", "a list of several answers", "the first one is trained, with a warning", "LLaMA-Factory, TriviaQA"
)
def test_list_of_answers(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path, {"question": "Is snow warm?", "answers": ["No.", "Never."]})
    assert dataset.rows == [{"messages": [ASK, ANSWER]}]
    assert dataset.warnings()["further_answers"]["count"] == 1


@data_case("Columns", "tools with Anthropic's `input_schema`", "it becomes `parameters`", "Anthropic")
def test_tools_of_anthropic(tmp_path: Path) -> None:
    tool = {"name": "melt", "input_schema": FUNCTION["parameters"]}
    (row,) = Dataset(tmp_path, {"messages": [ASK, ANSWER], "tools": [tool]}).rows
    assert row["tools"] == [{"type": "function", "function": FUNCTION}]


@data_case("Messages", "placeholders such as <image> in texts", "a warning counts the rows", "LLaMA-Factory")
def test_placeholders_of_media_are_warned_of(tmp_path: Path) -> None:
    asked = ("<image>What is it?", "What is <img>?")
    dataset = Dataset(tmp_path, *({"prompt": text, "completion": "An HTML tag."} for text in asked))
    assert dataset.warnings()["media_placeholders"]["count"] == 1


@data_case(
    "Columns",
    "a mapping the wrong way round, with a column twice, or with two names of one column",
    "refused in these words",
)
@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"frage": "prompt", "antwort": "completion"}, "No layout has a column 'antwort'. The mapping seems to be"),
        ({"prompt": "frage", "completion": "frage"}, "The mapping uses a column of the file twice."),
        ({"prompt": "frage", "question": "antwort"}, "Two names in the mapping mean the same column of a layout."),
        ({"messages": "frage", "completion": "antwort"}, "No layout has all mapped columns."),
    ],
)
def test_mappings_that_cannot_be_meant(mapping: dict[str, str], problem: str) -> None:
    assert (mapping_problem(mapping) or "").startswith(problem)


@pytest.mark.parametrize("names", [("query", "response"), ("input", "output"), ("question", "answers")])
def test_mapping_by_other_names(tmp_path: Path, names: tuple[str, str]) -> None:
    mapping = dict(zip(names, ("frage", "antwort"), strict=True))
    assert mapping_problem(mapping) is None
    dataset = Dataset(tmp_path, {"frage": "Is snow warm?", "antwort": "No."}, mapping=mapping)
    assert dataset.rows == [{"messages": [ASK, ANSWER]}]
