"""The tuned model that an export starts from: its tokenizer, its template proven by hash, its weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

FLOAT32_UP_TO = 1_000_000_000
"""Parameters. Merged weights of smaller models are kept in float32, so that the export is the tuned model exactly;
larger ones in the dtype of their base, where twice the size would matter more than the rounding."""


@dataclass(frozen=True)
class Source:
    """What every format needs of the tuned model."""

    reference: dict[str, Any]
    tokenizer: Any
    template: ChatTemplate
    parameters: int

    @property
    def dtype(self) -> str:
        """The dtype to work in: float32 for small models, else as stored."""
        return "float32" if self.parameters <= FLOAT32_UP_TO else self.stored_dtype

    @property
    def stored_dtype(self) -> str:
        """The dtype of the full model below all adapters."""
        innermost = self.reference
        while innermost["kind"] == "adapter":
            innermost = innermost["base"]
        dtype = AutoConfig.from_pretrained(innermost["path"], local_files_only=True, trust_remote_code=False).dtype
        return str(dtype or torch.float32).removeprefix("torch.")

    def tuned(self) -> Any:
        """The model as it was trained, an adapter beside its base."""
        return load_model(self.reference, dtype=self.dtype, merge=False)

    def merged(self) -> Any:
        """The model in one piece."""
        return load_model(self.reference, dtype=self.dtype)

    def save_tokenizer(self, folder: Path) -> None:
        """The tokenizer, always with a chat template: the one that the model was trained with."""
        self.tokenizer.chat_template = self.template.source
        self.tokenizer.save_pretrained(folder)


def open_source(spec: dict[str, Any]) -> Source:
    """The source that `spec` names; raises EngineError `template_mismatch`."""
    tokenizer = load_tokenizer(spec["model"])
    template = ChatTemplate.of(tokenizer)
    expected = spec["manifest"].get("template_hash")
    if expected and template.hash != expected:
        detail = "The model's tokenizer and chat template are not those it was trained with."
        raise EngineError("template_mismatch", detail, remedy="Restore the model's tokenizer files, or train it again.")
    return Source(spec["model"], tokenizer, template, spec["manifest"].get("parameters") or 0)


class Stages:
    """Tells the service which stage is reached, and stops between two when asked to; all but the last are spans."""

    def __init__(self, reporter: Reporter, commands: Commands, names: list[str]) -> None:
        self._reporter, self._commands, self._names, self._done = reporter, commands, names, 0
        self._since = reporter.clock()

    def next(self) -> None:
        """The next stage begins. Raises EngineError `stopped`."""
        if (command := self._commands.poll()) and command["op"] in ("stop", "cancel"):
            raise EngineError("stopped", "The export was asked to stop.")
        if self._done:
            self._reporter.record_span(self._names[self._done - 1], self._since)
        self._since = self._reporter.clock()
        stage, total = self._names[self._done], len(self._names)
        self._reporter.emit("progress", phase=stage, done=self._done, total=total, unit="stages")
        self._done += 1
