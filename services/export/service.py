"""Use cases of exports: start, show, list, download, restart, cancel, delete."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from services.export.downloads import Download
from services.export.errors import (
    Drifted,
    NoAdapter,
    NotBuilt,
    NotQuantized,
    QuantizerMissing,
    StillRunning,
    UnknownFile,
)
from services.export.models import (
    ADAPTER_FORMATS,
    ARCHIVE,
    GGUF_FORMATS,
    K_QUANTS,
    Export,
    Format,
    ModelName,
    Quantization,
    Target,
)
from services.export.store import Exports, find_custom_model
from shared.blobs.artifacts import delete_artifact, key_of
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore, Page, derived_id, now
from shared.events.envelope import Event
from shared.events.export import ExportDeleted, ExportRequested
from shared.events.training import ModelRenamed
from shared.runtime.errors import NotFound
from shared.runtime.jobs.uses import Uses
from shared.runtime.jobs.worker import Worker
from shared.runtime.telemetry.tracing import continuing


@dataclass(frozen=True)
class ExportService:
    """What the API and the event handlers call."""

    exports: Exports
    names: EntityStore[ModelName]
    blobs: Blobs
    worker: Worker[Export]
    uses: Uses[Export]
    can_quantize: bool = False
    """Whether llama.cpp is installed."""

    async def find(
        self, project: str, model_id: str, form: Format, quantization: Quantization | None = None
    ) -> Export | None:
        """Return the export of this model in this format, or None.

        Raises UnknownModel, NoAdapter, NotQuantized or QuantizerMissing.
        """
        _, model = await find_custom_model(self.blobs, project, model_id)
        kind = self._require_format(model, form, quantization)
        where = {"target.model_id": model_id, "target.format": form, **({"target.quantization": kind} if kind else {})}
        found = await self.exports.for_project(project).find(where, limit=1)
        return found[0] if found else None

    async def ensure(
        self,
        project: str,
        model_id: str,
        form: Format,
        quantization: Quantization | None = None,
        *,
        job_id: str | None = None,
    ) -> Export:
        """Return the export of this model in this format; queue one if there is none."""
        if existing := await self.find(project, model_id, form, quantization):
            return existing
        uri, model = await find_custom_model(self.blobs, project, model_id)
        name, kind = await self._name(project, model), self._require_format(model, form, quantization)
        file = _file_name(name, model_id, f"{form}-{kind}" if kind else form)
        export = await self._create(
            Export(
                id="",
                project=project,
                target=Target(model_id=model_id, name=file, format=form, quantization=kind),
                model_uri=uri,
                model_name=name,
                job_id=job_id,
                traceparent=continuing(model.traceparent, "request export"),
            )
        )
        self.worker.wake()
        return export

    async def _name(self, project: str, model: ModelManifest) -> str:
        """Return the model's current name: its manifest keeps the first."""
        found = await self.names.for_project(project).find({"_id": model.model_id}, limit=1)
        return found[0].name if found else model.name

    async def rename_model(self, event: ModelRenamed, project: str, version: int) -> None:
        """Remember a model's new name for its next exports. Idempotent, in any order."""
        await self.names.create(ModelName(id=event.model_id, project=project, name=event.name))
        await self.names.change(event.model_id, lambda model: model.rename(event.name, version))

    async def _create(self, export: Export) -> Export:
        """Insert an export under an id derived from model and format, so that concurrent requests create only one.

        The id of a deleted export stays reserved for a day; a request takes the next one. A redelivered event of a
        training job does not: its export was deleted on purpose. Raises NotFound then.
        """
        target = export.target
        for generation in range(1) if export.job_id else count():
            kind = [target.quantization] if target.quantization else []
            export.id = derived_id("export", export.project, target.model_id, target.format, *kind, str(generation))
            try:
                await self.uses.add(export)
                return await self.exports.create(export, [ExportRequested(export_id=export.id)])
            except NotFound:
                continue
        raise NotFound("The export was deleted.")

    async def start(
        self, project: str, model_id: str, form: Format, quantization: Quantization | None, *, key: str | None
    ) -> Export:
        """Start an export. A failed or cancelled one is restarted, once per Idempotency-Key."""
        export = await self.ensure(project, model_id, form, quantization)
        event_id = f"key:{key}" if key else None
        await self.uses.add(export)
        started = await self.exports.change(export.id, lambda e: e.restart(), event_id=event_id)
        await self.uses.remove_if_final(started)
        self.worker.wake()
        return started

    async def get(self, project: str, id: str) -> Export:
        """Return an export."""
        return await self.exports.for_project(project).get(id)

    async def page(self, project: str, model_id: str | None, limit: int, cursor: str | None) -> Page[Export]:
        """Return a page of exports of one model or all, newest first."""
        where = {"target.model_id": model_id} if model_id else None
        return await self.exports.for_project(project).page(where, limit=limit, cursor=cursor)

    async def cancel(self, project: str, id: str) -> Export:
        """Cancel an export: a queued one ends at once, a running one within seconds."""
        cancelled = await self.exports.for_project(project).change(id, lambda e: e.request_cancel())
        await self.uses.remove_if_final(cancelled)
        self.worker.nudge(id)
        return cancelled

    async def delete(self, project: str, id: str) -> None:
        """Delete an export and its files. Raises StillRunning."""
        await self.exports.for_project(project).change(id, _mark_deleted)
        await delete_artifact(self.blobs, f"{project}/exports/{id}")

    def archive(self, export: Export, *, accept_drift: bool) -> Download:
        """Return the whole export as one zip. Raises NotBuilt, StillRunning or Drifted."""
        key = _artifact_key(export, accept_drift)
        file = export.result.archive
        assert file is not None
        return Download(self.blobs, f"{key}/{ARCHIVE}", 0, file.size, file.sha256, export.target.name)

    def member(self, export: Export, name: str, *, accept_drift: bool) -> Download:
        """Return one file, as a range of the archive, whose members are not compressed.

        Raises UnknownFile, NotBuilt, StillRunning or Drifted.
        """
        key = _artifact_key(export, accept_drift)
        file = next((member for member in export.result.members if member.name == name), None)
        if file is None:
            names = [member.name for member in export.result.members]
            remedy = f"GET /exports/{export.id} lists the files."
            raise UnknownFile(f"The export has no file {name!r}.", field="name", limit=names, remedy=remedy)
        last = name.rpartition("/")[2]
        return Download(self.blobs, f"{key}/{ARCHIVE}", file.offset, file.size, file.sha256, last)

    def _require_format(
        self, model: ModelManifest, form: Format, quantization: Quantization | None
    ) -> Quantization | None:
        """The quantization, f16 by default for GGUF. Raises NoAdapter, NotQuantized or QuantizerMissing."""
        if form in ADAPTER_FORMATS and model.kind != "adapter":
            remedy = "Use the format torch: the model has only full weights."
            detail = f"Model {model.model_id} was trained in full and has no adapter."
            raise NoAdapter(detail, field="format", limit=["torch", "onnx", "gguf"], remedy=remedy)
        if form not in GGUF_FORMATS:
            if quantization:
                remedy = "Leave quantization out, or use the format gguf."
                raise NotQuantized(
                    f"{form} has no quantization.", field="quantization", limit=list(GGUF_FORMATS), remedy=remedy
                )
            return None
        kind = quantization or "f16"
        if form == "gguf_adapter" and kind not in ("f32", "f16"):
            remedy = "Use f16, and quantize the base model alone."
            raise NotQuantized(
                f"A LoRA adapter is not stored in {kind}.", field="quantization", limit=["f32", "f16"], remedy=remedy
            )
        if kind in K_QUANTS and not self.can_quantize:
            remedy = "Run make llama-cpp and set ANNEAL_LLAMA_CPP_PYTHON to .venv-llama-cpp/bin/python, or use q8_0."
            raise QuantizerMissing(f"{kind} is made by llama.cpp, which is not installed.", remedy=remedy)
        return kind


def _mark_deleted(export: Export) -> Sequence[Event]:
    if not export.final:
        remedy = f"POST /exports/{export.id}/cancel first."
        raise StillRunning(f"The export is {export.state}.", field="state", limit="ended", remedy=remedy)
    export.deleted_at = now()
    return [ExportDeleted(export_id=export.id)]


def _file_name(name: str, model_id: str, form: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or model_id
    return f"{slug}-{form.replace('_', '-')}.zip"


def _artifact_key(export: Export, accept_drift: bool) -> str:
    if export.state in ("failed", "cancelled"):
        remedy = f"POST /models/custom/{export.target.model_id}/exports with format {export.target.format} restarts it."
        detail = f"The export has {export.state}. {export.detail or ''}".strip()
        raise NotBuilt(detail, cause=export.cause, export_id=export.id, remedy=remedy)
    if export.export_uri is None:
        remedy = f"GET /exports/{export.id} until its state is succeeded."
        raise StillRunning(f"The export is {export.state}.", field="state", limit="succeeded", remedy=remedy)
    if export.result.verdict == "drifted" and not accept_drift:
        causes = "; ".join(export.result.check.get("causes", []))
        remedy = f"GET /exports/{export.id} shows the figures. Use more precision, or add accept_drift=true."
        raise Drifted(f"The export differs from the tuned model: {causes}.", field="accept_drift", remedy=remedy)
    return key_of(export.export_uri, export.project)
