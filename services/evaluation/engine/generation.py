"""The answers of a model to the prompts of a split: greedy, batched, ended by the template's stop tokens."""

from collections.abc import Callable, Sequence
from typing import Any

from services.evaluation.engine.rows import Example
from shared.engine.decoding.generate import context_length, generate_all
from shared.engine.text.template import ChatTemplate

SHORTEST = 32


def answers_of(
    model: Any,
    tokenizer: Any,
    template: ChatTemplate,
    examples: Sequence[Example],
    *,
    max_new_tokens: int | None,
    batch_tokens: int,
    on_progress: Callable[[int, int], None],
) -> list[str | None]:
    """One answer per example; None where the prompt leaves no room for one."""
    room = context_length(model)
    fitting = [i for i, example in enumerate(examples) if len(example.prompt_ids) < room]
    generated = generate_all(
        model,
        [examples[i].prompt_ids for i in fitting],
        stop_ids=template.stop_ids,
        max_new_tokens=max_new_tokens or _enough(examples),
        batch_tokens=batch_tokens,
        on_progress=on_progress,
    )
    found: list[str | None] = [None] * len(examples)
    for index, answer in zip(fitting, generated, strict=True):
        found[index] = decoded(tokenizer, answer.ids)
    return found


def decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    """Answer or reference as text, both the same way."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()


def _enough(examples: Sequence[Example]) -> int:
    """Twice the longest reference: room for a wrong answer, not for an endless one."""
    return max(SHORTEST, 2 * max((len(example.reference_ids) for example in examples), default=0))
