"""Loads the tuned model that is exported: tokenizer, chat template (verified by its hash) and weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, GenerationConfig

from shared.engine.decoding.generate import context_length
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

MAX_FLOAT32_PARAMETERS = 1_000_000_000
"""Up to this size, merged weights are saved in float32, without rounding. Above it they have the dtype of the base
model, since twice the size matters more than the rounding."""


@dataclass(frozen=True)
class TunedModel:
    """The tuned model as every format needs it; weights are loaded on demand."""

    reference: dict[str, Any]
    tokenizer: Any
    template: ChatTemplate
    parameters: int

    @property
    def dtype(self) -> str:
        """The dtype to load weights in: float32 for small models, else the stored one."""
        return "float32" if self.parameters <= MAX_FLOAT32_PARAMETERS else self.stored_dtype

    @property
    def stored_dtype(self) -> str:
        """The dtype of the full model under all adapters."""
        innermost = self.reference
        while innermost["kind"] == "adapter":
            innermost = innermost["base"]
        dtype = AutoConfig.from_pretrained(innermost["path"], local_files_only=True, trust_remote_code=False).dtype
        return str(dtype or torch.float32).removeprefix("torch.")

    def load_merged(self) -> Any:
        """Load the model with the adapter merged into the weights."""
        return load_model(self.reference, dtype=self.dtype)

    def save_tokenizer(self, folder: Path) -> None:
        """Save the tokenizer with the chat template of training, even if the tokenizer had none."""
        self.tokenizer.chat_template = self.template.source
        self.tokenizer.save_pretrained(folder)


def open_model(spec: dict[str, Any]) -> TunedModel:
    """Open the model of `spec`. Raises EngineError `template_mismatch`."""
    tokenizer = load_tokenizer(spec["model"])
    template = ChatTemplate.of(tokenizer)
    expected = spec["manifest"].get("template_hash")
    if expected and template.hash != expected:
        detail = "The model's tokenizer and chat template are not those it was trained with."
        raise EngineError("template_mismatch", detail, remedy="Restore the model's tokenizer files, or train it again.")
    return TunedModel(spec["model"], tokenizer, template, spec["manifest"].get("parameters") or 0)


def make_generation_config(tuned: TunedModel, model: Any) -> GenerationConfig:
    """Make `generate` stop at every stop token of the template, and at the context length."""
    return GenerationConfig(
        eos_token_id=tuned.template.stop_ids,
        pad_token_id=tuned.tokenizer.pad_token_id,
        bos_token_id=tuned.tokenizer.bos_token_id,
        max_length=context_length(model),
    )


class StageReporter:
    """Reports the stages of an export as progress and as spans, and stops between two stages on request.

    The engine opens the span of the last stage itself.
    """

    def __init__(self, reporter: Reporter, commands: Commands, names: list[str]) -> None:
        self._reporter, self._commands, self._names, self._done = reporter, commands, names, 0
        self._stage_start = reporter.clock()

    def next(self) -> None:
        """Start the next stage. Raises EngineError `stopped`."""
        if (command := self._commands.poll()) and command["op"] in ("stop", "cancel"):
            raise EngineError("stopped", "The export was stopped.")
        if self._done:
            self._reporter.record_span(self._names[self._done - 1], self._stage_start)
        self._stage_start = self._reporter.clock()
        stage, total = self._names[self._done], len(self._names)
        self._reporter.emit("progress", phase=stage, done=self._done, total=total, unit="stages")
        self._done += 1
