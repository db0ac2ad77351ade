"""Use cases of judgements: request, show, list and cancel. A judgement is a run of an eval with one pairwise grader."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from services.evaluation.evals.models import Endpoint, Eval, EvalRun, OutputItem
from services.evaluation.evals.service import EvalService
from services.evaluation.evals.sources import pairs_key
from services.evaluation.judgements.models import JudgementRequest, JudgementResult, Votes
from services.evaluation.judgements.pairs import PairReader, Row
from services.evaluation.judgements.prompts import PROMPT, PROMPT_WITH_REFERENCE, check_prompt
from shared.documents.entities import Page, derived_id, new_id
from shared.runtime.errors import InvalidInput, NotFound
from shared.runtime.keyring import Keyring

TEXT = {"type": "string"}
ITEM_SCHEMA = {
    "type": "object",
    "properties": {
        "row": {"type": "integer"},
        **dict.fromkeys(("question", "reference", "baseline", "candidate", "vote"), TEXT),
    },
    "required": ["row", "question", "reference", "baseline", "candidate"],
}
IS_JUDGEMENT = {"judged.candidate": {"$gt": ""}}


@dataclass(frozen=True)
class Judgements:
    """What the API calls."""

    evals: EvalService
    pairs: PairReader
    keyring: Keyring

    async def request(self, project: str, request: JudgementRequest, key: str | None = None) -> EvalRun:
        """Queue a judgement; of a repeated Idempotency-Key, return the one.

        Raises UnknownModel, InvalidTemplate, MissingAnswers, and what `PairReader.read` does.
        """
        body = request.model_dump_json(exclude={"judge": {"api_key"}})
        digest = hashlib.sha256(body.encode()).hexdigest()
        id = derived_id("evalrun", project, "judgement", key) if key else new_id("evalrun")
        if key and (existing := await self.evals.stores.runs.find_repeated(id, digest)):
            return existing
        judge = request.judge
        models = {} if judge.base_url else await self.evals.pin(project, {judge.model: "judge.model"})
        if request.prompt is not None:
            check_prompt(request.prompt)
        sides, rows = await self.pairs.read(project, request)
        found = await self._eval(project, request, _prompt(request, rows))
        sides.votes = request.votes.model_dump() if request.votes else None
        run = EvalRun(
            id=id,
            project=project,
            request_hash=digest,
            eval_id=found.id,
            name=f"{sides.candidate_model} against {sides.baseline_model}"[:200],
            data_source={"type": "pairs", "source": {"type": "pairs"}},
            criteria=found.testing_criteria,
            item_schema=found.item_schema,
            models=models,
            judged=sides,
            endpoint=self._endpoint(id, request),
        )
        run.expect(len(rows))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        await self.evals.blobs.put(pairs_key(project, id), lines.encode())
        return await self.evals.queue(run)

    def _endpoint(self, id: str, request: JudgementRequest) -> Endpoint | None:
        judge = request.judge
        if judge.base_url is None:
            return None
        secret = self.keyring.encrypt("evaluation", id, judge.api_key.get_secret_value()) if judge.api_key else None
        return Endpoint(base_url=judge.base_url, model=judge.model, parameters=judge.parameters, secret=secret)

    async def _eval(self, project: str, request: JudgementRequest, prompt: str) -> Eval:
        """The eval with this judge and prompt: judgements that share them are its runs."""
        judge = request.judge
        criterion = {
            "type": "pairwise",
            "name": "preference",
            "model": judge.model,
            "base_url": judge.base_url,
            "max_tokens": judge.max_tokens,
            "input": [{"role": "user", "content": prompt}],
        }
        name = f"Judge {judge.model}"[:200]
        for found in await self.evals.stores.for_project(project).evals.find({"name": name}):
            if found.testing_criteria == [criterion]:
                return found
        fields: dict[str, Any] = {
            "name": name,
            "item_schema": ITEM_SCHEMA,
            "include_sample": False,
            "testing_criteria": [criterion],
        }
        return await self.evals.create(project, fields)

    async def get(self, project: str, id: str) -> EvalRun:
        """Return a judgement's run. Raises NotFound."""
        run = await self.evals.stores.for_project(project).runs.get(id)
        if run.judged is None:
            remedy = "GET /evaluations/judgements lists the judgements."
            raise NotFound(f"{id!r} is an eval run, but no judgement.", field="id", remedy=remedy)
        return run

    async def result(self, run: EvalRun) -> JudgementResult | None:
        """The result of the rows that are judged so far; None without any."""
        where = {"run_id": run.id, "status": {"$ne": "pending"}}
        items = await self.evals.stores.for_project(run.project).items.find(where)
        return await asyncio.to_thread(_result, run, items) if items else None

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[EvalRun]:
        """A page of the judgements' runs, newest first."""
        return await self.evals.stores.for_project(project).runs.page(IS_JUDGEMENT, limit=limit, cursor=cursor)

    async def cancel(self, project: str, id: str) -> EvalRun:
        """Cancel a judgement; what is judged stays."""
        run = await self.get(project, id)
        return await self.evals.cancel(project, run.eval_id, id)


def _prompt(request: JudgementRequest, rows: list[Row]) -> str:
    if request.prompt is not None:
        return request.prompt
    missing = sum(not row["reference"] for row in rows)
    if request.reference and missing:
        remedy = "Leave `reference` out, or set it to false."
        raise InvalidInput(f"{missing} of {len(rows)} rows have no reference.", field="reference", remedy=remedy)
    return PROMPT_WITH_REFERENCE if request.reference or (request.reference is None and not missing) else PROMPT


def _result(run: EvalRun, items: list[OutputItem]) -> JudgementResult:
    from services.evaluation.judgements.result import judged_row, result_of  # scipy, which the service starts without

    assert run.judged
    votes = Votes.model_validate(run.judged.votes) if run.judged.votes else None
    rows = [judged_row(item.results[0], item.item.get("vote")) for item in sorted(items, key=lambda i: i.number)]
    return result_of(rows, votes)
