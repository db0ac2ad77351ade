"""The spec of a training run, as the service writes it: parsed, typed, plain data, local paths only."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.engine.process.protocol import EngineError

Method = Literal["full", "lora", "qlora"]
Dtype = Literal["fp32", "bf16", "fp16"]
Strategy = Literal["ddp", "fsdp"]
BatchLayout = Literal["packed", "padded"]
TORCH_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class ModelRef(BaseModel):
    """A base model folder, or an adapter with its `base`. A trained adapter refers to its base model by `name`.

    `fingerprint` identifies the content of the files.
    """

    path: str
    kind: Literal["full", "adapter"] = "full"
    base: ModelRef | None = None
    name: str | None = None
    fingerprint: str | None = None


class Data(BaseModel):
    """Parquet shards of a dataset version by split, and the form of their rows.

    `tokens` is a token store that an earlier job has written (data/token_store.py); `window` is the length in tokens of
    the samples that long text is split into. `fingerprint` identifies the content of the files.
    """

    train: list[str] = Field(min_length=1)
    validation: list[str] = []
    form: Literal["text", "messages", "preference"] = "messages"
    tokens: str | None = None
    window: int | None = None
    fingerprint: str | None = None


class Lora(BaseModel):
    """Low-rank adapter settings (LoRA, arXiv 2106.09685). The update is scaled by alpha / rank; with `rslora` by
    alpha / sqrt(rank) (arXiv 2312.03732)."""

    rank: int = 16
    alpha: float = 32
    dropout: float = 0.0
    rslora: bool = False
    targets: Literal["all-linear"] | list[str] = "all-linear"


class Hyperparameters(BaseModel):
    """How to train. `batch_size` is rows per optimizer step; either `epochs` or `max_steps` sets the length.

    `batch_size` and `threads` count all `processes` together, `micro_batch_tokens` each process. The objective `sft` is
    supervised fine-tuning; `dpo` learns from preference pairs (arXiv 2305.18290): the larger `beta` (None: 0.1), the
    closer the model stays to its base.
    """

    model_config = ConfigDict(extra="forbid")
    method: Method = "lora"
    objective: Literal["sft", "dpo"] = "sft"
    beta: float | None = None
    epochs: float | None = None
    max_steps: int | None = None
    batch_size: int = 8
    micro_batch_tokens: int = 2048
    learning_rate: float
    scheduler: str = "cosine"
    warmup_steps: int | None = None
    warmup_ratio: float | None = None
    weight_decay: float = 0.0
    max_grad_norm: float | None = 1.0
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    quantization: Literal["nf4", "int8"] | None = None
    lora: Lora | None = None
    max_length: int | None = None
    seed: int = 42
    eval_every: int | None = None
    checkpoint_every: int | None = None
    early_stopping_patience: int | None = None
    max_minutes: float | None = None
    max_tokens: int | None = None
    gradient_checkpointing: bool = False
    compile: bool | None = None
    dtype: Literal["auto"] | Dtype = "auto"
    threads: int | None = None
    processes: int = 1
    strategy: Strategy = "ddp"

    def total_steps(self, rows: int) -> int:
        """Optimizer steps of the whole run over `rows` training rows."""
        if self.max_steps is not None:
            return self.max_steps
        return max(1, math.ceil((self.epochs or 1.0) * math.ceil(rows / self.batch_size)))

    def warmup(self, total_steps: int) -> int:
        """Steps of linear warm-up."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        return math.ceil((self.warmup_ratio or 0.0) * total_steps)


class TrainingSpec(BaseModel):
    """A training run. With `resume_from`, the folder of a checkpoint, the run resumes there."""

    job_id: str = "by-hand"
    token: int = 0
    workdir: str
    model: ModelRef
    dataset: Data
    hyperparameters: Hyperparameters
    resume_from: str | None = None
    output: str
    checkpoints: str

    @classmethod
    def of(cls, spec: dict[str, Any]) -> TrainingSpec:
        """Parse a spec. Raises EngineError `bad_spec` that names the field."""
        try:
            return cls.model_validate(spec)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise EngineError("bad_spec", f"{field}: {first['msg']}", field=field) from error


class Settings(BaseModel):
    """Settings that the engine has resolved for a run. Checkpoints store them, so that a resumed run is the same."""

    layout: BatchLayout
    dtype: Dtype
    threads: int
    max_length: int
    micro_batch_tokens: int
    template_hash: str
    total_steps: int = 0
    compiled: bool = False

    def at_most(self, micro_batch_tokens: int) -> Settings:
        """The settings with smaller micro-batches, after running out of memory; the steps do not change."""
        return self.model_copy(update={"micro_batch_tokens": min(self.micro_batch_tokens, micro_batch_tokens)})
