"""Generates a model's answers to the prompts of a split: greedy, batched, up to the template's stop tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.evaluation.engine.examples import Example
from shared.engine.decoding.generate import context_length, generate_all
from shared.engine.text.template import ChatTemplate

MIN_ANSWER_TOKENS = 32


@dataclass(frozen=True)
class Answer:
    """An answer, its tokens without the stop token, and whether it was cut off; no text: the prompt was too long."""

    text: str | None
    tokens: int = 0
    cut: bool = False


def generate_answers(
    model: Any,
    tokenizer: Any,
    template: ChatTemplate,
    examples: Sequence[Example],
    *,
    max_new_tokens: int | None,
    batch_tokens: int,
    on_progress: Callable[[int, int], None],
    on_step: Callable[[], None],
) -> list[Answer]:
    """Return one answer per example."""
    limit = context_length(model)
    fitting = [i for i, example in enumerate(examples) if len(example.prompt_ids) < limit]
    generated = generate_all(
        model,
        [examples[i].prompt_ids for i in fitting],
        stop_ids=template.stop_ids,
        max_new_tokens=max_new_tokens or _answer_limit(examples),
        batch_tokens=batch_tokens,
        on_progress=on_progress,
        on_step=on_step,
    )
    answers = [Answer(None)] * len(examples)
    for index, answer in zip(fitting, generated, strict=True):
        text = decode_answer(tokenizer, answer.ids)
        answers[index] = Answer(text, len(answer.ids), answer.finish_reason == "length")
    return answers


def decode_answer(tokenizer: Any, ids: Sequence[int]) -> str:
    """Decode an answer or a reference to text; scores compare both."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()


def _answer_limit(examples: Sequence[Example]) -> int:
    """Return twice the length of the longest reference: enough for a wrong answer, but not for an endless one."""
    return max(MIN_ANSWER_TOKENS, 2 * max((len(example.reference_ids) for example in examples), default=0))
