"""Reads WordNet 3.0 (Debian package `wordnet-base`) for more varied English than the templates give.

Only common senses are read: those that occur in WordNet's tagged texts, the first `tagsense_cnt` of a lemma.
License: WordNet 3.0, free to use, copy, modify and distribute with its notice; see the model card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PARTS_OF_SPEECH = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
# Topics unsuitable for a demo model: word stems, matched anywhere in a lemma, gloss or example.
UNWANTED = re.compile(
    r"sex|coit|copulat|genital|penis|vagina|prostitut|rape|obscen|vulgar|offensive|derogat|disparag|ethnic slur|nigg|"
    r"negro|jew|fuck|shit|suicid|murder|genocid|nazi|torture|incest|erotic|lust|orgasm|drug|heroin|cocaine|slave|kill",
    re.IGNORECASE,
)


class WordNetMissing(FileNotFoundError):
    """No WordNet data folder: `apt-get install wordnet-base`, or unpack that package and pass `--wordnet DIR`."""


@dataclass(frozen=True, slots=True)
class Sense:
    """One word sense: lemmas (the best known first), part of speech, definition and example sentences."""

    lemmas: tuple[str, ...]
    pos: str
    definition: str
    examples: tuple[str, ...]


def read_senses(folder: Path) -> list[Sense]:
    """Read all common senses in file order; raise WordNetMissing if `folder` has no `data.noun`."""
    if not (folder / "data.noun").is_file():
        raise WordNetMissing(f"{folder}: {WordNetMissing.__doc__}")
    return [sense for suffix, pos in PARTS_OF_SPEECH.items() for sense in _read_senses_of(folder, suffix, pos)]


def _read_senses_of(folder: Path, suffix: str, pos: str) -> list[Sense]:
    common = _common_offsets((folder / f"index.{suffix}").read_text(encoding="utf-8"))
    senses = []
    for line in (folder / f"data.{suffix}").read_text(encoding="utf-8").splitlines():
        if line[:8] in common and not UNWANTED.search(line):
            senses.append(_parse_sense(line, pos))
    return senses


def _common_offsets(index: str) -> set[str]:
    """Return the synset offsets of tagged senses. Line format: lemma pos n p_cnt [pointers…] n tagsense_cnt offset…"""
    offsets: set[str] = set()
    for line in index.splitlines():
        if line.startswith(" "):  # the license header
            continue
        fields = line.split()
        senses, tail = int(fields[2]), 4 + int(fields[3])
        tagged = int(fields[tail + 1])
        offsets.update(fields[tail + 2 : tail + 2 + min(senses, tagged)])
    return offsets


def _parse_sense(line: str, pos: str) -> Sense:
    record, gloss = line.split(" | ", 1)
    fields = record.split()
    words = [fields[4 + 2 * i] for i in range(int(fields[3], 16))]
    lemmas = tuple(re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in words)
    examples = tuple(text.strip() for text in re.findall(r'"([^"]+)"', gloss))
    definition = re.split(r';\s*"', gloss)[0].strip().strip(";").strip()
    return Sense(lemmas, pos, definition, examples)
