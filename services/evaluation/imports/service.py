"""Use case of imports: an evaluation from the results and samples of one task."""

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.evaluation.errors import UnknownModel, WrongModel
from services.evaluation.imports.form import ImportForm, SavedFile, receive
from services.evaluation.imports.results import Results, read_results
from services.evaluation.imports.samples import read_samples
from services.evaluation.models import Evaluation, Outcome, Scope, Settings
from services.evaluation.runner import REPORT, STATISTICS
from services.evaluation.store import Artifacts, Evaluations
from shared.blobs.artifacts import artifact_uri, key_of, publish
from shared.blobs.manifests import EvaluationManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import derived_id, new_id
from shared.runtime.http.multipart import Multipart

FOLDER = "evaluation-imports"
"""In the scratch folder; holds a folder per import, deleted with it."""


@dataclass(frozen=True)
class Imports:
    """What the API calls."""

    evaluations: Evaluations
    blobs: Blobs
    scratch: Path
    _computing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One at a time: the rows of one may take some hundred megabytes."""

    async def add(self, project: str, form: Multipart) -> tuple[Evaluation, bool]:
        """Store the evaluation, or find the one that the same files gave; return it and whether it is new."""
        with self._folder() as folder:
            fields, files = await receive(form, folder)
            evaluation = await self._planned(project, fields, files)
            if existing := await self.evaluations.find_repeated(evaluation.id, None):
                return _of_the_same_model(existing, evaluation), False
            async with self._computing:
                if existing := await self.evaluations.find_repeated(evaluation.id, None):
                    return _of_the_same_model(existing, evaluation), False  # of an equal import at the same time
                results = await asyncio.to_thread(read_results, files["results"].path, fields.task)
                await self._check_model(project, evaluation.scope.model_id, results)
                outcome = await asyncio.to_thread(_complete, evaluation.scope, results, fields.task, files, folder)
                uri = artifact_uri(project, "evaluations", evaluation.id, "t0")
                events = evaluation.succeed(outcome, uri)
                if not fields.dry_run:
                    await self._publish(evaluation, uri, folder)
                    created = await self.evaluations.create(evaluation, events)
                    evaluation = _of_the_same_model(created, evaluation)
            return evaluation, not fields.dry_run

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = self.scratch / FOLDER / new_id("import")
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _planned(self, project: str, fields: ImportForm, files: dict[str, SavedFile]) -> Evaluation:
        """The evaluation without its rows, under the id that these files have for every model. Raises UnknownModel."""
        uri, model = await Artifacts(self.blobs, project).any_model(fields.model)
        content = [files[name].sha256 for name in ("results", "samples")]
        return Evaluation(
            id=derived_id("evaluation", project, fields.task, *content),
            project=project,
            scope=Scope(
                model_id=model.model_id,
                base=model.base_name or model.base,
                split="",
                rows=0,
                metrics=[],
                compare_base=False,
                settings=Settings(),
            ),
            model_uri=uri,
            base_uri=model.base_uri,
        )

    async def _check_model(self, project: str, model_id: str, results: Results) -> None:
        """Raise WrongModel where the results are of another model that the project has."""
        if not results.model:
            return
        try:
            _, model = await Artifacts(self.blobs, project).any_model(results.model)
        except UnknownModel:
            return  # lm-eval called it by a folder, an alias or a name
        if model.model_id != model_id:
            detail = f"The results are of the model {results.model}, not of {model_id}."
            raise WrongModel(detail, field="model", limit=model.model_id, remedy=f"Import them for {model.model_id}.")

    async def _publish(self, evaluation: Evaluation, uri: str, folder: Path) -> None:
        scope, outcome = evaluation.scope, evaluation.outcome
        manifest = EvaluationManifest(
            evaluation_id=evaluation.id,
            model_id=scope.model_id,
            split=scope.split,
            rows=outcome.evaluated,
            scores=outcome.scores,
            base_scores={},
            signatures=outcome.signatures,
            settings=scope.imported.model_dump() if scope.imported else {},
        )
        files = {name: folder / name for name in (REPORT, STATISTICS)}
        await publish(self.blobs, key_of(uri, evaluation.project), None, manifest.model_dump(), files=files)


def _of_the_same_model(existing: Evaluation, requested: Evaluation) -> Evaluation:
    """The evaluation that the same files gave before. Raises WrongModel where it is another model's."""
    found, model = existing.scope.model_id, requested.scope.model_id
    if found != model:
        detail = f"These files are already the evaluation {existing.id} of the model {found}, and not of {model}."
        remedy = f"Give the files of a run that asked {model}; if {found} is the wrong one, run lm-eval again."
        raise WrongModel(detail, field="model", limit=found, remedy=remedy)
    return existing


def _complete(scope: Scope, results: Results, task: str, files: Mapping[str, SavedFile], folder: Path) -> Outcome:
    """Complete the scope by what the files say, and write the files of the report. scipy is imported here."""
    from services.evaluation.comparison.leaderboard import write_statistics
    from services.evaluation.imports.scores import report

    samples = read_samples(files["samples"].path, files["samples"].name)
    found = report(results, task, samples)
    scope.imported = results.imported(task, samples.generation)
    scope.split, scope.rows = results.split(task), len(found.ids)
    with (folder / REPORT).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found.rows)
    write_statistics(folder / STATISTICS, found.ids, {"tuned": found.statistics})
    return found.outcome
