"""Rows of every layout as one of three forms: text, messages, preference."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.dataset.engine.conversations import Message, kind_of, messages_of, text_of, tools_of
from services.dataset.engine.lines import BadRow
from services.dataset.formats import Layout

Row = dict[str, Any]
Cells = Mapping[str, object]
Normalize = Callable[[object], Row]


def normalizer(layout: Layout, columns: Mapping[str, str]) -> Normalize:
    """A function from a decoded value to a normalized row; it raises BadRow. `columns`: our name -> the file's."""
    form = FORMS[layout.name]
    known = [(ours, columns[ours]) for ours in (*layout.required, *layout.optional) if ours in columns]

    def normalize(value: object) -> Row:
        if not isinstance(value, dict):
            raise BadRow(f"a row is an object with named columns, this is {kind_of(value)}")
        cells = {ours: value.get(theirs, MISSING) for ours, theirs in known}
        for ours, theirs in known:
            if cells[ours] is MISSING:
                if ours in layout.required:
                    raise BadRow(f"column {theirs!r} is missing")
                del cells[ours]
        return form(cells)

    return normalize


class _Missing:
    """Stands for a column that a row does not have (null is something else)."""


MISSING = _Missing()


def _text(cells: Cells) -> Row:
    return {"text": text_of(cells["text"], "text")}


def _messages(column: str) -> Callable[[Cells], Row]:
    def form(cells: Cells) -> Row:
        messages = _with_system(messages_of(cells[column], column), cells)
        _require_answer(messages, column)
        return _with_tools({"messages": messages}, cells)

    return form


def _pair(asked: str, answered: str) -> Callable[[Cells], Row]:
    """One question and one answer; either may itself be a list of messages."""

    def form(cells: Cells) -> Row:
        turns = [*_turns(cells[asked], asked, "user"), *_turns(cells[answered], answered, "assistant")]
        messages = _with_system(turns, cells)
        _require_answer(messages, answered)
        return _with_tools({"messages": messages}, cells)

    return form


def _instruction(cells: Cells) -> Row:
    instruction, extra = text_of(cells["instruction"], "instruction"), cells.get("input")
    if extra is not None and not isinstance(extra, str):
        raise BadRow(f"input is {kind_of(extra)}, text is expected")
    asked = f"{instruction}\n\n{text_of(extra, 'input')}" if extra and not extra.isspace() else instruction
    turns = [{"role": "user", "content": asked}, *_turns(cells["output"], "output", "assistant")]
    return {"messages": _with_system(turns, cells)}


def _preference(cells: Cells) -> Row:
    prompt = next((cells[name] for name in ("prompt", "messages", "conversations") if cells.get(name)), None)
    chosen, rejected = (
        _turns(cells["chosen"], "chosen", "assistant"),
        _turns(cells["rejected"], "rejected", "assistant"),
    )
    asked = _turns(prompt, "prompt", "user") if prompt is not None else _common(chosen, rejected)
    if not asked:
        raise BadRow("there is no prompt: no prompt column, and chosen and rejected share no first message")
    if chosen[: len(asked)] == rejected[: len(asked)] == asked:
        chosen, rejected = chosen[len(asked) :], rejected[len(asked) :]
    _require_answer(chosen, "chosen")
    _require_answer(rejected, "rejected")
    if chosen == rejected:
        raise BadRow("chosen and rejected are equal")
    return _with_tools({"messages": _with_system(asked, cells), "chosen": chosen, "rejected": rejected}, cells)


def _openai_preference(cells: Cells) -> Row:
    given = cells["input"]
    if not isinstance(given, dict):
        raise BadRow(f"input is {kind_of(given)}, an object with messages is expected")
    answers = {"chosen": cells["preferred_output"], "rejected": cells["non_preferred_output"]}
    return _preference({"messages": given.get("messages"), "tools": given.get("tools"), **answers})


def _common(first: list[Message], second: list[Message]) -> list[Message]:
    """The messages that two conversations begin with, the last of them not the assistant's."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    while count and first[count - 1]["role"] == "assistant":
        count -= 1
    return first[:count]


def _turns(value: object, where: str, role: str) -> list[Message]:
    if isinstance(value, list):
        return messages_of(value, where)
    if isinstance(value, dict):
        return messages_of([value], where)
    return [{"role": role, "content": text_of(value, where)}]


def _with_system(messages: list[Message], cells: Cells) -> list[Message]:
    system = cells.get("system")
    if not system or messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": text_of(system, "system")}, *messages]


def _with_tools(row: Row, cells: Cells) -> Row:
    tools = tools_of(cells.get("tools"))
    return {**row, "tools": tools} if tools else row


def _require_answer(messages: Iterable[Message], where: str) -> None:
    if not any(message["role"] == "assistant" for message in messages):
        raise BadRow(f"{where} has no assistant message: nothing could be trained")


FORMS: dict[str, Callable[[Cells], Row]] = {
    "preference": _preference,
    "OpenAI preference": _openai_preference,
    "messages": _messages("messages"),
    "conversations": _messages("conversations"),
    "instruction/input/output": _instruction,
    "prompt/completion": _pair("prompt", "completion"),
    "prompt/response": _pair("prompt", "response"),
    "question/answer": _pair("question", "answer"),
    "text": _text,
}


def characters_of(row: Row) -> int:
    """Characters of text in a row, markup not counted."""
    if "text" in row:
        return len(row["text"])
    turns = (*row["messages"], *row.get("chosen", ()), *row.get("rejected", ()))
    return sum(len(message["content"]) for message in turns)


def group_of(row: Row) -> str:
    """What rows of one side of the split share: the first user turn (else the first message), or the text."""
    if "text" in row:
        text: str = row["text"]
        return text
    messages = row["messages"]
    first: Message = next((message for message in messages if message["role"] == "user"), messages[0])
    content: str = first["content"]
    return content
