"""The training room's entities and the state machine of a job; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from shared.documents.entities import Entity, derived_id, now
from shared.events.envelope import Event
from shared.events.training import FollowUp, TrainingCancelled, TrainingFailed, TrainingSucceeded
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.worker import MAX_ATTEMPTS

Method = Literal["full", "lora", "qlora"]
Objective = Literal["sft", "dpo"]
BaseSource = Literal["bundled", "upload", "path", "object_store", "hub"]

KEPT_CHECKPOINTS = 2
"""The last ones; the best one stays besides."""

DAMAGED = "checkpoint_damaged"
"""The cause of a failure that the checkpoint before may get around."""
DISK_FULL = "disk_full"
"""The cause of a pause: what was trained waits for somebody to make room."""
OUT_OF_MEMORY = "out_of_memory"
"""The cause of a failure that a smaller micro-batch may get around."""


class Allocation(BaseModel):
    """What a job occupies while it runs."""

    cpu: int = Field(ge=1, description="processor cores")
    gpu: int = Field(default=0, ge=0, description="whole GPUs")
    memory_gb: float = Field(default=0, ge=0, description="main memory in GiB; 0 reserves none")


class Checkpoint(BaseModel):
    """A stored state of a job from which it can go on; it exists only while the job points at it."""

    step: int
    key: str = Field(description="where its files lie in the blob store")
    loss: float | None = Field(default=None, description="validation loss at this step, nats per token")
    best: bool = False
    created_at: datetime = Field(default_factory=now)


class Serving(BaseModel):
    """How vLLM will serve a job's model."""

    form: Literal["adapter", "merged", "full"] = Field(
        description="adapter: beside others on the base's server; merged into the base, or full: a server of its own"
    )
    reason: str | None = Field(default=None, description="why it cannot be served as an adapter")
    remedy: str | None = Field(default=None, description="what to change so that it can")


class Job(Work):
    """A training job: what was asked, as resolved at submit, and how far it is."""

    name: str
    base: str
    base_uri: str
    method: Method
    dataset_id: str
    dataset_version: str
    dataset_name: str = ""
    validation_id: str | None = None
    validation_version: str | None = None
    fine_tuning: dict[str, Any] = {}
    """What OpenAI's API was asked for, to be shown there as it came."""
    hyperparameters: dict[str, Any]
    defaulted: list[str] = []
    resources: Allocation
    preset: str | None = None
    after: list[FollowUp] = []
    serving: Serving | None = None
    architecture: str = ""
    parameters: int = 0
    context_length: int = 0
    total_steps: int = 0
    micro_batch_tokens: int | None = None
    recomputes: bool = False
    checkpoints: list[Checkpoint] = []
    ended: str | None = None
    warning: str | None = None
    manifest: dict[str, Any] | None = None
    staged: str | None = None
    has_files: bool = False

    @property
    def model_id(self) -> str:
        """The custom model that this job makes, the same on every attempt."""
        return derived_id("model", self.id)

    @property
    def latest(self) -> Checkpoint | None:
        """Where the next attempt goes on."""
        return max(self.checkpoints, key=lambda c: c.step, default=None)

    def on_failed(self) -> Sequence[Event]:
        """Tell that no model comes."""
        return [TrainingFailed(job_id=self.id, cause=self.cause or "", detail=self.detail or "")]

    def on_cancelled(self) -> Sequence[Event]:
        """Tell that its owner gave it up."""
        return [TrainingCancelled(job_id=self.id)]

    def keep(self, checkpoint: Checkpoint) -> None:
        """Point at a new checkpoint, forgetting all but the last two and the best.

        Progress makes the attempt count start anew: only a job that dies again and again at one place is given up.
        """
        if self.latest is None or checkpoint.step > self.latest.step:
            self.attempts = 1
        earlier = [c for c in self.checkpoints if c.step != checkpoint.step]
        if checkpoint.best:
            earlier = [c.model_copy(update={"best": False}) for c in earlier]
        ordered = sorted([*earlier, checkpoint], key=lambda c: c.step)
        kept = {c.step for c in ordered[-KEPT_CHECKPOINTS:]}
        self.checkpoints, self.has_files = [c for c in ordered if c.step in kept or c.best], True

    def publishing(self, manifest: dict[str, Any], staged: str) -> None:
        """Training is over: from here any worker can finish, from the manifest and the files at `staged`."""
        self.state, self.manifest, self.staged, self.has_files = "publishing", manifest, staged, True
        told = manifest["provenance"].get("training", {})
        self.ended, self.warning = told.get("ended"), told.get("warning")

    def half_published(self) -> None:
        """Files of a model may lie there again after the cleanup of a job that ended without one."""
        self.has_files = self.has_files or (self.final and self.state != "succeeded")

    def shrink(self, longest: int) -> bool:
        """Compute half as many tokens at once in the next attempt: the same steps in more parts.

        The `longest` row is never parted: where it was all that was computed at once, its activations are computed anew
        on the way back. False where that was so already, or the engine fell before it knew of that row (0).
        """
        asked = self.micro_batch_tokens or self.hyperparameters["micro_batch_tokens"]
        computed = min(asked, longest * self.hyperparameters["batch_size"])
        if computed > longest > 0:
            self.micro_batch_tokens = max(computed // 2, longest)
            return True
        if not longest or self.recomputes or self.hyperparameters.get("gradient_checkpointing"):
            return False
        self.recomputes = True
        return True

    def retry(self, cause: str, detail: str, *, counts: bool = True) -> Sequence[Event]:
        """The engine died: once more from the last checkpoint while attempts are left, as its owner wished else."""
        if cause == DAMAGED:
            self.checkpoints = [c for c in self.checkpoints if c is not self.latest]
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if self.wanted == "pause":
            self.mark_paused()
        elif counts and self.attempts >= MAX_ATTEMPTS:
            return self.fail(cause, f"{detail} It was tried {self.attempts} times.")
        else:
            self.hand_back(counts=counts)
        return ()

    def wait_for_room(self, detail: str) -> Sequence[Event]:
        """The disk is full: pause at the last checkpoint, as its owner wished else; without one it fails."""
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if self.latest is None:
            return self.fail(DISK_FULL, detail)
        self.mark_paused()
        self.cause, self.detail = DISK_FULL, detail
        return ()

    def request_resume(self) -> None:
        """Go on; what held it up is taken to be over."""
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
                method=self.method,
                dataset_id=self.dataset_id,
                dataset_version=self.dataset_version,
                after=self.after,
            )
        ]


class Preset(Entity):
    """A named set of training settings; `private_to` is the only caller who sees it, None means the whole project."""

    name: str
    description: str = ""
    settings: dict[str, Any]
    private_to: str | None = None


class TokenCache(Entity):
    """A dataset version's tokens in the blob store, `size` bytes at `key`."""

    key: str
    dataset_id: str
    size: int
    used_at: datetime = Field(default_factory=now)

    def used(self) -> None:
        """A job takes it."""
        self.used_at = now()


class CustomModel(Entity):
    """A model that a job made; its name and notes are its owner's."""

    name: str
    notes: str = ""
    kind: Literal["full", "adapter"]
    method: Method
    model_uri: str
    base: str
    base_uri: str
    job_id: str
    dataset_id: str
    dataset_version: str
    parameters: int = 0
    context_length: int = 0
    template_hash: str = ""
    size: int = 0
    metrics: dict[str, float] = {}


class Reservation(Entity):
    """The id of a base model, taken by the first request with its Idempotency-Key before any of its files is stored."""


class Base(Work):
    """A base model that was uploaded, registered where it lies, or is being downloaded; usable when succeeded."""

    name: str
    source: BaseSource
    origin: str = ""
    hub_id: str | None = None
    revision: str | None = None
    secret: str | None = None
    location: str | None = None
    architecture: str = ""
    parameters: int = 0
    context_length: int = 0
    template_hash: str = ""
    size: int = 0
    bytes_done: int = 0
    bytes_total: int | None = None

    def on_failed(self) -> Sequence[Event]:
        """Nobody waits for it; a token for the source is not kept longer than it is needed."""
        self.secret = None
        return ()

    def on_cancelled(self) -> Sequence[Event]:
        """As for a failure."""
        self.secret = None
        return ()

    def give_up(self) -> Sequence[Event]:
        """Its owner deletes it: whatever fetches it stops, and no token stays in what is left of it."""
        self.secret = None
        return () if self.final else self.request_cancel()

    def ready(self, facts: dict[str, Any], size: int) -> None:
        """Its files were checked and published."""
        self.state, self.finished_at, self.runner, self.secret = "succeeded", now(), None, None
        self.architecture, self.parameters = facts["architecture"], facts["parameters"]
        self.context_length, self.template_hash = facts["context_length"], facts["template_hash"]
        self.size = size
