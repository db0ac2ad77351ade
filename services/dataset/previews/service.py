"""Runs the preview of a file in an engine process, and keeps nothing of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from services.dataset.errors import ValidationFailed
from services.dataset.previews.models import PreviewForm, UploadPreview
from services.dataset.upload_store import Upload, UploadStore
from shared.blobs.protocol import Blobs
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import Limits

ENGINE = "services.dataset.engine.previews.upload:main"
PREVIEW_LIMIT = 16 << 20
"""Bytes of a file, or of its beginning, that are read for a preview."""
LIMITS = Limits(cpu_s=60, memory=4 << 30, file_bytes=1 << 30)


class Previews:
    """Previews of uploads."""

    def __init__(self, blobs: Blobs, engines: Engines, scratch: Path) -> None:
        self._blobs, self._engines, self._scratch = blobs, engines, scratch
        remedy = "Send the beginning of a text file, with complete=false; upload other files without a preview."
        self.uploads = UploadStore(blobs, PREVIEW_LIMIT, remedy)

    async def preview(self, project: str, upload: Upload, form: PreviewForm) -> UploadPreview:
        """Read a received file, and delete it. Raises ValidationFailed where the engine did not finish."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        try:
            local = await self._blobs.local_folder(upload.key.rpartition("/")[0])
            with TemporaryDirectory(dir=self._scratch) as folder:
                return await self._run(project, local / upload.key.rpartition("/")[2], upload, form, Path(folder))
        finally:
            await self.uploads.discard(upload.key)

    async def _run(self, project: str, path: Path, upload: Upload, form: PreviewForm, folder: Path) -> UploadPreview:
        out = folder / "out"
        out.mkdir()
        read = {"options": form.read_options(), "complete": form.complete}
        spec = {"path": str(path), "name": upload.file_name, "out": str(out), **read}
        child = await self._engines.launch(ENGINE, spec, cwd=folder, requires=(), limits=LIMITS, short_for=project)
        last = await child.answer() or {}
        if last.get("kind") != "result":
            detail = last.get("detail", "The engine exited without a result.")
            raise ValidationFailed(detail, remedy="Upload the file without a preview.", cause=last.get("code"))
        return UploadPreview.model_validate(last)
