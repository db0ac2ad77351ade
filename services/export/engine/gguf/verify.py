"""Verifies a GGUF file with llama.cpp: answers, scores, tokenizer, chat template and ends of an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.export.engine.gguf.corpus import CORPUS
from services.export.engine.gguf.llama_cpp import LlamaCpp, open_model
from services.export.engine.gguf.vocabulary import needs_nfc
from services.export.engine.prompts import NEW_TOKENS
from services.export.engine.reference import Expected
from services.export.engine.runtimes import TOP_OF_EXPORT, LogProbs, run_prompts
from services.export.engine.tuned_model import TunedModel
from services.export.engine.verification import unverified
from shared.engine.process.protocol import EngineError, Reporter

CONVERSATIONS = (
    [{"role": "user", "content": "Hello!"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 17 + 25?"}],
    [
        {"role": "user", "content": "  Hi\n"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Bye"},
    ],
)
NOT_INSTALLED = "not compared: llama.cpp is not installed (make llama-cpp, then set ANNEAL_LLAMA_CPP_PYTHON)"


def verify_gguf(
    python: str,
    tuned: TunedModel,
    expected: Expected,
    model: Path,
    dtype: str,
    reporter: Reporter,
    adapter: Path | None = None,
) -> dict[str, Any]:
    """Compare a file, or a base model's file with an adapter over it, with the tuned model.

    Without an interpreter that has llama.cpp the verdict is `unverified`. Raises EngineError `llama_cpp_failed`.
    """
    if not python:
        return unverified(dtype, NOT_INSTALLED)
    with open_model(python, model, expected.prompts.longest + 8, adapter) as llama:
        found = run_prompts(_Runtime(llama, expected.stop_ids, reporter.alive), expected.prompts, TOP_OF_EXPORT)
        faults = list(_faults(llama, tuned, expected.prompts.ids[0]))
        method = f"llama.cpp (xllamacpp {llama.version}) on the CPU"
        return expected.check(found, dtype, method, faults)


@dataclass(frozen=True)
class _Runtime:
    """llama.cpp, one request at a time."""

    llama: LlamaCpp
    stop_ids: Sequence[int]
    alive: Callable[[], Any]

    def answer_all(self, prompts: Sequence[list[int]], top: int) -> tuple[list[list[int]], list[list[LogProbs]]]:
        answers, steps = [], []
        for prompt in prompts:
            answer, found = self.llama.answer(prompt, self.stop_ids, NEW_TOKENS, top)
            answers.append(answer)
            steps.append(found)
            self.alive()
        return answers, steps

    def score(self, prompt: list[int], answer: list[int]) -> list[float]:
        scores = []
        for at, token in enumerate(answer):
            scores.append(self.llama.token_logprob(prompt + answer[:at], token))
            self.alive()
        return scores


def _faults(llama: LlamaCpp, tuned: TunedModel, prompt: list[int]) -> Iterator[str]:
    """Differences of text: each tokenizes, renders or ends otherwise than in training."""
    tokenizer, template = tuned.tokenizer, tuned.template
    specials = " ".join(tokenizer.convert_ids_to_tokens(template.stop_ids))
    for text in (*CORPUS, f"a {specials}b"):
        if needs_nfc(tokenizer):
            text = unicodedata.normalize("NFC", text)
        if llama.tokenize(text) != tokenizer(text, add_special_tokens=False).input_ids:
            yield f"llama.cpp tokenizes {text[:40]!r} otherwise"
            break
    for conversation in CONVERSATIONS:
        try:
            rendered = template.render(conversation, add_generation_prompt=True)
        except EngineError:
            continue  # the template refuses it, such as a system message
        bos = tokenizer.bos_token or ""
        if llama.render(conversation).removeprefix(bos) != rendered.removeprefix(bos):
            yield "llama.cpp renders the chat template otherwise"
            break
    for stop in template.stop_ids:
        if not llama.stops_at(prompt, stop):
            yield f"llama.cpp does not stop at {tokenizer.convert_ids_to_tokens(stop)!r}"
