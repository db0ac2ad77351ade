"""The spec of a training run, as the service writes it: parsed, typed, plain data, local paths only."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.engine.process.protocol import EngineError

Method = Literal["full", "lora", "qlora"]
Objective = Literal["sft", "dpo", "kto"]
Dtype = Literal["fp32", "bf16", "fp16"]
Strategy = Literal["ddp", "fsdp"]
BatchLayout = Literal["packed", "padded"]
_FORMS: dict[Objective, str] = {"dpo": "preference", "kto": "unpaired"}
"""The form of the rows that an objective needs."""
_OBJECTIVE_REMEDY = "Use dpo for preference pairs, kto for labelled answers, and sft for anything else."
TORCH_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
MIN_BF16_PARAMETERS = 50_000_000
"""In smaller models on a CPU, converting between fp32 and bf16 costs more than bf16 products save."""


def auto_dtype(parameters: int, *, gpu: bool, bf16: bool) -> Dtype:
    """What `dtype: auto` is for a model of this size. `bf16`: the device multiplies bf16 in hardware.

    bf16, or else fp16, on a GPU; on a CPU bf16 for a large model, or else fp32. Nothing is timed, so that the service
    and the engine, and every attempt of a job, make the same choice.
    """
    if gpu:
        return "bf16" if bf16 else "fp16"
    return "bf16" if bf16 and parameters >= MIN_BF16_PARAMETERS else "fp32"


RESUME_FILES = ("best.safetensors", "optimizer.pt")
"""Files of a checkpoint that only a resumed run reads, not the model of its step."""


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
    form: Literal["text", "messages", "preference", "unpaired"] = "messages"
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
    supervised fine-tuning; `dpo` learns from preference pairs (arXiv 2305.18290), `kto` from answers that are labelled
    desirable or undesirable (arXiv 2402.01306) and weights their losses by `desirable_weight` and `undesirable_weight`.
    The larger `beta` (None: 0.1), the closer the model stays to its base. `unsupported_rows` is decided before a job is
    queued: rows that the chat template cannot show are skipped here in either case.
    """

    model_config = ConfigDict(extra="forbid")
    method: Method = "lora"
    objective: Objective = "sft"
    beta: float | None = None
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    unsupported_rows: Literal["refuse", "skip"] = "refuse"
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
    eval_rows: int = 200
    checkpoint_every: int | None = None
    early_stopping_patience: int | None = None
    max_minutes: float | None = None
    max_tokens: int | None = None
    gradient_checkpointing: bool = False
    gpu_kernels: bool = False
    dtype: Literal["auto"] | Dtype = "auto"
    threads: int | None = None
    processes: int = 1
    strategy: Strategy = "ddp"

    def may_pack(self, device: str) -> bool:
        """Whether rows may be packed on this type of device: on a GPU, where it was never measured, on request."""
        return device != "cuda" or self.gpu_kernels

    @model_validator(mode="before")
    @classmethod
    def _drop_compile(cls, given: Any) -> Any:
        """Ignore a setting of earlier versions, which a job in the queue may still have."""
        return {name: value for name, value in given.items() if name != "compile"} if isinstance(given, dict) else given

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
    """A training run. With `resume_from`, the folder of a checkpoint, the run resumes there.

    With `reproduces`, the folder of a model, its weights are compared with the trained ones.
    """

    job_id: str = "by-hand"
    token: int = 0
    workdir: str
    model: ModelRef
    dataset: Data
    hyperparameters: Hyperparameters
    resume_from: str | None = None
    reproduces: str | None = None
    output: str
    checkpoints: str

    @classmethod
    def of(cls, spec: dict[str, Any]) -> TrainingSpec:
        """Parse a spec. Raises EngineError `bad_spec` that names the field."""
        try:
            return cls.model_validate(spec)._checked()
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise EngineError("bad_spec", f"{field}: {first['msg']}", field=field) from error

    def _checked(self) -> TrainingSpec:
        """Raise EngineError `bad_spec` if the objective cannot learn from rows of this form."""
        objective, form = self.hyperparameters.objective, self.dataset.form
        if _FORMS.get(objective, form) != form or (objective == "sft" and form == "unpaired"):
            detail = f"objective: {objective} cannot train on rows of the form {form}"
            raise EngineError("bad_spec", detail, field="objective", remedy=_OBJECTIVE_REMEDY)
        if objective == "kto" and self.hyperparameters.batch_size == 1:
            detail = "batch_size: kto compares the rows of a batch, so it needs at least 2"
            raise EngineError("bad_spec", detail, field="batch_size", limit=2, remedy="Set batch_size to 2 or more.")
        return self


class Settings(BaseModel):
    """Settings that the engine has resolved for a run. Checkpoints store them, so that a resumed run is the same."""

    layout: BatchLayout
    dtype: Dtype
    threads: int
    max_length: int
    micro_batch_tokens: int
    template_hash: str
    total_steps: int = 0

    def at_most(self, micro_batch_tokens: int) -> Settings:
        """The settings with smaller micro-batches, after running out of memory; the steps do not change."""
        return self.model_copy(update={"micro_batch_tokens": min(self.micro_batch_tokens, micro_batch_tokens)})
