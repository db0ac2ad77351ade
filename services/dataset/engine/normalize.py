"""Converting rows of every layout into one of three forms: text, messages, preference."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import Message, parse_messages, parse_tools, require_text, type_name
from services.dataset.layouts import Conversion, Layout

Row = dict[str, Any]
Cells = Mapping[str, object]
"""Layout column -> cell; a column that the row does not have is absent (null is a value)."""
Normalize = Callable[[object], Row]
Convert = Callable[[Layout, Cells], Row]


def make_normalizer(layout: Layout, columns: Mapping[str, str]) -> Normalize:
    """Return a function that turns a decoded value into a normalized row, or raises BadRow.

    `columns` maps layout columns to columns of the file.
    """
    convert = CONVERSIONS[layout.conversion]
    known = [(column, columns[column]) for column in (*layout.required, *layout.optional) if column in columns]

    def normalize(value: object) -> Row:
        if not isinstance(value, dict):
            raise BadRow(f"a row is an object with named columns, this is {type_name(value)}")
        cells = {column: value[file_column] for column, file_column in known if file_column in value}
        for column in layout.required:
            if column not in cells:
                raise BadRow(f"column {columns[column]!r} is missing")
        return convert(layout, cells)

    return normalize


def _text(layout: Layout, cells: Cells) -> Row:
    (column,) = layout.required
    return {"text": require_text(cells[column], column)}


def _conversation(layout: Layout, cells: Cells) -> Row:
    """One column holds all messages."""
    (column,) = layout.required
    messages = _add_system(parse_messages(cells[column], column), cells)
    _require_assistant(messages, column)
    return _add_tools({"messages": messages}, cells)


def _prompt_answer(layout: Layout, cells: Cells) -> Row:
    """One column holds the prompt and one the answer; each is a text or a list of messages."""
    prompt, answer = layout.required
    turns = [*_turns(cells[prompt], prompt, "user"), *_turns(cells[answer], answer, "assistant")]
    messages = _add_system(turns, cells)
    _require_assistant(messages, answer)
    return _add_tools({"messages": messages}, cells)


def _instruction(layout: Layout, cells: Cells) -> Row:
    """Alpaca (Taori et al. 2023): the input follows the instruction in the user turn."""
    instruction, extra = require_text(cells["instruction"], "instruction"), cells.get("input")
    if extra is not None and not isinstance(extra, str):
        raise BadRow(f"input is {type_name(extra)}, text is expected")
    prompt = f"{instruction}\n\n{require_text(extra, 'input')}" if extra and not extra.isspace() else instruction
    turns = [{"role": "user", "content": prompt}, *_turns(cells["output"], "output", "assistant")]
    return {"messages": _add_system(turns, cells)}


def _preference(layout: Layout, cells: Cells) -> Row:
    given = next((cells[name] for name in ("prompt", "messages", "conversations") if cells.get(name)), None)
    chosen = _turns(cells["chosen"], "chosen", "assistant")
    rejected = _turns(cells["rejected"], "rejected", "assistant")
    prompt = _turns(given, "prompt", "user") if given is not None else _shared_prompt(chosen, rejected)
    if not prompt:
        raise BadRow("there is no prompt: no prompt column, and chosen and rejected share no first message")
    if chosen[: len(prompt)] == rejected[: len(prompt)] == prompt:
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
    _require_assistant(chosen, "chosen")
    _require_assistant(rejected, "rejected")
    if chosen == rejected:
        raise BadRow("chosen and rejected are equal")
    return _add_tools({"messages": _add_system(prompt, cells), "chosen": chosen, "rejected": rejected}, cells)


def _openai_preference(layout: Layout, cells: Cells) -> Row:
    prompt = cells["input"]
    if not isinstance(prompt, dict):
        raise BadRow(f"input is {type_name(prompt)}, an object with messages is expected")
    answers = {"chosen": cells["preferred_output"], "rejected": cells["non_preferred_output"]}
    return _preference(layout, {"messages": prompt.get("messages"), "tools": prompt.get("tools"), **answers})


def _shared_prompt(first: list[Message], second: list[Message]) -> list[Message]:
    """Return the messages that both conversations begin with, without trailing assistant messages."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    while count and first[count - 1]["role"] == "assistant":
        count -= 1
    return first[:count]


def _turns(value: object, field: str, role: str) -> list[Message]:
    """Return a list of messages, a single message, or a text as a message of `role`."""
    if isinstance(value, list):
        return parse_messages(value, field)
    if isinstance(value, dict):
        return parse_messages([value], field)
    return [{"role": role, "content": require_text(value, field)}]


def _add_system(messages: list[Message], cells: Cells) -> list[Message]:
    system = cells.get("system")
    if not system or messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": require_text(system, "system")}, *messages]


def _add_tools(row: Row, cells: Cells) -> Row:
    tools = parse_tools(cells.get("tools"))
    return {**row, "tools": tools} if tools else row


def _require_assistant(messages: Iterable[Message], field: str) -> None:
    if not any(message["role"] == "assistant" for message in messages):
        raise BadRow(f"{field} has no assistant message: there is nothing to train on")


CONVERSIONS: dict[Conversion, Convert] = {
    "text": _text,
    "conversation": _conversation,
    "prompt_answer": _prompt_answer,
    "instruction": _instruction,
    "preference": _preference,
    "openai_preference": _openai_preference,
}


def count_characters(row: Row) -> int:
    """Count the characters of text in a row, without markup."""
    if "text" in row:
        return len(row["text"])
    turns = (*row["messages"], *row.get("chosen", ()), *row.get("rejected", ()))
    return sum(len(message["content"]) for message in turns)


def split_group(row: Row) -> str:
    """Return what decides the split of a row: the first user message (else the first message), or the text.

    Rows of one group go to the same split, so that a prompt of the training split is never validated on.
    """
    if "text" in row:
        text: str = row["text"]
        return text
    messages = row["messages"]
    first: Message = next((message for message in messages if message["role"] == "user"), messages[0])
    content: str = first["content"]
    return content
