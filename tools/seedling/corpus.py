"""The pretraining corpus: half conversations, half prose, determined by the seed and the WordNet senses.

It contains no rows of the demo's sample dataset or of a benchmark; tests check this.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tools.seedling import dialogues, prose
from tools.seedling.wordnet import Sense

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """Either `messages`, which the chat template renders later, or plain `text`; the other field is empty."""

    text: str = ""
    messages: tuple[Message, ...] = ()


def generate_documents(seed: int, senses: list[Sense]) -> Iterator[Document]:
    """Yield documents without end. Without senses (no WordNet) the text is less varied."""
    rng = random.Random(seed)  # noqa: S311 - not for cryptography
    while True:
        # Conversations are shorter than prose: 60 % of the documents hold half of the tokens.
        yield _conversation(rng, senses) if rng.random() < 0.6 else Document(text=_prose(rng, senses))


def _conversation(rng: random.Random, senses: list[Sense]) -> Document:
    turns = dialogues.conversation(rng, senses)
    return Document(messages=tuple({"role": role, "content": content} for role, content in turns))


def _prose(rng: random.Random, senses: list[Sense]) -> str:
    draw = rng.random()
    if senses and draw < 0.45:
        return prose.dictionary_page(rng, senses)
    if senses and draw < 0.6:
        return prose.example_paragraph(rng, senses)
    generators, weights = zip(*prose.GENERATORS, strict=True)
    return str(rng.choices(generators, weights)[0](rng))
