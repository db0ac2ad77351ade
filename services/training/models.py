"""The training service's entities, and the state machine of a job. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from shared.documents.entities import Entity, derived_id, now
from shared.events.envelope import Event
from shared.events.training import BaseModelFailed, FollowUp, TrainingCancelled, TrainingFailed, TrainingSucceeded
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.worker import MAX_ATTEMPTS
from shared.warnings import ReportedWarning

Method = Literal["full", "lora", "qlora"]
Objective = Literal["sft", "dpo", "kto"]
BaseSource = Literal["bundled", "upload", "path", "object_store", "hub"]

LATEST_CHECKPOINTS = 2
"""How many of the latest checkpoints a job keeps, in addition to the best one."""

CHECKPOINT_DAMAGED = "checkpoint_damaged"
"""Cause of a failure: the next attempt resumes from the checkpoint before."""
DISK_FULL = "disk_full"
"""Cause of a pause: the job waits until somebody frees disk space."""
OUT_OF_MEMORY = "out_of_memory"
OUT_OF_TIME = "max_minutes_exceeded"
"""Cause of a failure: the next attempt uses less memory."""


class Allocation(BaseModel):
    """The resources that a job holds while it runs."""

    cpu: int = Field(ge=1, description="processor cores")
    gpu: int = Field(default=0, ge=0, description="whole GPUs")
    memory_gb: float = Field(default=0, ge=0, description="main memory in GiB; 0 reserves none")


class Checkpoint(BaseModel):
    """A stored state of a job from which it can resume; it exists only while the job refers to it."""

    step: int = Field(description="optimizer steps done")
    key: str = Field(description="where its files are in the blob store")
    loss: float | None = Field(default=None, description="validation loss at this step, nats per token")
    best: bool = Field(default=False, description="lowest validation loss so far")
    pinned: bool = Field(default=False, description="kept until a model is made of it")
    created_at: datetime = Field(default_factory=now, description="UTC")


class Serving(BaseModel):
    """How vLLM will serve a job's model."""

    form: Literal["adapter", "merged", "full"] = Field(
        description="adapter: with others on the base model's server; merged (into the base) or full: a server of "
        "its own"
    )
    reason: str | None = Field(default=None, description="why it cannot be served as an adapter")
    remedy: str | None = Field(default=None, description="what to change so that it can")


def merge_warnings(known: Sequence[ReportedWarning], found: Iterable[dict[str, Any]]) -> list[ReportedWarning]:
    """Both, with one warning per code: the later one, since a resumed attempt repeats the warnings of the first.

    The count of the rows that were skipped replaces the estimate of them at submission.
    """
    later = [ReportedWarning.model_validate(warning) for warning in found]
    merged = {warning.code: warning for warning in (*known, *later)}
    if "rows_not_shown_by_template" in merged:
        merged.pop("unsupported_rows", None)
    return list(merged.values())


class Job(Work):
    """A training job: the request as resolved at submit, and its progress."""

    NOUN: ClassVar[str] = "training job"
    LISTED_AT: ClassVar[str] = "/training/jobs"

    name: str = Field(description="the job's name, and its model's")
    base: str = Field(description="id or hub id of the base or custom model that is fine-tuned")
    base_name: str = Field(default="", description="its name at submission")
    base_uri: str = Field(description="artifact of that model")
    method: Method = Field(description="full, lora or qlora")
    dataset_id: str = Field(description="training dataset")
    dataset_version: str = Field(description="its version")
    dataset_name: str = Field(default="", description="its name at submission")
    validation_id: str | None = Field(default=None, description="separate validation dataset")
    validation_version: str | None = Field(default=None, description="its version")
    fine_tuning: dict[str, Any] = Field(default={}, description="the OpenAI request, returned there unchanged")
    hyperparameters: dict[str, Any] = Field(description="all of them, defaults resolved at submission")
    defaulted: list[str] = Field(default=[], description="names of the hyperparameters that the request left out")
    resources: Allocation = Field(description="resources that it holds while it runs")
    preset: str | None = Field(default=None, description="name of its preset")
    after: list[FollowUp] = Field(default=[], description="what follows a success: evaluate, export, deploy, alias:…")
    reproduces: str | None = Field(default=None, description="custom model whose training it repeats")
    serving: Serving | None = Field(default=None, description="how vLLM will serve its model")
    architecture: str = Field(default="", description="of the base model")
    parameters: int = Field(default=0, description="of the base model")
    context_length: int = Field(default=0, description="of the base model, in tokens")
    total_steps: int = Field(default=0, description="optimizer steps; 0 until the engine knows")
    micro_batch_tokens: int | None = Field(
        default=None, description="reduced micro-batch after an out-of-memory failure"
    )
    recomputes: bool = Field(
        default=False, description="gradient checkpointing was switched on after an out-of-memory failure"
    )
    checkpoints: list[Checkpoint] = Field(default=[], description="the last two, the best, and those that are pinned")
    checkpoints_until: datetime | None = Field(
        default=None, description="when cleanup deletes the checkpoints of a job that has ended"
    )
    ended: str | None = Field(
        default=None, description="why training stopped: all_steps, no_gain, max_minutes, max_tokens or diverged"
    )
    warnings: list[ReportedWarning] = Field(default=[], description="about the request, the rows and the result")
    tags: list[str] = Field(default=[], description="its owner's labels, in alphabetical order")
    archived: bool = Field(default=False, description="its owner wants it out of the way; nothing of it is deleted")
    manifest: dict[str, Any] | None = Field(
        default=None, description="manifest of the finished model, while it is published"
    )
    staged: str | None = Field(
        default=None, description="blob prefix of the finished model's files, while it is published"
    )
    has_files: bool = Field(
        default=False, description="it has files in the blob store that cleanup must delete once it has ended"
    )

    @property
    def dataset_ids(self) -> list[str]:
        """The datasets that it needs until it ends."""
        return [self.dataset_id, *([self.validation_id] if self.validation_id else [])]

    @property
    def used_ids(self) -> list[str]:
        """The datasets, and the model it is compared with, that must not be deleted until it ends."""
        return [*self.dataset_ids, *([self.reproduces] if self.reproduces else [])]

    @property
    def base_id(self) -> str:
        """The id of the model that is fine-tuned: `base` may be its hub id."""
        return self.base_uri.rpartition("/")[2]

    @property
    def model_id(self) -> str:
        """The id of the job's custom model, the same on every attempt."""
        return derived_id("model", self.id)

    @property
    def latest(self) -> Checkpoint | None:
        """The checkpoint from which the next attempt resumes."""
        return max(self.checkpoints, key=lambda c: c.step, default=None)

    def checkpoint(self, step: int) -> Checkpoint | None:
        """The checkpoint of this step, while the job has it."""
        return next((c for c in self.checkpoints if c.step == step), None)

    def on_failed(self) -> Sequence[Event]:
        """The event that no model will follow."""
        return [TrainingFailed(job_id=self.id, cause=self.cause or "", detail=self.detail or "")]

    def on_cancelled(self) -> Sequence[Event]:
        """The event that the owner cancelled the job."""
        return [TrainingCancelled(job_id=self.id)]

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint, and drop all but the latest two, the best and those that are pinned.

        Progress resets the attempt count: only a job that dies repeatedly at the same step fails.
        """
        if self.latest is None or checkpoint.step > self.latest.step:
            self.attempts = 1
        earlier = [c for c in self.checkpoints if c.step != checkpoint.step]
        if checkpoint.best:
            earlier = [c.model_copy(update={"best": False}) for c in earlier]
        if repeated := self.checkpoint(checkpoint.step):
            checkpoint.pinned = repeated.pinned
        self.checkpoints, self.has_files = sorted([*earlier, checkpoint], key=lambda c: c.step), True
        self._drop_checkpoints()

    def _drop_checkpoints(self) -> None:
        latest = self.checkpoints[-LATEST_CHECKPOINTS:]
        self.checkpoints = [c for c in self.checkpoints if c in latest or c.best or c.pinned]

    def pin(self, step: int) -> None:
        """Keep a checkpoint until `unpin`, or until the checkpoints of the ended job are deleted."""
        if found := self.checkpoint(step):
            found.pinned = True

    def unpin(self, step: int) -> None:
        """Drop a checkpoint that only its pin has kept. After the job's end, all stay."""
        if found := self.checkpoint(step):
            found.pinned = False
        if not self.final:
            self._drop_checkpoints()

    def start_publishing(self, manifest: dict[str, Any], staged: str) -> None:
        """Training is over: any worker can finish the job from the manifest and the files at `staged`."""
        self.state, self.manifest, self.staged, self.has_files = "publishing", manifest, staged, True
        training = manifest["provenance"].get("training", {})
        self.ended = training.get("ended")
        self.warnings = merge_warnings(self.warnings, training.get("warnings", []))

    def mark_half_published(self) -> None:
        """A job that ended without a model may have model files again, which the next cleanup deletes."""
        self.has_files = self.has_files or (self.final and self.state != "succeeded")

    def reduce_memory(self, longest: int) -> bool:
        """Halve the micro-batches of the next attempt, which computes the same steps in more of them.

        The `longest` row (tokens) is never split: a micro-batch of that row alone recomputes its activations in the
        backward pass instead. False where it did so already, or where the engine failed before it knew the row (0).
        """
        limit = self.micro_batch_tokens or self.hyperparameters["micro_batch_tokens"]
        computed = min(limit, longest * self.hyperparameters["batch_size"])
        if computed > longest > 0:
            self.micro_batch_tokens = max(computed // 2, longest)
            return True
        if not longest or self.recomputes or self.hyperparameters.get("gradient_checkpointing"):
            return False
        self.recomputes = True
        return True

    def retry_or_fail(self, cause: str, detail: str, *, counts: bool = True) -> Sequence[Event]:
        """After an engine died: queue the job again while attempts are left, unless its owner pauses or cancels it.

        `counts`: the attempt counts towards the limit.
        """
        if cause == CHECKPOINT_DAMAGED:
            self.checkpoints = [c for c in self.checkpoints if c is not self.latest]
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if self.wanted == "pause":
            self.mark_paused()
        elif counts and self.attempts >= MAX_ATTEMPTS:
            return self.fail(cause, f"{detail} The job was tried {self.attempts} times.")
        else:
            self.hand_back(counts=counts)
        return ()

    def pause_for_disk_space(self, detail: str) -> Sequence[Event]:
        """After the disk was full: pause at the last checkpoint, or fail without one, unless its owner cancels it."""
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if self.latest is None:
            return self.fail(DISK_FULL, detail)
        self.mark_paused()
        self.cause, self.detail = DISK_FULL, detail
        return ()

    def request_resume(self) -> None:
        """Resume; the cause of the pause is assumed to be resolved."""
        super().request_resume()
        self.cause = self.detail = None

    def succeed(self, model_uri: str) -> Sequence[Event]:
        """The model is published."""
        self.state, self.finished_at, self.runner, self.wanted = "succeeded", now(), None, "run"
        return [
            TrainingSucceeded(
                job_id=self.id,
                model_id=self.model_id,
                model_uri=model_uri,
                name=self.name,
                base=self.base,
                base_id=self.base_id,
                method=self.method,
                dataset_id=self.dataset_id,
                dataset_version=self.dataset_version,
                after=self.after,
                warnings=self.warnings,
            )
        ]


class Preset(Entity):
    """A named set of training settings."""

    NOUN: ClassVar[str] = "preset"
    LISTED_AT: ClassVar[str] = "/training/presets"

    name: str = Field(description="display name")
    description: str = Field(default="", description="free text")
    settings: dict[str, Any] = Field(description="training settings, as in a request")
    private_to: str | None = Field(default=None, description="the only caller who sees it; null: the whole project")


class TokenCache(Entity):
    """A dataset version's tokens in the blob store, `size` bytes at `key`."""

    key: str = Field(description="blob prefix of the token files")
    dataset_id: str = Field(description="the dataset")
    size: int = Field(description="bytes")
    used_at: datetime = Field(default_factory=now, description="last use; the least recently used goes first")

    def mark_used(self) -> None:
        """A job uses it now."""
        self.used_at = now()


class CustomModel(Entity):
    """A model that a job produced; its owner may change its name and notes."""

    NOUN: ClassVar[str] = "custom model"
    LISTED_AT: ClassVar[str] = "/models/custom"

    name: str = Field(description="display name")
    notes: str = Field(default="", description="its owner's notes")
    kind: Literal["full", "adapter"] = Field(description="full weights or a LoRA adapter")
    method: Method = Field(description="full, lora or qlora")
    model_uri: str = Field(description="artifact of the model")
    base: str = Field(description="id or hub id of the model it was trained from")
    base_name: str = Field(default="", description="the name of that model when its job was submitted")
    base_uri: str = Field(description="artifact of that model")
    job_id: str = Field(description="the job that produced it")
    step: int | None = Field(default=None, description="of a checkpoint's model: its step; null: the job's result")
    dataset_id: str = Field(description="its training dataset")
    dataset_version: str = Field(description="the version")
    parameters: int = Field(default=0, description="number of weights")
    context_length: int = Field(default=0, description="tokens")
    template_hash: str = Field(
        default="", description="hash of tokenizer and chat template; must match wherever it is loaded"
    )
    size: int = Field(default=0, description="bytes")
    metrics: dict[str, float] = Field(default={}, description="final metrics of the training")


class Reservation(Entity):
    """The id of a base model, reserved by the first request with its Idempotency-Key before any file is stored."""


class Base(Work):
    """A base model that was uploaded, registered in place, or is being downloaded; usable when succeeded."""

    NOUN: ClassVar[str] = "base model"
    LISTED_AT: ClassVar[str] = "/models/base"

    name: str = Field(description="display name")
    source: BaseSource = Field(description="where it comes from")
    origin: str = Field(default="", description="path, URI or hub id, as given")
    hub_id: str | None = Field(default=None, description="Hugging Face repository")
    revision: str | None = Field(default=None, description="commit of the hub repository")
    secret: str | None = Field(
        default=None, description="access token of the source, encrypted; removed as soon as the download ends"
    )
    secret_kind: str | None = Field(default=None, description="kind of that secret; kept after its end")
    location: str | None = Field(default=None, description="server path of a model that is registered in place")
    architecture: str = Field(default="", description="from its config")
    parameters: int = Field(default=0, description="number of weights")
    context_length: int = Field(default=0, description="tokens")
    template_hash: str = Field(default="", description="hash of tokenizer and chat template")
    template_features: list[str] | None = Field(
        default=None, description="features of rows that its chat template shows; null: not probed"
    )
    size: int = Field(default=0, description="bytes")
    warnings: list[ReportedWarning] = Field(default=[], description="what was ignored, and the model's limits")
    bytes_done: int = Field(default=0, description="bytes downloaded")
    bytes_total: int | None = Field(default=None, description="bytes to download; null: unknown")

    @property
    def weights(self) -> tuple[str, str | None]:
        """Equal for downloads of the same revision."""
        return (self.hub_id, self.revision) if self.hub_id else (self.id, None)

    def on_failed(self) -> Sequence[Event]:
        """The event; a token for the source is deleted as soon as it is not needed."""
        self.secret = None
        cause, detail = self.cause or "", self.detail or ""
        return [BaseModelFailed(base_id=self.id, cause=cause, detail=detail, secret=self.secret_kind)]

    def on_cancelled(self) -> Sequence[Event]:
        """No event: its owner's request is recorded."""
        self.secret = None
        return ()

    def prepare_deletion(self) -> Sequence[Event]:
        """Stop a download, and remove the token from the document, which remains as a tombstone."""
        self.secret = None
        return () if self.final else self.request_cancel()

    def mark_ready(self, facts: dict[str, Any], size: int) -> None:
        """Its files were checked and published, `size` bytes."""
        self.state, self.finished_at, self.runner, self.secret = "succeeded", now(), None, None
        self.architecture, self.parameters = facts["architecture"], facts["parameters"]
        self.context_length, self.template_hash = facts["context_length"], facts["template_hash"]
        self.template_features = facts["template_features"]
        self.warnings = [ReportedWarning.model_validate(warning) for warning in facts["warnings"]]
        self.size = size


def references_of(base_models: Sequence[Base], custom_models: Sequence[CustomModel]) -> dict[str, str]:
    """For the id of each base model its name, or else its hub id, if no other model has it; or else its id."""
    usable = {base.weights: base for base in base_models if base.state == "succeeded"}.values()
    uses = Counter(word for base in usable for word in {base.name, base.hub_id or base.name})
    uses.update(model.name for model in custom_models)
    words = {base.id: (base.name, base.hub_id) if base.state == "succeeded" else () for base in base_models}
    return {id: next((word for word in own if word and uses[word] == 1), id) for id, own in words.items()}
