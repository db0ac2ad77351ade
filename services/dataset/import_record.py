"""An import as stored: its source, its progress, and the version that it became."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from services.dataset.models import Options, Origin
from shared.documents.entities import now
from shared.events.dataset import ImportFailed, ImportSucceeded
from shared.events.envelope import Event
from shared.runtime.jobs.work import Work


class DatasetImport(Work):
    """A download from a source, which ends when the file is handed to the validation of uploads."""

    NOUN: ClassVar[str] = "import"
    LISTED_AT: ClassVar[str] = "/datasets/imports"

    origin: Origin = Field(description="where the dataset comes from")
    name: str | None = Field(default=None, description="the dataset's name; null: the file name")
    options: Options = Field(description="how the file is read")
    secret: str | None = Field(
        default=None,
        description="access token or address with its key, encrypted; removed as soon as the download ends",
    )
    secret_kind: str | None = Field(default=None, description="kind of that secret; kept after its end")
    bytes_done: int = Field(default=0, description="bytes downloaded")
    bytes_total: int | None = Field(default=None, description="bytes to download; null: unknown")
    dataset_id: str | None = Field(default=None, description="the dataset, once downloaded")
    dataset_version_id: str | None = Field(default=None, description="document of the version, once downloaded")

    def on_failed(self) -> Sequence[Event]:
        """The event; a secret is deleted as soon as it is not needed."""
        self.secret = None
        cause, detail = self.cause or "", self.detail or ""
        return [ImportFailed(import_id=self.id, cause=cause, detail=detail, secret=self.secret_kind)]

    def on_cancelled(self) -> Sequence[Event]:
        """No event: its owner's request is recorded."""
        self.secret = None
        return ()

    def finish(self, origin: Origin, dataset_id: str, version_id: str) -> Sequence[Event]:
        """Its file is being validated as this version."""
        self.state, self.finished_at, self.runner, self.secret = "succeeded", now(), None, None
        self.origin, self.dataset_id, self.dataset_version_id = origin, dataset_id, version_id
        return [ImportSucceeded(import_id=self.id, dataset_id=dataset_id, secret=self.secret_kind)]

    def form(self) -> dict[str, Any]:
        """The fields of an upload's form."""
        return {"name": self.name, **self.options.model_dump()}
