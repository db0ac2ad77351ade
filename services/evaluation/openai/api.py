"""HTTP: OpenAI's evals API."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query

from services.evaluation.evals.graders import GraderRuns
from services.evaluation.evals.models import RunStatus
from services.evaluation.evals.service import EvalService
from services.evaluation.openai.requests import EvalRequest, EvalUpdate, RunRequest, by_field, grader_models
from services.evaluation.openai.views import DeletedEval, DeletedRun, EvalView, Listing, OutputItemView, RunView
from shared.runtime.http.principal import Caller

Limit = Annotated[int, Query(ge=1, le=100, description="entries of a page")]
After = Annotated[str | None, Query(description="id of the last entry of the page before")]
Order = Annotated[Literal["asc", "desc"], Query(description="asc: oldest first")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
RUNS, ITEMS = "/{eval_id}/runs", "/{eval_id}/runs/{run_id}/output_items"


def routes(service: EvalService, graders: GraderRuns) -> APIRouter:
    """The routes below /v1/evals."""
    router = APIRouter(prefix="/v1/evals", tags=["Evaluation"])
    _add_evals(router, service, graders)
    _add_runs(router, service, graders)
    _add_items(router, service)
    return router


def _add_evals(router: APIRouter, service: EvalService, graders: GraderRuns) -> None:
    @router.post("", status_code=201)
    async def create_eval(body: EvalRequest, caller: Caller, key: Key = None) -> EvalView:
        """Create an eval: the schema of its rows, and the graders that they must pass."""
        body.check()
        fields = body.fields()
        await graders.require_python(by_field(fields["testing_criteria"]))
        await service.pin(caller.project, grader_models(fields["testing_criteria"]))
        return EvalView.of(await service.create(caller.project, fields, key))

    @router.get("")
    async def list_evals(
        caller: Caller,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        order_by: Literal["created_at", "updated_at"] = "created_at",
    ) -> Listing[EvalView]:
        """List the project's evals, oldest first by default."""
        options = {"oldest_first": order == "asc", "by_update": order_by == "updated_at"}
        found, more = await service.page(caller.project, after, limit, **options)
        return Listing[EvalView].of([EvalView.of(each) for each in found], has_more=more)

    @router.get("/{eval_id}")
    async def get_eval(eval_id: str, caller: Caller) -> EvalView:
        """Show an eval."""
        return EvalView.of(await service.get(caller.project, eval_id))

    @router.post("/{eval_id}")
    async def update_eval(eval_id: str, body: EvalUpdate, caller: Caller) -> EvalView:
        """Change the name or the metadata of an eval."""
        return EvalView.of(await service.update(caller.project, eval_id, body.changes()))

    @router.delete("/{eval_id}")
    async def delete_eval(eval_id: str, caller: Caller) -> DeletedEval:
        """Delete an eval with its runs, which must have ended."""
        await service.delete(caller.project, eval_id)
        return DeletedEval(eval_id=eval_id)


def _add_runs(router: APIRouter, service: EvalService, graders: GraderRuns) -> None:
    @router.post(RUNS, status_code=201)
    async def create_eval_run(eval_id: str, body: RunRequest, caller: Caller, key: Key = None) -> RunView:
        """Queue a run: the rows, and the model that answers them."""
        found = await service.get(caller.project, eval_id)
        await graders.require_python(by_field(found.testing_criteria))
        await asyncio.to_thread(body.check, found)  # thousands of rows
        run = await service.start(
            caller.project,
            found,
            name=body.name,
            metadata=body.metadata,
            data_source=body.data_source.model_dump(mode="json", exclude_unset=True),
            models=body.models(found),
            key=key,
        )
        return RunView.of(run)

    @router.get(RUNS)
    async def list_eval_runs(
        eval_id: str,
        caller: Caller,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        status: RunStatus | None = None,
    ) -> Listing[RunView]:
        """List the runs of an eval, oldest first by default."""
        page = await service.runs(caller.project, eval_id, after, limit, status=status, oldest_first=order == "asc")
        return Listing[RunView].of([RunView.of(run) for run in page.items], has_more=page.next_cursor is not None)

    @router.get(RUNS + "/{run_id}")
    async def get_eval_run(eval_id: str, run_id: str, caller: Caller) -> RunView:
        """Show status and results of a run."""
        return RunView.of(await service.run(caller.project, eval_id, run_id))

    @router.post(RUNS + "/{run_id}/cancel")
    async def cancel_eval_run(eval_id: str, run_id: str, caller: Caller) -> RunView:
        """Cancel a run. Rows that are graded stay."""
        return RunView.of(await service.cancel(caller.project, eval_id, run_id))

    @router.delete(RUNS + "/{run_id}")
    async def delete_eval_run(eval_id: str, run_id: str, caller: Caller) -> DeletedRun:
        """Delete a run that has ended, with its output items."""
        await service.delete_run(caller.project, eval_id, run_id)
        return DeletedRun(run_id=run_id)


def _add_items(router: APIRouter, service: EvalService) -> None:
    @router.get(ITEMS)
    async def list_eval_output_items(
        eval_id: str,
        run_id: str,
        caller: Caller,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        status: Literal["pass", "fail", "error"] | None = None,
    ) -> Listing[OutputItemView]:
        """List the graded rows of a run, in their order by default: answer, and score by testing criterion."""
        page = await service.items(
            caller.project, eval_id, run_id, after, limit, status=status, oldest_first=order == "asc"
        )
        items = [OutputItemView.of(item) for item in page.items]
        return Listing[OutputItemView].of(items, has_more=page.next_cursor is not None)

    @router.get(ITEMS + "/{output_item_id}")
    async def get_eval_output_item(eval_id: str, run_id: str, output_item_id: str, caller: Caller) -> OutputItemView:
        """Show a graded row."""
        return OutputItemView.of(await service.item(caller.project, eval_id, run_id, output_item_id))
