"""Requests and responses of curation."""

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from services.dataset.views import Split

MAX_EXCLUDED = 100_000
WHERE = r"^[^=]{1,100}=.{0,100}$"
Kind = Literal["changed", "removed", "added", "moved"]


class ExcludeRequest(BaseModel):
    """Which rows to leave out: by their ids, or all that match the search."""

    model_config = {"extra": "forbid"}

    version: str | None = Field(default=None, description="the version to start from; default: the current one")
    rows: list[int] = Field(
        default=[], max_length=MAX_EXCLUDED, description="`row_id` of rows, as the preview of that version shows them"
    )
    search: str | None = Field(
        default=None, min_length=1, max_length=500, description="rows with this text, regardless of case"
    )
    where: str | None = Field(
        default=None, pattern=WHERE, description="column=value: rows with this value in one of `kept_columns`"
    )
    split: Split | None = Field(default=None, description="limits search and where to this split; default: all")

    @model_validator(mode="after")
    def _some_rows(self) -> "ExcludeRequest":
        if not self.rows and self.search is None and self.where is None:
            raise ValueError("give rows, search or where")
        return self


class DeduplicateRequest(BaseModel):
    """Which repetitions to leave out."""

    model_config = {"extra": "forbid"}

    version: str | None = Field(default=None, description="the version to start from; default: the current one")
    near: bool = Field(
        default=False,
        description="also rows that nearly equal another one: 80 % of their runs of three words; at most 200,000 rows",
    )


class LocatedRow(BaseModel):
    """A normalized row of a version."""

    row_id: int
    split: Split
    source: str = Field(description="file:line")
    row: dict[str, Any]


class DifferingRow(BaseModel):
    """A row that differs between two versions."""

    kind: Kind
    before: LocatedRow | None = Field(description="null: added")
    after: LocatedRow | None = Field(description="null: removed")


class Difference(BaseModel):
    """The difference between two versions of a dataset."""

    before: str = Field(description="the earlier version")
    after: str = Field(description="the later version")
    added: int
    removed: int
    changed: int = Field(description="rows with the same prompt, and another answer or another loss mask")
    moved: int = Field(description="equal rows in another split")
    unchanged: int
    total: int = Field(description="differing rows, of the requested kind")
    rows: list[DifferingRow] = Field(description="[offset, offset + limit), by kind: changed, removed, added, moved")


class Excerpt(BaseModel):
    """The beginning of a row's text."""

    row_id: int
    split: Split
    source: str = Field(description="file:line")
    text: str


class SimilarRows(BaseModel):
    """Two rows that nearly equal each other."""

    similarity: float = Field(description="estimated Jaccard similarity of their runs of three words, 0 to 1")
    rows: list[Excerpt] = Field(description="the earlier row and the other one")


class Overlap(BaseModel):
    """Rows of a held-out split whose prompt is in train."""

    split: Split
    rows: int = Field(description="rows of the split")
    exact: int = Field(description="rows whose prompt equals one of train")
    near: int | None = Field(description="further rows whose prompt nearly equals one of train; null: too many rows")
    examples: list[SimilarRows] = Field(description="at most 20: the row of train and the held-out one")


class Duplicates(BaseModel):
    """Equal and nearly equal rows of a version."""

    version: str
    rows: int
    exact: int = Field(description="rows equal to an earlier one")
    near: int | None = Field(description="further rows that nearly equal an earlier one; null: above 200,000 rows")
    examples: list[SimilarRows] = Field(description="at most 20 pairs of near-duplicates, the most similar first")
    overlap: list[Overlap] = Field(description="of the splits test and validation with train")
