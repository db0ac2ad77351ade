"""A small template language that expands one line into hundreds of sentences.

`[a|b]` picks one alternative and may be nested. `{name}` takes the value of a role of the document, or else a random
word from the list of that name. Expansion also corrects "a"/"an" and capitalizes sentences.
"""

from __future__ import annotations

import random
import re

from tools.seedling.vocabulary import LISTS, MEN, WOMEN

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_SENTENCE_START = re.compile(r"(^|[.!?]\s+|\n|“)([a-z])")

Roles = dict[str, str]


def draw_roles(rng: random.Random) -> Roles:
    """Draw the people (A and B, pronouns `A_he`, `A_his`, `A_him`) and things that stay fixed within one document."""
    roles: Roles = {}
    for role in ("A", "B"):
        woman = rng.random() < 0.5
        roles[role] = rng.choice(WOMEN if woman else MEN)
        roles |= {f"{role}_he": "she" if woman else "he", f"{role}_his": "her" if woman else "his"}
        roles[f"{role}_him"] = "her" if woman else "him"
    for name in ("animal", "thing", "place", "food", "job", "colour", "town", "day", "countable"):
        roles[name.upper()] = rng.choice(LISTS[name])
    return roles


def expand(rng: random.Random, template: str, roles: Roles | None = None) -> str:
    """Expand `template`. An unknown name raises KeyError, so a typo cannot reach the corpus."""
    known = roles or {}
    while match := _CHOICE.search(template):
        template = template[: match.start()] + rng.choice(match[1].split("|")) + template[match.end() :]
    text = _SLOT.sub(lambda slot: known.get(slot[1]) or rng.choice(LISTS[slot[1]]), template)
    text = _ARTICLE.sub(r"\1n ", text)
    return _SENTENCE_START.sub(lambda start: start[1] + start[2].upper(), text)
