"""Manifests of artifacts: the only data that a service reads of another service's work.

Artifact folders and their keys (without the project in front):

- `datasets/<dataset_id>/<version>/`: `train-00000.parquet …`, `validation-00000.parquet …`,
  `test-00000.parquet …`, `rejected.jsonl`
- `datasets/<dataset_id>/latest.json`: `{"version": …}`, the one mutable file: which version a bare dataset id means
- `models/base/<model_id>/`: a base model's files (the bundled one under the project `_shared`)
- `models/custom/<model_id>/`: a tuned model's files: an adapter folder (peft) or full weights
- `exports/<export_id>/`, `evaluations/<evaluation_id>/`

Parquet shards have the columns `row_id: int64` (ordinal in the upload), `source: string` ("file:line") and
`row: string`, the JSON of one normalized row: `{"text": …}`, or `{"messages": [{role, content, …}], "tools"?: […]}`, or
`{"messages": <prompt>, "chosen": [messages], "rejected": [messages]}`. `columns: string`, which older shards lack, is
empty or the JSON of an object: short values of further columns of the upload.
"""

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class FileEntry(BaseModel):
    """One file of an artifact; `name` is relative to its folder, `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """Fields of every manifest. `traceparent` continues the trace of the work that made it."""

    model_config = ConfigDict(extra="ignore")
    files: list[FileEntry] = []
    traceparent: str | None = None

    @property
    def fingerprint(self) -> str | None:
        """sha256 of `sha256sum`'s output over the files in order of their names; None without files."""
        lines = [f"{file.sha256}  {file.name}\n" for file in sorted(self.files, key=lambda file: file.name)]
        return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


class Feature(BaseModel):
    """A property of rows that not every chat template can show, and how many rows have it."""

    rows: int = Field(description="rows with the property")
    example: str = Field(description="file:line of the first one")


class DatasetManifest(Manifest):
    """A dataset version. `rows` and `shards` are by split; `digest` is the sha256 of the uploaded bytes and options.

    `features` are what its rows outside the test split need from a chat template, by the names of
    shared/engine/text/features.py. `columns` are the further columns of the upload whose values rows keep.
    """

    dataset_id: str
    version: str
    name: str
    form: Literal["text", "messages", "preference", "unpaired"]
    layout: str
    features: dict[str, Feature] = {}
    columns: list[str] = []
    rows: dict[str, int]
    shards: dict[str, list[str]]
    rejected: int = 0
    duplicates: int = 0
    digest: str = ""

    @property
    def training_splits(self) -> list[str]:
        """The splits that training may read: the test split is for evaluations alone."""
        return [split for split in self.rows if split != "test"]


class ModelShape(BaseModel):
    """The dimensions that determine a decoder's memory and speed; `stored` is bytes per weight on disk.

    Dimensions that its config omits are derived from the others. Each layer of a mixture has `experts` of `expert_mlp`
    hidden units, of which `experts_per_token` compute a token; all 0 in other models, and in older manifests.
    """

    parameters: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    mlp: int
    vocab: int
    tied: bool
    stored: float
    experts: int = 0
    expert_mlp: int = 0
    experts_per_token: int = 0


class ModelManifest(Manifest):
    """A base or custom model. An adapter needs `base_uri`; a base registered in place has its folder in `location`.

    `step`: the step of `job_id`'s checkpoint that it was made of; None: it is the job's result.
    `base`: id or hub id of its base model; `base_name`: the name of that, None for models from versions before it.

    `has_template`: it has a chat template; `template_features`: the features of rows that its template shows
    (shared/engine/text/features.py); `ends`: its template trains the end-of-turn token. These, and `shape`, are None
    for models from versions that did not record them.
    """

    model_id: str
    name: str
    kind: Literal["full", "adapter"]
    base: str | None = None
    base_name: str | None = None
    base_uri: str | None = None
    location: str | None = None
    architecture: str = ""
    parameters: int = 0
    context_length: int = 0
    template_hash: str = ""
    job_id: str | None = None
    step: int | None = None
    method: str | None = None
    dataset_id: str | None = None
    dataset_version: str | None = None
    dataset_uri: str | None = None
    max_length: int | None = None
    shape: ModelShape | None = None
    has_template: bool | None = None
    template_features: list[str] | None = None
    ends: bool | None = None
    metrics: dict[str, float] = {}
    provenance: dict[str, Any] = {}

    @property
    def trained_splits(self) -> frozenset[str]:
        """The splits of its dataset that it was trained on: a job that validates on another dataset trains on both."""
        validates_elsewhere = "validation" in (self.provenance.get("request") or {})
        return frozenset(("train", "validation") if validates_elsewhere else ("train",))

    @property
    def hub_id(self) -> str | None:
        """The Hugging Face repository of a model from there."""
        return self.provenance.get("origin") if self.provenance.get("source") == "hub" else None


class ArchiveMember(FileEntry):
    """A file inside an export's archive, stored uncompressed from byte `offset`."""

    offset: int


class ExportManifest(Manifest):
    """A checked export in one archive: `check` holds the comparison and the largest difference."""

    export_id: str
    model_id: str
    format: str
    check: dict[str, Any]
    template_hash: str = ""
    members: list[ArchiveMember] = []


class EvaluationManifest(Manifest):
    """A finished evaluation: scores of the tuned model and of its base; `predictions.jsonl` lies beside."""

    evaluation_id: str
    model_id: str
    split: str
    rows: int
    scores: dict[str, float]
    base_scores: dict[str, float]
    signatures: dict[str, str] = {}
    dataset_uri: str = ""
    settings: dict[str, Any] = {}
