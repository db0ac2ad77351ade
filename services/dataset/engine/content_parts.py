"""Contents that are lists of parts: OpenAI's, Anthropic's and LLaMA-Factory's."""

from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.engine.values import type_name
from shared.content_parts import REASONING_PARTS, TEXT_PARTS, join_texts, media_name

TOOL_CALL_PARTS = ("tool_call", "tool_calls")
PARTS = (*TEXT_PARTS, *REASONING_PARTS, *TOOL_CALL_PARTS)


def read_parts(parts: list[Any], field: str) -> dict[str, Any]:
    """Return {content, reasoning_content?, tool_calls?} of a list of parts. Raises BadRow for one that is not text."""
    texts: dict[str, list[str]] = {"content": [], "reasoning_content": []}
    calls: list[Any] = []
    for index, part in enumerate(parts):
        kind = part.get("type", "text") if isinstance(part, dict) else "text" if isinstance(part, str) else None
        if kind in TEXT_PARTS:
            texts["content"].append(_part_text(part, "text", f"{field}[{index}]"))
        elif kind in REASONING_PARTS:
            texts["reasoning_content"].append(_part_text(part, str(kind), f"{field}[{index}]"))
        elif kind in TOOL_CALL_PARTS:
            calls.append(part.get("value", part.get("function")))
        else:
            shown = type_name(part) if kind is None else f"a part of type {kind!r:.40}"
            hint = "models are trained on text only" if media_name(kind) else f"known are {', '.join(PARTS)}"
            raise BadRow(f"{field}[{index}] is {shown}; {hint}")
    joined = {key: join_texts(found) for key, found in texts.items() if found or key == "content"}
    return {**joined, "tool_calls": calls} if calls else joined


def _part_text(part: Any, key: str, field: str) -> str:
    """OpenAI's parts have their text under `text`, LLaMA-Factory's under `value`."""
    if isinstance(part, str):
        return part
    text = next((part[name] for name in (key, "text", "value") if part.get(name) is not None), None)
    if not isinstance(text, str):
        raise BadRow(f"{field} has no text: {key} is {type_name(text)}")
    return text
