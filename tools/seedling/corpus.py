"""The pre-training corpus: half conversations, half other English, a pure function of (seed, senses).

It knows nothing of the demo's sample dataset or of any benchmark; tests hold it to that.
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
    """Either `messages` (rendered later by the chat template) or plain `text`; the other is empty."""

    text: str = ""
    messages: tuple[Message, ...] = ()


def documents(seed: int, senses: list[Sense]) -> Iterator[Document]:
    """Endless stream. With no senses (no WordNet) the stream is poorer, but still valid."""
    rng = random.Random(seed)  # noqa: S311 - text, not secrets
    while True:
        # Conversations are shorter than pages of prose: 0.6 of the documents are half of the tokens.
        yield _conversation(rng, senses) if rng.random() < 0.6 else Document(text=_plain(rng, senses))


def _conversation(rng: random.Random, senses: list[Sense]) -> Document:
    turns = dialogues.conversation(rng, senses)
    return Document(messages=tuple({"role": role, "content": content} for role, content in turns))


def _plain(rng: random.Random, senses: list[Sense]) -> str:
    draw = rng.random()
    if senses and draw < 0.45:
        return prose.page(rng, senses)
    if senses and draw < 0.6:
        return prose.examples(rng, senses)
    makers, weights = zip(*prose.PLAIN, strict=True)
    return str(rng.choices(makers, weights)[0](rng))
