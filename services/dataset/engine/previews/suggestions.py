"""Suggests which columns of a file to map to a layout, by names that mean the same in everyday words."""

import re

from services.dataset.layouts import LAYOUTS, Layout

MEANINGS = {
    "prompt": r"prompt|input|question|query|instruction|source|user|frage",
    "completion": r"completion|output|answer|response|target|reply|assistant|antwort",
    "text": r"text|content|body|document",
    "chosen": r"chosen|preferred|better|accepted",
    "rejected": r"rejected|worse|refused",
    "messages": r"messages|dialog|chat|conversation",
    "label": r"label|tag|good|desirable",
}


def suggest_mappings(columns: list[str]) -> list[dict[str, object]]:
    """Return {layout, mapping} for every layout; a mapping may lack columns that no name suggests."""
    return [{"layout": layout.name, "mapping": _suggest(layout, columns)} for layout in LAYOUTS]


def _suggest(layout: Layout, columns: list[str]) -> dict[str, str]:
    free, mapping = list(columns), dict[str, str]()
    for name in layout.required:
        same = [column for column in free if column.strip().lower() == name]
        similar = [column for column in free if name in MEANINGS and re.search(MEANINGS[name], column, re.IGNORECASE)]
        if found := [*same, *similar][:1]:
            mapping[name] = found[0]
            free.remove(found[0])
    return mapping
