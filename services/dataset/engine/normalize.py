"""Converting rows of every layout into one of the forms: text, messages, preference, unpaired."""

from collections.abc import Callable, Mapping
from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import ROLES, Message, RowNotes, parse_messages, parse_messages_text
from services.dataset.engine.splits import split_of
from services.dataset.engine.tool_calls import parse_tools
from services.dataset.engine.values import (
    MISSING_TEXTS,
    has_value,
    is_absent,
    parse_json,
    rating,
    require_text,
    truth,
    type_name,
)
from services.dataset.layouts import Conversion, Layout

Row = dict[str, Any]
Cells = Mapping[str, tuple[str, object]]
"""Layout column -> (column of the file, cell). A column that the row does not have is absent (null is a value)."""
Convert = Callable[[Cells, RowNotes], Row]


def normalize(layout: Layout, columns: Mapping[str, str], row: Row, notes: RowNotes) -> Row:
    """Return the normalized row. `columns` maps layout columns to those of the file. Raises BadRow."""
    for column in layout.required:
        if column not in columns or columns[column] not in row:
            raise BadRow(f"column {columns.get(column, column)!r} is missing")
    cells = {column: (name, row[name]) for column, name in columns.items() if name in row}
    _apply_weight(cells, notes)
    notes.split = _split(cells, notes)
    normalized = CONVERSIONS[layout.conversion](cells, notes)
    last = (normalized.get("chosen") or normalized.get("completion") or normalized.get("messages") or [{}])[-1]
    if last.get("role", "assistant") != "assistant":
        notes.codes.add("turns_without_answer")
    if tools := parse_tools(_value(cells, "tools"), cells["tools"][0] if "tools" in cells else "tools"):
        normalized["tools"] = tools
    if variables := _template_variables(cells):
        normalized["chat_template_kwargs"] = variables
    return normalized


def _text(cells: Cells, notes: RowNotes) -> Row:
    name, text = cells["text"]
    return {"text": require_text(text, name)}


def _conversation(cells: Cells, notes: RowNotes) -> Row:
    """One column holds all messages."""
    name, value = cells["messages"]
    messages = _with_earlier_turns(parse_messages(value, name, notes), cells, notes)
    return {"messages": _trained(messages, name)}


def _prompt_completion(cells: Cells, notes: RowNotes) -> Row:
    """The prompt in one or more columns, the answer in another; assistant turns of the prompt are context (TRL)."""
    prompt = _parse_prompt(cells, notes)
    for message in prompt:
        if message["role"] == "assistant":
            message.setdefault("train", False)
    messages = _with_earlier_turns([*prompt, *_parse_completion(cells, notes)], cells, notes)
    return {"messages": _trained(messages, cells["completion"][0])}


def _preference(cells: Cells, notes: RowNotes) -> Row:
    chosen, rejected = (_parse_answer(*cells[side], notes) for side in ("chosen", "rejected"))
    prompt = _preference_prompt(cells, notes)
    shared = _shared_prompt(chosen, rejected)
    if (shared and shared[-len(prompt) or 0 :] == prompt) or not prompt:
        prompt, chosen, rejected = shared, chosen[len(shared) :], rejected[len(shared) :]
    if not prompt:
        raise BadRow("there is no prompt: no prompt column, and chosen and rejected share no first message")
    chosen, rejected = _pair(chosen, rejected, cells["chosen"][0], cells["rejected"][0])
    return {"messages": _with_earlier_turns(prompt, cells, notes), "chosen": chosen, "rejected": rejected}


def _pair(chosen: list[Message], rejected: list[Message], name: str, other: str) -> tuple[list[Message], list[Message]]:
    """Require two different answers that are trained; `name` and `other` are their columns."""
    chosen, rejected = _trained(chosen, name), _trained(rejected, other)
    if chosen == rejected:
        raise BadRow(f"{name} and {other} are equal")
    return chosen, rejected


def _completion_preference(cells: Cells, notes: RowNotes) -> Row:
    return _preference({**cells, "chosen": cells["completion"], "rejected": cells["rejected_response"]}, notes)


def _conversation_preference(cells: Cells, notes: RowNotes) -> Row:
    """The last turn of the assistant is the preferred answer; the other one may repeat the turns before it."""
    prompt, chosen = _last_answer(cells, notes)
    name, other = cells["messages"][0], cells["rejected_response"][0]
    rejected = _parse_answer(*cells["rejected_response"], notes)
    rejected = rejected[len(prompt) :] if rejected[: len(prompt)] == prompt else rejected
    chosen, rejected = _pair(chosen, rejected, f"the last answer of {name}", other)
    return {"messages": _with_earlier_turns(prompt, cells, notes), "chosen": chosen, "rejected": rejected}


def _openai_preference(cells: Cells, notes: RowNotes) -> Row:
    name, given = cells["input"]
    if not isinstance(given, dict):
        raise BadRow(f"{name} is {type_name(given)}, an object with messages is expected")
    inner = {key: (f"{name}.{key}", given[key]) for key in ("messages", "tools") if key in given}
    answers = {"chosen": cells["preferred_output"], "rejected": cells["non_preferred_output"]}
    row = _preference({**inner, **answers}, notes)
    tools = parse_tools(given.get("tools"), f"{name}.tools")
    return {**row, "tools": tools} if tools else row


def _unpaired_conversation(cells: Cells, notes: RowNotes) -> Row:
    """The last turn of the assistant is the answer."""
    return _unpaired(*_last_answer(cells, notes), cells, notes)


def _last_answer(cells: Cells, notes: RowNotes) -> tuple[list[Message], list[Message]]:
    """Return the turns before the last answer of a conversation, and the answer."""
    name, value = cells["messages"]
    messages = parse_messages(value, name, notes)
    start = len(messages)
    while start and messages[start - 1]["role"] == "assistant":
        start -= 1
    if start == len(messages):
        raise BadRow(f"{name} does not end with an assistant message, which could be the answer")
    if not start:
        raise BadRow(f"{name} has no message before the answer")
    return messages[:start], messages[start:]


def _unpaired_completion(cells: Cells, notes: RowNotes) -> Row:
    return _unpaired(_parse_prompt(cells, notes), _parse_completion(cells, notes), cells, notes)


def _unpaired(prompt: list[Message], completion: list[Message], cells: Cells, notes: RowNotes) -> Row:
    name, given = cells["label"]
    label = rating(given)
    if label is None:
        raise BadRow(f"{name} is {given!r:.40}, true or false is expected")
    completion = _trained(completion, cells["completion" if "completion" in cells else "messages"][0])
    return {"messages": _with_earlier_turns(prompt, cells, notes), "completion": completion, "label": label}


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


def _preference_prompt(cells: Cells, notes: RowNotes) -> list[Message]:
    if "messages" in cells and "prompt" not in cells:
        name, value = cells["messages"]
        return parse_messages(value, name, notes) if has_value(value) else []
    parts = [cells[column] for column in ("prompt", "input", "context") if not is_absent(_value(cells, column))]
    return _parse_prompt(cells, notes) if parts else []


def _parse_prompt(cells: Cells, notes: RowNotes) -> list[Message]:
    """Return the prompt's messages. Further columns follow its text, or its last user turn, after a blank line."""
    name, prompt = cells.get("prompt", ("prompt", None))
    extra = [cells[column] for column in ("input", "context") if not is_absent(_value(cells, column))]
    texts = [require_text(value, column) for column, value in extra]
    if isinstance(prompt, str):
        prompt = parse_messages_text(prompt, name, notes) or prompt
    if isinstance(prompt, list | dict):
        messages = _parse_answer(name, prompt, notes)
        last = next((message for message in reversed(messages) if message["role"] == "user"), None)
        if texts and last is None:
            raise BadRow(f"{name} has no user message that {extra[0][0]} could follow")
        if last:
            last["content"] = "\n\n".join([last["content"], *texts])
        return messages
    if not texts or has_value(prompt):
        texts.insert(0, require_text(prompt, name))
    return [{"role": "user", "content": "\n\n".join(texts)}]


def _parse_completion(cells: Cells, notes: RowNotes) -> list[Message]:
    name, value = cells["completion"]
    if isinstance(value, dict) and isinstance(value.get("text"), list):  # SQuAD
        value = value["text"] or ""
    if isinstance(value, list) and value and all(isinstance(answer, str) for answer in value):
        answers = [answer for answer in value if has_value(answer)]
        notes.codes |= {"further_answers"} if len(set(answers)) > 1 else set()
        value = answers[0] if answers else ""
    completion = _parse_answer(name, value, notes, "assistant")
    reasoning = _value(cells, "reasoning_content")
    if not is_absent(reasoning):
        text = require_text(reasoning, cells["reasoning_content"][0])
        answer = next((message for message in completion if message["role"] == "assistant"), {})
        answer.setdefault("reasoning_content", text)
    return completion


def _parse_answer(name: str, value: object, notes: RowNotes, role: str = "assistant") -> list[Message]:
    """Return a list of messages, a single message, or a text as a message of `role`."""
    if isinstance(value, dict) and value.keys() & {"role", "from"}:
        value = [value]
    if isinstance(value, list):
        return parse_messages(value, name, notes)
    if isinstance(value, str) and (messages := parse_messages_text(value, name, notes)):
        return messages
    notes.codes |= {"missing_answers"} if str(value).strip().lower() in MISSING_TEXTS else set()
    return [{"role": role, "content": require_text(value, name)}]


def _with_earlier_turns(messages: list[Message], cells: Cells, notes: RowNotes) -> list[Message]:
    """Prepend the system prompt and the history. LLaMA-Factory trains the answers of a history; so do we."""
    system, history = _value(cells, "system"), _value(cells, "history")
    if not is_absent(history):
        own = messages[:1] if messages[0]["role"] == "system" else []
        messages = [*own, *_parse_history(cells["history"][0], history, notes), *messages[len(own) :]]
    if is_absent(system):
        return messages
    if messages[0]["role"] == "system":
        notes.codes |= {"system_column_unused"} if messages[0]["content"] != system else set()
        return messages
    return [{"role": "system", "content": require_text(system, cells["system"][0])}, *messages]


def _parse_history(name: str, value: object, notes: RowNotes) -> list[Message]:
    if isinstance(value, str):
        value = parse_json(value, name)
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        return parse_messages(value, name, notes)
    if isinstance(value, list) and value and all(_is_role_and_text(turn) for turn in value):
        return parse_messages([{"role": role, "content": text} for role, text in value], name, notes)
    turns: list[Message] = []
    for index, pair in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise BadRow(f"{name}[{index}] is {type_name(pair)}, a pair of question and answer is expected")
        texts = [require_text(text, f"{name}[{index}][{side}]") for side, text in enumerate(pair)]
        turns += [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
    return turns


def _is_role_and_text(turn: object) -> bool:
    return isinstance(turn, list | tuple) and len(turn) == 2 and str(turn[0]).strip().lower() in ROLES


def _apply_weight(cells: Cells, notes: RowNotes) -> None:
    weight = _value(cells, "weight")
    if has_value(weight) and truth(weight) is None:
        notes.codes.add("row_weights")
    if has_value(weight) and truth(weight) is False:
        raise BadRow(f"{cells['weight'][0]} is 0: there is nothing to train on")


def _split(cells: Cells, notes: RowNotes) -> str | None:
    """Return the split that a column names."""
    given = _value(cells, "split")
    if is_absent(given):
        return None
    found = split_of(given) if isinstance(given, str) else None
    notes.codes |= set() if found else {"unknown_splits"}
    return found


def _trained(messages: list[Message], field: str) -> list[Message]:
    """Require an assistant turn that is trained. `train: true` is the default and not stored."""
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        raise BadRow(f"{field} has no assistant message: there is nothing to train on")
    if not any(message.get("train", True) for message in answers):
        raise BadRow(f"{field} has no assistant message that is trained: their loss masks turn all of them off")
    for message in answers:
        if message.get("train"):
            del message["train"]
    return messages


def _template_variables(cells: Cells) -> dict[str, Any] | None:
    name, given = cells.get("chat_template_kwargs", ("", None))
    if is_absent(given):
        return None
    if isinstance(given, str):
        given = parse_json(given, name)
    if not isinstance(given, dict):
        raise BadRow(f"{name} is {type_name(given)}, an object is expected")
    return {key: value for key, value in given.items() if value is not None} or None


def _value(cells: Cells, column: str) -> object:
    return cells[column][1] if column in cells else None


CONVERSIONS: dict[Conversion, Convert] = {
    "text": _text,
    "conversation": _conversation,
    "prompt_completion": _prompt_completion,
    "preference": _preference,
    "openai_preference": _openai_preference,
    "conversation_preference": _conversation_preference,
    "completion_preference": _completion_preference,
    "unpaired_conversation": _unpaired_conversation,
    "unpaired_completion": _unpaired_completion,
}


def count_characters(row: Row) -> int:
    """Count the characters of text in a row, without markup."""
    if "text" in row:
        return len(row["text"])
    turns = (*row["messages"], *(turn for part in ("chosen", "rejected", "completion") for turn in row.get(part, ())))
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
