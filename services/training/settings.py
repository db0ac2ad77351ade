"""Settings of a training run: what a request or a preset may set, with the limits that an error names."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.training.models import Method, Objective
from shared.runtime.errors import CONFLICT

Scheduler = Literal["cosine", "linear", "constant", "polynomial", "inverse_sqrt"]
Optimizer = Literal["adamw", "adamw_8bit"]
Quantization = Literal["nf4", "int8"]
Dtype = Literal["auto", "fp32", "bf16", "fp16"]
Strategy = Literal["ddp", "fsdp"]
EXCLUSIVE = (("epochs", "max_steps"), ("learning_rate", "learning_rate_multiplier"), ("warmup_ratio", "warmup_steps"))
"""Of each pair, a request gives one."""


class LoraSettings(BaseModel):
    """Low-rank adapter settings; those that are left out get defaults."""

    model_config = ConfigDict(extra="forbid")
    rank: int | None = Field(default=None, ge=1, le=1024, description="rank of the update matrices")
    alpha: float | None = Field(default=None, gt=0, le=4096, description="scale: updates count alpha / rank")
    dropout: float | None = Field(default=None, ge=0, lt=1)
    rslora: bool | None = Field(default=None, description="updates count alpha / sqrt(rank) instead: for high ranks")
    targets: Literal["all-linear"] | list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,100}$")]] | None = Field(
        default=None,
        description='"all-linear" (without routers and vision towers) or names of linear modules, as a list or with '
        "commas between them",
    )

    @field_validator("targets", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        """Read "q_proj,v_proj" as a list; one name alone is a list, too."""
        if not isinstance(value, str) or value == "all-linear":
            return value
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator("targets")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        if value == []:
            raise ValueError("at least one module is needed")
        return value


class AllocationRequest(BaseModel):
    """Resources that the job may hold; those that are left out follow from the machine."""

    model_config = ConfigDict(extra="forbid")
    cpu: int | None = Field(default=None, ge=1, description="processor cores")
    gpu: int | None = Field(default=None, ge=0, description="whole GPUs")
    memory_gb: float | None = Field(default=None, gt=0, description="main memory in GiB")


class TrainingSettings(BaseModel):
    """Settings of a training run; a preset is a set of these. Left out or null: resolved at submit, and shown."""

    model_config = ConfigDict(extra="forbid")
    method: Method | None = Field(
        default=None,
        description="which weights are trained: all, or adapters; sft, dpo or kto given here is read as the objective",
    )
    objective: Objective | None = Field(
        default=None,
        description="sft: learn the answers; dpo: learn from preference pairs which of two answers is better; kto: "
        "learn from unpaired preferences which answers are desirable",
    )
    beta: float | None = Field(
        default=None, gt=0, le=100, description="dpo and kto: how close the model stays to its base model"
    )
    desirable_weight: float | None = Field(
        default=None, gt=0, le=100, description="kto: weight of the loss of answers with label true; 1 by default"
    )
    undesirable_weight: float | None = Field(
        default=None, gt=0, le=100, description="kto: weight of the loss of answers with label false; 1 by default"
    )
    unsupported_rows: Literal["refuse", "skip"] | None = Field(
        default=None,
        description="rows that the base model's chat template cannot show, such as tool calls: refuse the job (the "
        "default), or skip them",
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
    gpu_kernels: bool | None = Field(
        default=None,
        description="on a GPU: rows packed end to end for variable-length flash attention, and Liger's kernels if they "
        "are installed, each if a trial gives the same results; false by default, because they were never measured on "
        "a GPU. Without a GPU it has no effect",
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
    eval_rows: int | None = Field(
        default=None, ge=1, description="validation rows of an evaluation, the same ones every time, evenly spaced"
    )
    max_eval_share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of the computation that evaluations may take, 0.1 by default; eval_rows and eval_every "
        "follow from it where they are left out",
    )
    checkpoint_every: int | None = Field(default=None, ge=1, description="steps between checkpoints")
    early_stopping_patience: int | None = Field(
        default=None, ge=1, le=1000, description="evaluations without improvement before it stops; null: never"
    )
    max_minutes: float | None = Field(
        default=None,
        gt=0,
        le=525_600,
        description="time over all attempts, from loading and tokenization on; then the model is delivered",
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

    @model_validator(mode="before")
    @classmethod
    def _read_objective(cls, given: Any) -> Any:
        """Read `method: kto` as the objective: OpenAI and others name objectives methods."""
        if not isinstance(given, dict) or given.get("method") not in get_args(Objective):
            return given
        if given.get("objective") not in (None, given["method"]):
            return given
        return {**given, "method": None, "objective": given["method"]}

    @model_validator(mode="before")
    @classmethod
    def _refuse_compile(cls, given: Any) -> Any:
        """Refuse a setting of earlier versions, unless it is off: requests with it may be sent again."""
        if not isinstance(given, dict) or "compile" not in given:
            return given
        if given["compile"]:
            raise ValueError("compile is gone: compiled layers gained nothing on a real model; omit it")
        return {name: value for name, value in given.items() if name != "compile"}

    @field_validator("method", mode="before")
    @classmethod
    def _name_objectives(cls, given: Any) -> Any:
        if isinstance(given, str) and given not in get_args(Method):
            methods, objectives = (", ".join(get_args(names)) for names in (Method, Objective))
            raise ValueError(f"known methods are {methods}, known objectives {objectives}; give one of each")
        return given

    @model_validator(mode="after")
    def _one_of_each(self) -> "TrainingSettings":
        for first, second in EXCLUSIVE:
            if getattr(self, first) is not None and getattr(self, second) is not None:
                raise _conflict(first, f"give {first} or {second}, not both")
        if self.method == "full" and self.lora is not None:
            raise _conflict("lora", "lora settings have no meaning for method full")
        if self.quantization is not None and self.method in ("full", "lora"):
            raise _conflict("quantization", f"quantization has no meaning for method {self.method}")
        if self.beta is not None and self.objective == "sft":
            raise _conflict("beta", "beta has no meaning for objective sft")
        for weight in ("desirable_weight", "undesirable_weight"):
            if getattr(self, weight) and self.objective in ("sft", "dpo"):
                raise _conflict(weight, f"the weights of labels have no meaning for objective {self.objective}")
        if self.strategy == "fsdp" and (
            self.method == "qlora" or self.optimizer == "adamw_8bit" or self.dtype == "fp16"
        ):
            detail = "fsdp cannot shard qlora's weights, adamw_8bit's state or fp16's scale; use ddp"
            raise _conflict("strategy", detail)
        return self

    def given(self) -> dict[str, Any]:
        """Only the settings that the caller set."""
        return self.model_dump(exclude_none=True)


def _conflict(field: str, detail: str) -> PydanticCustomError:
    """The error of settings that exclude each other, which names the `field` to leave out."""
    return PydanticCustomError(CONFLICT, "{detail}", {"detail": detail, "field": field})
