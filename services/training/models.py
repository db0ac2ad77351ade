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

    step: int = Field(description="optimizer steps done")
    key: str = Field(description="where its files lie in the blob store")
    loss: float | None = Field(default=None, description="validation loss at this step, nats per token")
    best: bool = Field(default=False, description="lowest validation loss so far")
    created_at: datetime = Field(default_factory=now, description="UTC")


class Serving(BaseModel):
    """How vLLM will serve a job's model."""

    form: Literal["adapter", "merged", "full"] = Field(
        description="adapter: beside others on the base's server; merged into the base, or full: a server of its own"
    )
    reason: str | None = Field(default=None, description="why it cannot be served as an adapter")
    remedy: str | None = Field(default=None, description="what to change so that it can")


class Job(Work):
    """A training job: what was asked, as resolved at submit, and how far it is."""

    name: str = Field(description="the job's name, and its model's")
    base: str = Field(description="id of the base or custom model that is fine-tuned")
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
    resources: Allocation = Field(description="what it occupies while it runs")
    preset: str | None = Field(default=None, description="name of the preset it was made with")
    after: list[FollowUp] = Field(default=[], description="follow-ups of a success: evaluate, export, deploy")
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
    checkpoints: list[Checkpoint] = Field(default=[], description="the last two, and the best")
    ended: str | None = Field(
        default=None, description="why training stopped: all_steps, no_gain, max_minutes, max_tokens or diverged"
    )
    warning: str | None = Field(default=None, description="warning about the result")
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

    def used(self) -> None:
        """A job takes it."""
        self.used_at = now()


class CustomModel(Entity):
    """A model that a job made; its name and notes are its owner's."""

    name: str = Field(description="display name")
    notes: str = Field(default="", description="its owner's notes")
    kind: Literal["full", "adapter"] = Field(description="full weights or a LoRA adapter")
    method: Method = Field(description="full, lora or qlora")
    model_uri: str = Field(description="artifact of the model")
    base: str = Field(description="id of the model it was trained from")
    base_uri: str = Field(description="artifact of that model")
    job_id: str = Field(description="the job that made it")
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
    """The id of a base model, taken by the first request with its Idempotency-Key before any of its files is stored."""


class Base(Work):
    """A base model that was uploaded, registered where it lies, or is being downloaded; usable when succeeded."""

    name: str = Field(description="display name")
    source: BaseSource = Field(description="where it comes from")
    origin: str = Field(default="", description="path, URI or hub id, as given")
    hub_id: str | None = Field(default=None, description="Hugging Face repository")
    revision: str | None = Field(default=None, description="commit of the hub repository")
    secret: str | None = Field(
        default=None, description="access token of the source; removed as soon as the download ends"
    )
    location: str | None = Field(default=None, description="server path of a model that is registered in place")
    architecture: str = Field(default="", description="from its config")
    parameters: int = Field(default=0, description="number of weights")
    context_length: int = Field(default=0, description="tokens")
    template_hash: str = Field(default="", description="hash of tokenizer and chat template")
    size: int = Field(default=0, description="bytes")
    bytes_done: int = Field(default=0, description="bytes downloaded")
    bytes_total: int | None = Field(default=None, description="bytes to download; null: unknown")

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
