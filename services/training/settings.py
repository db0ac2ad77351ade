"""Settings of a training run: what a request or a preset may set, with the limits that an error names."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.training.models import Method, Objective

Scheduler = Literal["cosine", "linear", "constant", "polynomial", "inverse_sqrt"]
Optimizer = Literal["adamw", "adamw_8bit"]
Quantization = Literal["nf4", "int8"]
Dtype = Literal["auto", "fp32", "bf16", "fp16"]
Strategy = Literal["ddp", "fsdp"]


class LoraSettings(BaseModel):
    """Low-rank adapter settings; those that are left out get defaults."""

    model_config = ConfigDict(extra="forbid")
    rank: int | None = Field(default=None, ge=1, le=1024, description="rank of the update matrices")
    alpha: float | None = Field(default=None, gt=0, le=4096, description="scale: updates count alpha / rank")
    dropout: float | None = Field(default=None, ge=0, lt=1)
    rslora: bool | None = Field(default=None, description="updates count alpha / sqrt(rank) instead: for high ranks")
    targets: Literal["all-linear"] | list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,100}$")]] | None = Field(
        default=None, description='"all-linear" (without routers and vision towers) or names of linear modules'
    )


class AllocationRequest(BaseModel):
    """Resources that the job may hold; those that are left out follow from the machine."""

    model_config = ConfigDict(extra="forbid")
    cpu: int | None = Field(default=None, ge=1, description="processor cores")
    gpu: int | None = Field(default=None, ge=0, description="whole GPUs")
    memory_gb: float | None = Field(default=None, gt=0, description="main memory in GiB")


class TrainingSettings(BaseModel):
    """Settings of a training run; a preset is a set of these. Left out or null: resolved at submit, and shown."""

    model_config = ConfigDict(extra="forbid")
    method: Method | None = None
    objective: Objective | None = Field(
        default=None,
        description="sft: learn the answers; dpo: learn from preference pairs which of two answers is better",
    )
    beta: float | None = Field(
        default=None, gt=0, le=100, description="dpo: how close the model stays to its base model"
    )
    epochs: float | None = Field(default=None, gt=0, le=1000, description="passes over the training split")
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000, description="optimizer steps, instead of epochs")
    batch_size: int | None = Field(default=None, ge=1, le=65_536, description="rows per optimizer step")
    micro_batch_tokens: int | None = Field(
        default=None, ge=16, le=4_194_304, description="tokens computed at a time; affects memory, not the result"
    )
    gradient_checkpointing: bool | None = Field(
        default=None,
        description="recompute activations in the backward pass instead of storing them: much less memory, about a "
        "third more time, the same result; null: where memory would be short",
    )
    compile: bool | None = Field(
        default=None,
        description="torch.compile for the layers, after the first steps and if a trial gives the same results; "
        "null: long jobs",
    )
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    learning_rate_multiplier: float | None = Field(
        default=None, gt=0, le=1000, description="times the default rate, instead of learning_rate"
    )
    scheduler: Scheduler | None = None
    warmup_ratio: float | None = Field(default=None, ge=0, lt=1, description="share of the steps")
    warmup_steps: int | None = Field(default=None, ge=0, le=10_000_000)
    weight_decay: float | None = Field(default=None, ge=0, le=1)
    max_grad_norm: float | None = Field(default=None, gt=0, le=1000)
    optimizer: Optimizer | None = None
    quantization: Quantization | None = Field(default=None, description="qlora: dtype of the base model's weights")
    lora: LoraSettings | None = None
    max_length: int | None = Field(default=None, ge=8, le=1_048_576, description="tokens; longer rows are cut")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    eval_every: int | None = Field(default=None, ge=1, description="steps between evaluations")
    checkpoint_every: int | None = Field(default=None, ge=1, description="steps between checkpoints")
    early_stopping_patience: int | None = Field(
        default=None, ge=1, le=1000, description="evaluations without improvement before it stops; null: never"
    )
    max_minutes: float | None = Field(
        default=None, gt=0, le=525_600, description="training time over all attempts; then the model is delivered"
    )
    max_tokens: int | None = Field(
        default=None, ge=1, le=10**15, description="tokens to train on at most; the schedule ends with them"
    )
    dtype: Dtype | None = None
    threads: int | None = Field(default=None, ge=1, le=1024, description="CPU threads, of all processes together")
    processes: int | None = Field(
        default=None, ge=1, le=1024, description="of one job, each on a GPU of its own or with a share of the cores"
    )
    strategy: Strategy | None = Field(
        default=None, description="of several processes: each has the whole model (ddp) or a shard of it (fsdp)"
    )
    resources: AllocationRequest | None = None
    priority: int | None = Field(default=None, ge=-100, le=100, description="higher is claimed first")

    @model_validator(mode="after")
    def _one_of_each(self) -> "TrainingSettings":
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("give epochs or max_steps, not both")
        if self.learning_rate is not None and self.learning_rate_multiplier is not None:
            raise ValueError("give learning_rate or learning_rate_multiplier, not both")
        if self.warmup_ratio is not None and self.warmup_steps is not None:
            raise ValueError("give warmup_ratio or warmup_steps, not both")
        if self.method == "full" and self.lora is not None:
            raise ValueError("lora settings have no meaning for method full")
        if self.quantization is not None and self.method in ("full", "lora"):
            raise ValueError(f"quantization has no meaning for method {self.method}")
        if self.compile and (self.objective == "dpo" or (self.processes or 1) > 1):
            raise ValueError("compile has no meaning for objective dpo or several processes")
        if self.compile and self.gradient_checkpointing:
            raise ValueError("compile and gradient_checkpointing exclude each other")
        if self.beta is not None and self.objective == "sft":
            raise ValueError("beta has no meaning for objective sft")
        if self.strategy == "fsdp" and (
            self.method == "qlora" or self.optimizer == "adamw_8bit" or self.dtype == "fp16"
        ):
            raise ValueError("fsdp cannot shard qlora's weights, adamw_8bit's state or fp16's scale; use ddp")
        return self

    def given(self) -> dict[str, Any]:
        """Only the settings that the caller set."""
        return self.model_dump(exclude_none=True)
