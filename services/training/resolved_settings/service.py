"""The use case of forms: resolve a request while it is being written, with every problem that it has."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from services.training.estimates import feasibility
from services.training.estimates.feasibility import EstimateInputs
from services.training.estimates.service import Estimator
from services.training.jobs.preparation import JobPreparation, PreparedJob
from services.training.jobs.requests import TrainingRequest
from services.training.resolved_settings.limits import LIMITS
from services.training.resolved_settings.origins import Origin, flattened, origins_of
from services.training.resolved_settings.views import BaseFit, BaseFits, FieldProblem, SettingsView, SettingView
from services.training.settings import TrainingSettings
from shared.runtime.errors import AnnealError, invalid_fields

REFERENCES = ("dataset", "base")
"""Fields without which nothing can be resolved."""
UNRESOLVED = Origin("default")


class SettingsResolver:
    """Resolves requests that may be incomplete or wrong."""

    def __init__(self, preparation: JobPreparation, estimator: Estimator) -> None:
        self._preparation, self._estimator = preparation, estimator

    async def resolve(self, project: str, body: Mapping[str, Any]) -> SettingsView:
        """Every setting of the job that `body` describes; its wrong fields are reported and left out."""
        problems: dict[str, FieldProblem] = {}
        resolved = await self._prepare(project, body, problems)
        if resolved is None:
            settings = [_view(name, None, None) for name in LIMITS]
            return SettingsView(settings=settings, problems=list(problems.values()), steps=None, warnings=[])
        request = resolved[0]
        prepared, inputs = await self._estimator.fitted(resolved[1])
        return SettingsView(
            settings=_settings(request, prepared, inputs),
            problems=list(problems.values()),
            steps=prepared.resolved.total_steps,
            warnings=list(prepared.warnings),
        )

    async def fits(self, project: str, bases: list[str], body: Mapping[str, Any]) -> BaseFits:
        """Whether the job would fit on each of these base models."""
        found: list[BaseFit] = []
        limit = None
        for base in bases:
            resolved = await self._prepare(project, {**body, "base": base}, {})
            if resolved is None:
                continue
            prepared, inputs = await self._estimator.fitted(resolved[1])
            total = feasibility.total_bytes(prepared.resolved, inputs) if inputs else None
            verdict = feasibility.judge(prepared.resolved, inputs) if inputs else "unknown"
            limit = inputs.limit if inputs else limit
            found.append(BaseFit(base=base, verdict=verdict, total=total))
        return BaseFits(items=found, limit=limit)

    async def _prepare(
        self, project: str, body: Mapping[str, Any], problems: dict[str, FieldProblem]
    ) -> tuple[TrainingRequest, PreparedJob] | None:
        """The request without the fields that a job would be refused for, which become `problems`, and its job.

        None without a dataset or a base model.
        """
        request = _readable(body, problems)
        while request:
            try:
                return request, await self._preparation.prepare(project, request)
            except AnnealError as error:
                if error.field is None:
                    raise
                path, left = error.field.split("."), request.model_dump(exclude_unset=True)
                problems[error.field] = FieldProblem(
                    field=error.field, detail=error.detail, limit=error.limit, remedy=error.remedy
                )
                if path[0] in REFERENCES or not _removed(left, path):
                    return None
                request = TrainingRequest(**left)
        return None


def _readable(body: Mapping[str, Any], problems: dict[str, FieldProblem]) -> TrainingRequest | None:
    """The request without its invalid fields; None where dataset or base model is one of them."""
    left = {name: dict(value) if isinstance(value, dict) else value for name, value in body.items()}
    while True:
        try:
            return TrainingRequest.model_validate(left)
        except ValidationError as error:
            errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
            found = invalid_fields(errors, left)
            problems |= {each["field"]: FieldProblem(**each) for each in found}
            wrong = {tuple(each["field"].split(".")[:2]) for each in found}  # entries of one list go with it
            removed = [_removed(left, path) for path in wrong]
            if any(path[0] in REFERENCES for path in wrong) or not any(removed):
                return None


def _removed(body: dict[str, Any], path: Sequence[str]) -> bool:
    """Remove the field, or the object that it is missing in, from the body; False where there is none."""
    inner = body.get(path[0])
    if len(path) > 1 and isinstance(inner, dict) and path[1] in inner:
        del inner[path[1]]
        return True
    is_there = path[0] in body
    body.pop(path[0], None)
    return is_there


def _settings(request: TrainingRequest, prepared: PreparedJob, inputs: EstimateInputs | None) -> list[SettingView]:
    resolved, subject = prepared.resolved, prepared.subject
    own = flattened(request.model_dump(exclude_none=True, include=set(TrainingSettings.model_fields)))
    merged = flattened(prepared.settings.given())
    values = {
        **merged,
        "method": resolved.method,
        "priority": resolved.priority,
        **flattened({**resolved.hyperparameters, "resources": resolved.resources.model_dump()}),
    }
    if values["max_length"] is None and inputs and inputs.lengths:
        values["max_length"] = feasibility.choose_max_length(resolved, inputs)
    origins = origins_of(own, merged, subject, resolved)
    for name in ("micro_batch_tokens", "gradient_checkpointing"):  # `fitted` may have changed these
        if name in resolved.fitted:
            origins[name] = Origin("machine", "to fit into memory")
    return [_view(name, values.get(name), origins.get(name, UNRESOLVED)) for name in LIMITS]


def _view(name: str, value: Any, origin: Origin | None) -> SettingView:
    source, reason = (origin.source, origin.reason) if origin else (None, "")
    return SettingView(name=name, value=value, source=source, reason=reason, limits=LIMITS[name])
