"""The edges that an event states. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.events.aliases import AliasCreated, AliasPromoted, AliasRolledBack
from shared.events.dataset import DatasetReady
from shared.events.envelope import Event
from shared.events.evaluation import EvaluationCompleted, EvaluationFailed
from shared.events.export import ExportCompleted, ExportFailed
from shared.events.inference import ModelReady
from shared.events.training import CheckpointPublished, TrainingRequested, TrainingSucceeded


class Edge(NamedTuple):
    """From a node to one that was made with it; a node is `<kind>/<id>`, a dataset version `dataset/<id>@<version>`,
    a checkpoint `checkpoint/<job_id>@<step>`."""

    source: str
    relation: str
    target: str


def edges_of(event: Event) -> list[Edge]:
    """The edges; none for an event that relates nothing."""
    return [*_edges_of(event)]


def _edges_of(event: Event) -> Iterator[Edge]:
    match event:
        case DatasetReady():
            yield from _dataset(event.dataset_id, event.version)
            version = f"dataset/{event.dataset_id}@{event.version}"
            for model in event.models:
                yield Edge(_model(model), "rated_in", version)
            yield from _dataset(event.dataset_id, event.parent, "edited", version)
        case TrainingRequested() | TrainingSucceeded():
            yield from _job(event)
        case CheckpointPublished():
            checkpoint = f"checkpoint/{event.job_id}@{event.step}"
            yield Edge(f"job/{event.job_id}", "checkpoint", checkpoint)
            yield Edge(checkpoint, "produced", f"model/{event.model_id}")
        case EvaluationCompleted() | EvaluationFailed():
            evaluation = f"evaluation/{event.evaluation_id}"
            yield Edge(_model(event.model_id), "evaluated", evaluation)
            yield from _dataset(event.dataset_id, event.dataset_version, "evaluated_on", evaluation)
        case ExportCompleted() | ExportFailed():
            yield Edge(f"model/{event.model_id}", "exported", f"export/{event.export_id}")
        case ModelReady():
            yield Edge(_model(event.model_id), "deployed", f"deployment/{event.deployment_id}")
        case AliasCreated():
            yield Edge(_model(event.model_id), "created", f"alias/{event.alias}")
        case AliasPromoted():
            yield Edge(_model(event.model_id), "promoted", f"alias/{event.alias}")
        case AliasRolledBack():
            yield Edge(_model(event.model_id), "rolled_back_to", f"alias/{event.alias}")


def _job(event: TrainingRequested | TrainingSucceeded) -> Iterator[Edge]:
    job = f"job/{event.job_id}"
    yield from _dataset(event.dataset_id, event.dataset_version, "trained_on", job)
    if base := event.base_id or event.base:
        yield Edge(_model(base), "fine_tuned", job)
    if isinstance(event, TrainingSucceeded):
        yield Edge(job, "produced", f"model/{event.model_id}")
        return
    yield from _dataset(event.validation_id, event.validation_version, "validated_on", job)
    if event.reproduces:
        yield Edge(f"model/{event.reproduces}", "reproduced", job)


def _dataset(id: str | None, version: str | None, relation: str = "", target: str = "") -> Iterator[Edge]:
    """From the dataset to its version, and from that to `target`."""
    if id and version:
        yield Edge(f"dataset/{id}", "version", f"dataset/{id}@{version}")
        if target:
            yield Edge(f"dataset/{id}@{version}", relation, target)


def _model(reference: str) -> str:
    """The node of a job's base or an alias's model: a custom model, or a base model by its id or hub id."""
    custom = reference.startswith("model_") and "/" not in reference
    return f"{'model' if custom else 'base_model'}/{reference}"
