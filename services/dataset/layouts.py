"""The dataset layouts: which columns belong together, and what a row of them becomes.

This is the only declaration of columns and layouts. The engine recognizes and converts rows by it, the API names it in
errors, and `make reference` writes the tables in docs/reference/formats.md and the browser app's layouts.generated.ts
from it. To add a layout, add an entry here, and a conversion in engine/normalize.py if none of the present ones fits.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["text", "messages", "preference", "unpaired"]
"""The normalized rows: {text}, {messages, tools?}, {messages, chosen, rejected, tools?} or {messages, completion,
label, tools?}; the last three may have chat_template_kwargs."""
Conversion = Literal[
    "text",
    "conversation",
    "prompt_completion",
    "preference",
    "openai_preference",
    "conversation_preference",
    "completion_preference",
    "unpaired_conversation",
    "unpaired_completion",
]
"""The function of engine/normalize.py that turns a row of the layout into its form."""


@dataclass(frozen=True)
class Column:
    """A column with a known meaning, and the other names under which other tools write it, in order of precedence."""

    name: str
    use: str
    aliases: tuple[str, ...] = ()


COLUMNS = (
    Column("messages", "the conversation", ("conversations", "conversation")),
    Column("prompt", "the prompt", ("instruction", "question", "query", "input", "text")),
    Column("completion", "the answer", ("response", "output", "answer", "answers", "generation")),
    Column("chosen", "the preferred answer", ("chosen_response",)),
    Column("rejected", "the other answer", ("rejected_response",)),
    Column("preferred_output", "the preferred answer"),
    Column("non_preferred_output", "the other answer"),
    Column("rejected_response", "the other answer", ("rejected_messages", "rejected_answer")),
    Column("label", "whether the answer is a good one", ("kto_tag",)),
    Column("input", "joined to the prompt after a blank line", ("query",)),
    Column("context", "joined to the prompt after a blank line", ("passage", "article")),
    Column("history", "earlier turns: a list of [question, answer], or messages"),
    Column("system", "the system prompt", ("system_prompt", "system_message")),
    Column("tools", "the tools of the conversation", ("functions",)),
    Column("reasoning_content", "the reasoning before the answer", ("reasoning", "thinking")),
    Column("chat_template_kwargs", "variables of the chat template"),
    Column("weight", "0: the row is not trained; other weights than 1 are not applied", ("loss_weight",)),
    Column("split", "the split of the row: train, validation or test"),
    Column("text", "the text"),
)
ROW_COLUMNS = ("weight", "split")
"""Columns that a row of any layout may have."""
MEDIA_COLUMNS = frozenset({"image", "images", "audio", "audios", "video", "videos"})
"""A row with a value in one of them is rejected: models are trained on text only."""
NEUTRAL_COLUMNS = {
    **dict.fromkeys(("id", "idx", "index", "uuid", "row_id", "prompt_id", "conversation_id"), "identifies the row"),
    **dict.fromkeys(("unnamed: 0", "__index_level_0__"), "the index that pandas writes"),
    **dict.fromkeys(("parallel_tool_calls", "tool_choice", "function_call"), "an option of requests, not of training"),
}
"""Columns without an effect on training, and why; no warning is needed."""

MODEL_COLUMNS = dict.fromkeys(("chosen_model", "rejected_model", "answered_by"), "the model that gave the answer")
"""Columns of rows that were made of feedback: without an effect on training, and kept for slices."""

UNSUPPORTED_COLUMNS = {
    "role": "An array of messages is one conversation: upload [[…], …], or rows with a column `messages`.",
    "input_ids": "Token ids belong to one tokenizer: upload the texts.",
    "segments": "Segments without roles are not read: upload conversations, or texts.",
    "completions": "Stepwise supervision is not a method here: upload prompts with one completion each.",
    "prompt": "There is no answer to train on beside the prompt.",
}
"""Columns of formats that are not read, and what to do about it; for an upload whose columns match no layout."""


@dataclass(frozen=True)
class Layout:
    """Columns that a row must have (`required`) or may have (`optional`), by `Column.name`, and their conversion."""

    name: str
    form: Form
    conversion: Conversion
    required: tuple[str, ...]
    optional: tuple[str, ...]
    description: str
    example: Mapping[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, the required ones first."""
        return self.required + self.optional + ROW_COLUMNS


_USER = {"role": "user", "content": "Hi"}
_ASSISTANT = {"role": "assistant", "content": "Hello!"}
_CHAT = ("history", "system", "tools", "chat_template_kwargs")
_PROMPT = ("input", "context", *_CHAT)

LAYOUTS = (
    Layout(
        "preference",
        "preference",
        "preference",
        ("chosen", "rejected"),
        ("prompt", "messages", *_PROMPT),
        "preference pair; texts or message lists; the prompt is in `prompt` or `messages`, or else the messages that "
        "both answers begin with",
        {"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"},
    ),
    Layout(
        "OpenAI preference",
        "preference",
        "openai_preference",
        ("input", "preferred_output", "non_preferred_output"),
        (),
        "preference pair in OpenAI's format; `input` is an object with `messages` and optionally `tools`",
        {
            "input": {"messages": [_USER]},
            "preferred_output": [_ASSISTANT],
            "non_preferred_output": [{"role": "assistant", "content": "What?"}],
        },
    ),
    Layout(
        "messages/rejected_response",
        "preference",
        "conversation_preference",
        ("messages", "rejected_response"),
        _CHAT,
        "preference pair in ms-swift's format: a conversation, and a worse answer in place of its last one",
        {"messages": [_USER, _ASSISTANT], "rejected_response": "What?"},
    ),
    Layout(
        "prompt/completion/rejected_response",
        "preference",
        "completion_preference",
        ("prompt", "completion", "rejected_response"),
        _PROMPT,
        "preference pair in H2O LLM Studio's format: a completion and a worse one",
        {"prompt": "Hi", "completion": "Hello!", "rejected_answer": "What?"},
    ),
    Layout(
        "messages/label",
        "unpaired",
        "unpaired_conversation",
        ("messages", "label"),
        _CHAT,
        "unpaired preference: a conversation whose last answer is good (true) or bad (false)",
        {"messages": [_USER, _ASSISTANT], "label": True},
    ),
    Layout(
        "messages",
        "messages",
        "conversation",
        ("messages",),
        _CHAT,
        "conversation, in OpenAI's format (`role`, `content`) or ShareGPT's (`from`, `value`)",
        {"messages": [_USER, _ASSISTANT]},
    ),
    Layout(
        "prompt/completion/label",
        "unpaired",
        "unpaired_completion",
        ("prompt", "completion", "label"),
        (*_PROMPT, "reasoning_content"),
        "unpaired preference: an answer that is good (true) or bad (false)",
        {"prompt": "Hi", "completion": "What?", "label": False},
    ),
    Layout(
        "prompt/completion",
        "messages",
        "prompt_completion",
        ("prompt", "completion"),
        (*_PROMPT, "reasoning_content"),
        "conversation; the columns are texts or lists of messages; assistant turns of the prompt are not trained",
        {"prompt": "Hi", "completion": "Hello!"},
    ),
    Layout("text", "text", "text", ("text",), (), "text, trained on as a whole", {"text": "Once upon a time."}),
)
"""In order of precedence: a row has the first layout whose required columns have a value in it."""

_CANONICAL = {name: column.name for column in reversed(COLUMNS) for name in column.aliases}
_CANONICAL |= {column.name: column.name for column in COLUMNS}
_COLUMNS = {column.name: column for column in COLUMNS}
MAPPABLE_COLUMNS = sorted(_CANONICAL)
MAPPING_SYNTAX = '{"prompt": "<your column>", "completion": "<your column>"}'


def required_columns() -> list[str]:
    """The required columns of every layout, as error messages list them."""
    return [" + ".join(layout.required) for layout in LAYOUTS]


def unsupported_hint(columns: Iterable[str]) -> str:
    """Say why columns that match no layout are not read, where their names tell; else an empty text."""
    present = {_normalized(column) for column in columns}
    return next((hint for column, hint in UNSUPPORTED_COLUMNS.items() if column in present), "")


def column_use(name: str) -> str:
    """What a column of a layout is used for."""
    return _COLUMNS[name].use


def is_known(column: str) -> bool:
    """Whether a column of a file has a name with a known meaning."""
    return _normalized(column) in _CANONICAL


def find_layout(
    columns: Iterable[str], mapping: Mapping[str, str] | None = None
) -> tuple[Layout, dict[str, str]] | None:
    """Return the layout of a row with these columns, and its columns: layout column -> column of the file.

    Names match regardless of case and surrounding spaces. `mapping` (layout column or alias -> column of the file)
    overrides them; a layout must then have all mapped columns that the row has, and no other column takes the place of
    a mapped one that the row lacks.
    """
    present = list(columns)
    wanted = {_CANONICAL[name]: column for name, column in (mapping or {}).items()}
    mapped = {name: column for name, column in wanted.items() if column in present}
    lacking = wanted.keys() - mapped.keys()
    names = {_normalized(column): column for column in reversed(present) if column not in mapped.values()}
    for layout in LAYOUTS:
        found = _assign(layout, mapped, names, lacking)
        if found.keys() >= {*layout.required} and set(mapped.values()) <= set(found.values()):
            return layout, found
    return None


def mapping_problem(mapping: Mapping[str, str]) -> str | None:
    """Say why a mapping (layout column or alias -> column of the file) cannot be used; None where it can."""
    if unknown := sorted(mapping.keys() - _CANONICAL.keys()):
        is_reversed = all(column in _CANONICAL for column in mapping.values())
        hint = " The mapping seems to be the wrong way round." if is_reversed else ""
        return f"No layout has a column {unknown[0]!r}.{hint}"
    canonical = {_CANONICAL[name] for name in mapping}
    if len(canonical) < len(mapping):
        return "Two names in the mapping mean the same column of a layout."
    if len(set(mapping.values())) < len(mapping):
        return "The mapping uses a column of the file twice."
    fits = any(canonical.issubset(layout.columns) for layout in LAYOUTS)
    return None if fits else "No layout has all mapped columns."


def _assign(
    layout: Layout, mapped: Mapping[str, str], names: Mapping[str, str], lacking: Collection[str]
) -> dict[str, str]:
    found: dict[str, str] = {column: mapped[column] for column in layout.columns if column in mapped}
    for column in layout.columns:
        if column in lacking:
            continue
        candidates = (names[name] for name in (column, *_COLUMNS[column].aliases) if name in names)
        free = next((candidate for candidate in candidates if candidate not in found.values()), None)
        if column not in found and free is not None:
            found[column] = free
    if "prompt" in layout.required and "prompt" not in found and "input" in found:
        found["prompt"] = found.pop("input")  # the only part of the prompt that is mapped
    if layout.conversion == "preference" and "prompt" in found and "messages" not in mapped:
        found.pop("messages", None)  # UltraFeedback repeats the chosen conversation there
    return found


def _normalized(column: str) -> str:
    return column.strip().lower()
