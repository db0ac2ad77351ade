"""Answers of models to conversations, one model loaded at a time: for the rows of an eval, and for model graders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from services.evaluation.engine.generation import decode_answer
from services.evaluation.engine.losses import compute_losses
from services.evaluation.graders.grades import ModelAnswer, OnAnswer, Sampling
from shared.engine.decoding.generate import Generated, context_length, generate_all
from shared.engine.decoding.sampling import SamplingParams
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

BATCH_TOKENS = 16_384
Conversation = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class _Loaded:
    """A model in memory."""

    name: str
    model: Any
    tokenizer: Any
    template: ChatTemplate


class Models:
    """Models by name: `{"ref": the loader's reference, "template_hash"}`. `on_step` is called after every token."""

    def __init__(self, specs: Mapping[str, Mapping[str, Any]], on_step: Callable[[], None]) -> None:
        self._specs, self._on_step = specs, on_step
        self._loaded: _Loaded | None = None

    def generate(self, name: str, chats: Sequence[Conversation], sampling: Sampling, on_answer: OnAnswer) -> None:
        """Answer every conversation; one that the template refuses or that fills the context gets an error."""
        loaded = self._load(name)
        prompts, limit = self._prompts(loaded, chats, on_answer), context_length(loaded.model)
        too_long = {index: len(ids) for index, ids in prompts.items() if len(ids) >= limit}
        for index, tokens in too_long.items():
            on_answer(
                index, _failed("context_length_exceeded", f"The prompt has {tokens} tokens, the context {limit}.")
            )
        order = [index for index in prompts if index not in too_long]

        def finished(place: int, answer: Generated) -> None:
            text, stopped = decode_answer(loaded.tokenizer, answer.ids), answer.finish_reason == "stop"
            tokens = len(prompts[order[place]]), len(answer.ids) + stopped
            on_answer(order[place], ModelAnswer(text, answer.finish_reason, *tokens))

        generate_all(
            loaded.model,
            [prompts[index] for index in order],
            stop_ids=loaded.template.stop_ids,
            max_new_tokens=sampling.max_tokens,
            sampling=SamplingParams(sampling.temperature, sampling.top_p, seed=sampling.seed),
            batch_tokens=BATCH_TOKENS,
            on_step=self._on_step,
            on_answer=finished,
        )

    def choose(self, name: str, chats: Sequence[Conversation], labels: Sequence[str], on_answer: OnAnswer) -> None:
        """Answer with the label that is likeliest as the whole answer, its end included: argmax over p(label, end)."""
        loaded = self._load(name)
        prompts, limit = self._prompts(loaded, chats, on_answer), context_length(loaded.model)
        for index, ids in prompts.items():
            rows = [
                {"messages": [*chats[index], {"role": "assistant", "content": label}], "train_from": len(chats[index])}
                for label in labels
            ]
            try:
                samples = [loaded.template.encode(row) for row in rows]
            except EngineError as error:
                on_answer(index, _failed(error.code, error.detail))
                continue
            if max(len(sample.input_ids) for sample in samples) > limit:
                on_answer(
                    index,
                    _failed("context_length_exceeded", f"Prompt and label exceed the {limit} tokens of the context."),
                )
                continue
            losses = compute_losses(loaded.model, samples, BATCH_TOKENS, lambda *_: self._on_step())
            best = min(range(len(labels)), key=lambda i: losses[i].nats)
            on_answer(index, ModelAnswer(labels[best], "stop", len(ids), losses[best].tokens))

    def _prompts(self, loaded: _Loaded, chats: Sequence[Conversation], on_answer: OnAnswer) -> dict[int, list[int]]:
        prompts = {}
        for index, chat in enumerate(chats):
            self._on_step()
            try:
                prompts[index] = loaded.template.prompt_ids(chat)
            except EngineError as error:
                on_answer(index, _failed(error.code, error.detail))
        return prompts

    def _load(self, name: str) -> _Loaded:
        """Load a model in place of the one before. Raises EngineError `template_mismatch`."""
        if self._loaded is None or self._loaded.name != name:
            self._loaded = None
            spec = self._specs[name]
            tokenizer = load_tokenizer(spec["ref"])
            template = ChatTemplate.of(tokenizer)
            if spec["template_hash"] and template.hash != spec["template_hash"]:
                detail = f"The tokenizer and chat template of {name} are not those that it was made with."
                raise EngineError("template_mismatch", detail, remedy="Restore the model's tokenizer files.")
            dtype = "bfloat16" if torch.cuda.is_available() else "float32"
            self._loaded = _Loaded(name, load_model(spec["ref"], dtype=dtype, merge=False), tokenizer, template)
        return self._loaded


def _failed(code: str, message: str) -> ModelAnswer:
    return ModelAnswer(finish_reason="error", error={"code": code, "message": message})
