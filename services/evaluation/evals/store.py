"""The documents of evals, runs and output items, and what an unfinished run keeps from being deleted."""

from dataclasses import dataclass

from services.evaluation.evals.models import Eval, EvalRun, OutputItem
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.uses import Uses
from shared.runtime.resources import Resources

OutputItems = EntityStore[OutputItem]
EVALS = CollectionSpec(
    "evaluation.evals", Eval, "Deleted by its owner, with its runs.", (Index(("project", "created_at")),)
)
RUNS = CollectionSpec(
    "evaluation.eval_runs",
    EvalRun,
    "Deleted by its owner, or with its eval.",
    (Index(("state", "priority", "created_at")), Index(("eval_id", "created_at"))),
)
ITEMS = CollectionSpec(
    "evaluation.output_items", OutputItem, "Deleted with its run.", (Index(("run_id", "created_at")),)
)
COLLECTIONS = (EVALS, RUNS, ITEMS)


@dataclass(frozen=True)
class Stores:
    """The collections, over all projects; `for_project` selects one."""

    evals: EntityStore[Eval]
    runs: EntityStore[EvalRun]
    items: OutputItems

    @classmethod
    async def open(cls, resources: Resources) -> "Stores":
        """Open them."""
        outbox = resources.outbox
        return cls(await outbox.store(EVALS), await outbox.store(RUNS), await outbox.store(ITEMS))

    def for_project(self, project: str) -> "Stores":
        """The same, restricted to one project."""
        return Stores(*(store.for_project(project) for store in (self.evals, self.runs, self.items)))  # type: ignore[arg-type]


def open_run_uses(blobs: Blobs, stores: Stores) -> Uses[EvalRun]:
    """Keep the models and the dataset of a run that has not ended from being deleted."""
    return Uses(blobs, stores.runs, "evalrun", _needs)


def _needs(run: EvalRun) -> list[str]:
    models = {model.id for model in run.models.values()}
    return sorted(models) + ([run.dataset_id] if run.dataset_id else [])
