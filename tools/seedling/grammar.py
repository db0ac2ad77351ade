"""A tiny template language, so that one line of text stands for hundreds of sentences.

`[a|b]` picks one alternative (nesting allowed); `{name}` takes a value from the cast of this document, and where the
cast has none, a fresh draw from the word list of that name. It knows no grammar beyond "a"/"an" and capitals.
"""

from __future__ import annotations

import random
import re

from tools.seedling.vocabulary import LISTS, MEN, WOMEN

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_SENTENCE = re.compile(r"(^|[.!?]\s+|\n|“)([a-z])")

Cast = dict[str, str]


def cast(rng: random.Random) -> Cast:
    """People (A, B with pronouns `A_he`, `A_his`, `A_him`) and things that stay the same throughout one document."""
    roles: Cast = {}
    for role in ("A", "B"):
        woman = rng.random() < 0.5
        roles[role] = rng.choice(WOMEN if woman else MEN)
        roles |= {f"{role}_he": "she" if woman else "he", f"{role}_his": "her" if woman else "his"}
        roles[f"{role}_him"] = "her" if woman else "him"
    for name in ("animal", "thing", "place", "food", "job", "colour", "town", "day", "countable"):
        roles[name.upper()] = rng.choice(LISTS[name])
    return roles


def fill(rng: random.Random, template: str, roles: Cast | None = None) -> str:
    """Expand `template`; unknown names raise KeyError, so that a typo never reaches the corpus."""
    known = roles or {}
    while match := _CHOICE.search(template):
        template = template[: match.start()] + rng.choice(match[1].split("|")) + template[match.end() :]
    text = _SLOT.sub(lambda slot: known.get(slot[1]) or rng.choice(LISTS[slot[1]]), template)
    text = _ARTICLE.sub(r"\1n ", text)
    return _SENTENCE.sub(lambda start: start[1] + start[2].upper(), text)
