"""Form and response of a preview."""

from typing import Any

from pydantic import BaseModel, Field

from services.dataset.formats import Encoding
from services.dataset.models import Options, Report, UploadForm


class PreviewForm(UploadForm):
    """The form fields of an upload, and how much of the file is sent."""

    detect_encoding: bool = Field(
        default=True, description="guess the encoding of text files; false: they are in `encoding`"
    )
    complete: bool = Field(
        default=True,
        description="false: only the beginning of the file is sent; its last row may be cut and is not read",
    )

    def read_options(self) -> dict[str, Any]:
        """The options as the engine takes them; an encoding of None is detected."""
        options = self.options().model_dump(mode="json")
        return options | ({"encoding": None} if self.detect_encoding else {})

    def options(self) -> Options:
        """The options of the upload. Raises InvalidInput."""
        form = self.model_dump(include=set(UploadForm.model_fields))
        return UploadForm.model_construct(**form).options()


class PreviewedRow(BaseModel):
    """A row of the file, and what it becomes."""

    source: str = Field(description="file:line")
    raw: Any = Field(
        description="the row as the file has it: an object with its columns, or text that cannot be parsed"
    )
    row: dict[str, Any] | None = Field(
        description="the normalized row; null: it is rejected, or nothing can be read yet"
    )
    reason: str | None = Field(description="why the row is rejected")
    shortened: bool = Field(description="it is long: texts end with … after 2,000 characters, lists after 1,000 items")


class PreviewProblem(BaseModel):
    """Why the upload would be refused, or, with the code `first_row_cut`, why that cannot be said."""

    code: str
    detail: str
    field: str | None = None
    remedy: str | None = None


class Suggestion(BaseModel):
    """A mapping for a layout, by names that mean the same."""

    layout: str
    mapping: dict[str, str] = Field(description="required column of the layout -> column of the file, as far as found")


class UploadPreview(BaseModel):
    """How the upload of a file would be read."""

    encoding: Encoding | None = Field(description="encoding of the text files; null: there is none")
    delimiter: str | None = Field(description="of the first file, where it is a table of text")
    columns: list[str] = Field(description="columns of the first rows")
    layout: str | None = Field(description="the layout of these columns with the mapping; null: none matches")
    suggestions: list[Suggestion] = Field(description="one for every layout")
    rows: list[PreviewedRow] = Field(description="the first 20 rows")
    report: Report | None = Field(description="of the part that was sent; null where its columns match no layout")
    problem: PreviewProblem | None = Field(description="why the upload would be refused; null: it would not")
