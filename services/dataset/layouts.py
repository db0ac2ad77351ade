"""The dataset layouts: which columns belong together, and what a row of them becomes.

This is the only declaration of a layout. The engine recognizes and converts rows by it, the API names it in errors,
and `make reference` writes the table in docs/reference/formats.md and the browser app's layouts.generated.ts from it.
To add a layout, add an entry here, and a conversion in engine/normalize.py if none of the present ones fits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["text", "messages", "preference"]
"""The normalized rows: {text}, {messages, tools?}, or {messages, chosen, rejected, tools?}."""
Conversion = Literal["text", "conversation", "prompt_answer", "instruction", "preference", "openai_preference"]
"""The function of engine/normalize.py that turns a row of the layout into its form."""


@dataclass(frozen=True)
class Layout:
    """Columns that a row must have (`required`) or may have (`optional`), and how they are converted.

    A conversion that takes its columns by position reads them in the order of `required`.
    """

    name: str
    form: Form
    conversion: Conversion
    required: tuple[str, ...]
    optional: tuple[str, ...]
    description: str
    example: Mapping[str, Any]


_USER = {"role": "user", "content": "Hi"}
_ASSISTANT = {"role": "assistant", "content": "Hello!"}

LAYOUTS = (
    Layout(
        "preference",
        "preference",
        "preference",
        ("chosen", "rejected"),
        ("prompt", "messages", "conversations", "system", "tools"),
        "preference pair; texts or message lists; the prompt is in `prompt`, `messages` or `conversations`, or else "
        "the messages that both answers begin with",
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
        "messages",
        "messages",
        "conversation",
        ("messages",),
        ("system", "tools"),
        "conversation",
        {"messages": [_USER, _ASSISTANT]},
    ),
    Layout(
        "conversations",
        "messages",
        "conversation",
        ("conversations",),
        ("system", "tools"),
        "conversation (ShareGPT: `from`, `value`; `human`, `gpt`, `function_call`, `observation`)",
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
    ),
    Layout(
        "instruction/input/output",
        "messages",
        "instruction",
        ("instruction", "output"),
        ("input", "system"),
        "conversation (Alpaca); the input follows the instruction after a blank line",
        {"instruction": "Add the numbers.", "input": "1 2", "output": "3"},
    ),
    Layout(
        "prompt/completion",
        "messages",
        "prompt_answer",
        ("prompt", "completion"),
        ("system", "tools"),
        "conversation; each column may be a list of messages",
        {"prompt": "Hi", "completion": "Hello!"},
    ),
    Layout(
        "prompt/response",
        "messages",
        "prompt_answer",
        ("prompt", "response"),
        ("system", "tools"),
        "conversation; each column may be a list of messages",
        {"prompt": "Hi", "response": "Hello!"},
    ),
    Layout(
        "question/answer",
        "messages",
        "prompt_answer",
        ("question", "answer"),
        ("system",),
        "conversation; each column may be a list of messages",
        {"question": "What is 1 plus 2?", "answer": "3"},
    ),
    Layout("text", "text", "text", ("text",), (), "text, trained on as a whole", {"text": "Once upon a time."}),
)
"""In order of precedence: a row has the first layout whose required columns it has."""

MAPPABLE_COLUMNS = sorted({column for layout in LAYOUTS for column in (*layout.required, *layout.optional)})
MAPPING_SYNTAX = '{"prompt": "<your column>", "completion": "<your column>"}'


def required_columns() -> list[str]:
    """The required columns of every layout, as error messages list them."""
    return [" + ".join(layout.required) for layout in LAYOUTS]


def find_layout(columns: Iterable[str]) -> Layout | None:
    """Return the layout of a row with these columns, or None."""
    present = set(columns)
    return next((layout for layout in LAYOUTS if present.issuperset(layout.required)), None)


def match_columns(columns: Iterable[str], mapping: Mapping[str, str] | None) -> dict[str, str]:
    """Return layout column -> column of the file.

    Without a mapping, names match regardless of case and surrounding spaces; with one, only mapped columns count.
    """
    if mapping is None:
        return {column.strip().lower(): column for column in columns}
    present = set(columns)
    return {column: file_column for column, file_column in mapping.items() if file_column in present}
