"""How a reproduction compares with the original: bits of the weights, losses of the run, and what may explain both."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from shared.blobs.manifests import ModelManifest

Verdict = Literal["equal", "within_tolerance", "different"]
INERT = ("code.commit", "code.version", "tokens", "early_stopped", "samples.")
"""Differences that explain no other number: a digest of the sources stands for the first, the others are results."""


class TensorComparison(BaseModel):
    """One tensor of both models."""

    name: str
    equal: bool = Field(description="same dtype, shape and bits")
    max_difference: float | None = Field(
        description="largest absolute difference of an element; null: one model lacks it, other shape, or not finite"
    )


class WeightComparison(BaseModel):
    """All tensors of both models."""

    count: int
    equal: int = Field(description="how many are equal in every bit")
    max_difference: float | None
    left_out: int = Field(description="tensors that are counted but not listed, of more than 2,000")
    tensors: list[TensorComparison] = Field(description="those that differ first, the largest difference first")


class CurveComparison(BaseModel):
    """A loss, nats per token, at the steps of both runs."""

    steps: int = Field(description="steps that both runs recorded")
    unmatched: int = Field(description="steps that only one of them recorded")
    equal: bool = Field(description="the same losses at the same steps, in every bit")
    max_difference: float = Field(description="largest absolute difference of the steps that both have")
    at_step: int | None = Field(description="the step with that difference; null where there is none")
    within_tolerance: bool


class Difference(BaseModel):
    """Something that both runs recorded, with different values."""

    field: str = Field(description="as in the provenance, such as versions.torch")
    original: Any
    reproduction: Any
    changes_numbers: bool = Field(description="whether it may explain other bits")


class Reproduction(BaseModel):
    """The comparison of a model with its reproduction."""

    model_id: str
    reproduction_id: str = Field(description="the custom model that the repeated training made")
    job_id: str
    verdict: Verdict = Field(
        description="equal: every tensor in every bit; within_tolerance: a reason explains other bits, and all losses "
        "are within the tolerance; different: anything else"
    )
    tolerance: float = Field(description="nats per token")
    weights: WeightComparison
    training_loss: CurveComparison
    validation_loss: CurveComparison
    differences: list[Difference]
    reasons: list[str] = Field(description="why the bits cannot be expected to be equal; empty: they must be")


class Curves:
    """The losses of a run by step."""

    KINDS: ClassVar[tuple[str, ...]] = ("metric", "evaluation", "rewind")

    def __init__(self) -> None:
        self.training: dict[int, float] = {}
        self.validation: dict[int, float] = {}

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Follow records of a job's stream, in order; a rewind drops what came after its step."""
        for record in records:
            step = record["step"]
            if record["kind"] == "rewind":
                for curve in (self.training, self.validation):
                    for later in [known for known in curve if known > step]:
                        del curve[later]
            elif record.get("loss") is not None:
                (self.training if record["kind"] == "metric" else self.validation)[step] = record["loss"]


def compare_runs(
    original: ModelManifest, reproduced: ModelManifest, before: Curves, after: Curves, tolerance: float
) -> Reproduction:
    """Compare two runs by their manifests and losses."""
    ours, theirs = (manifest.provenance["training"] for manifest in (original, reproduced))
    weights = WeightComparison.model_validate(theirs["reproduction"])
    losses = [
        _compare_curves(before.training, after.training, tolerance),
        _compare_curves(before.validation, after.validation, tolerance),
    ]
    differences = list(_differences(ours.get("provenance", {}), theirs.get("provenance", {})))
    reasons = [*_reasons(ours, differences)]
    verdict: Verdict = "different"
    if weights.equal == weights.count > 0:
        verdict = "equal"
    elif reasons and all(curve.within_tolerance for curve in losses):
        verdict = "within_tolerance"
    return Reproduction(
        model_id=original.model_id,
        reproduction_id=reproduced.model_id,
        job_id=reproduced.job_id or "",
        verdict=verdict,
        tolerance=tolerance,
        weights=weights,
        training_loss=losses[0],
        validation_loss=losses[1],
        differences=differences,
        reasons=reasons,
    )


def _compare_curves(ours: Mapping[int, float], theirs: Mapping[int, float], tolerance: float) -> CurveComparison:
    both = sorted(ours.keys() & theirs.keys())
    at_step = max(both, key=lambda step: abs(ours[step] - theirs[step]), default=None)
    largest = 0.0 if at_step is None else abs(ours[at_step] - theirs[at_step])
    unmatched = len(ours.keys() ^ theirs.keys())
    return CurveComparison(
        steps=len(both),
        unmatched=unmatched,
        equal=largest == 0 and unmatched == 0,
        max_difference=largest,
        at_step=at_step if largest else None,
        within_tolerance=largest <= tolerance and unmatched == 0,
    )


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Difference]:
    """The recorded values that are not the same. What one run did not record is null."""
    flat, others = dict(_flatten(ours)), dict(_flatten(theirs))
    for field in sorted(flat.keys() | others.keys()):
        if (old := flat.get(field)) != (new := others.get(field)):
            yield Difference(field=field, original=old, reproduction=new, changes_numbers=not field.startswith(INERT))


def _flatten(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _reasons(training: Mapping[str, Any], differences: Iterable[Difference]) -> Iterator[str]:
    """Why the bits of the weights may differ although nothing is wrong."""
    for found in differences:
        if found.changes_numbers:
            yield f"{found.field}: {_shown(found.original)} in the original, {_shown(found.reproduction)} now."
    origin = training.get("provenance", {})
    if not origin:
        yield "The original does not record on what it was trained."
        return
    settings = origin.get("settings", {})
    if not str(origin.get("device", "cpu")).startswith("cpu"):
        yield f"It was trained on {origin['device']}, whose kernels may add in any order."
    if settings.get("threads", 1) > 1:
        yield f"It was trained with {settings['threads']} threads, which may add in another order; 1 is exact."
    if origin.get("processes", 1) > 1:
        yield f"It was trained in {origin['processes']} processes, which may add in another order; 1 is exact."
    if settings.get("dtype", "fp32") != "fp32":
        yield f"It was trained in {settings['dtype']}; fp32 is exact."
    if training.get("ended") == "max_minutes":
        yield "It ended at max_minutes: how many steps fit depends on the machine's load."


def _shown(value: Any) -> str:
    return "not recorded" if value is None else str(value)
