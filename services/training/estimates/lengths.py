"""Lengths of a dataset's training rows in a base model's tokens, counted once by an engine child and then cached."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from services.training.errors import EngineFailed, UnsuitableDataset
from services.training.references import ResolvedBaseModel
from shared.blobs.artifacts import dataset_folder, resolve_model
from shared.blobs.manifests import DatasetManifest
from shared.runtime.processes.limits import Limits
from shared.runtime.resources import Resources

TARGET = "shared.engine.text.lengths:main"
LIMITS = Limits(cpu_s=1800, memory=16 << 30, file_bytes=1 << 30)
CACHE_SIZE = 256
"""Pairs of a dataset and a base model whose counts are cached."""
LENGTH_STEP = 64

SampleLengths = tuple[int, int, int, int]
"""(tokens, trained tokens, tokens before the first trained one, number of samples like this)."""


@dataclass(frozen=True)
class RowLengths:
    """Counted samples of a training split; the chat template refused `refused` of the `counted` rows."""

    samples: Sequence[SampleLengths]
    counted: int
    refused: int

    def default_max_length(self, context: int) -> int:
        """The engine's default max_length: the 99th percentile rounded up to 64, at most the context."""
        longest = -(-self._percentile(0.99) // LENGTH_STEP) * LENGTH_STEP
        return min(longest, context) if context else longest

    def in_windows(self, window: int) -> "RowLengths":
        """Samples of text as the engine splits them: pieces of `window` tokens, and what is left."""
        pieces: list[SampleLengths] = []
        for tokens, trained, first, count in self.samples:
            if tokens > window:
                pieces.append((window, min(trained, window), min(first, window), count * (tokens // window)))
                tokens, trained, first = tokens % window, min(trained, tokens % window), 0
            if tokens:
                pieces.append((tokens, trained, first, count))
        return replace(self, samples=pieces)

    def truncated_to(self, max_length: int) -> "LengthStats":
        """Statistics of the samples once they are cut to `max_length` tokens, as the engine cuts them."""
        usable = [sample for sample in self.samples if sample[1] and sample[2] < max_length]
        sizes = [(min(tokens, max_length), min(trained, max_length), count) for tokens, trained, _, count in usable]
        rows, total = sum(count for *_, count in usable), sum(sample[3] for sample in self.samples)
        tokens = sum(size * count for size, _, count in sizes)
        return LengthStats(
            rows=rows,
            mean=tokens / rows if rows else 0.0,
            mean_square=sum(size**2 * count for size, _, count in sizes) / rows if rows else 0.0,
            longest=max((size for size, *_ in sizes), default=0),
            trained=sum(trained * count for _, trained, count in sizes) / tokens if tokens else 0.0,
            truncated=sum(count for size, *_, count in usable if size > max_length) / max(1, total),
            untrained=(total - rows) / max(1, total),
        )

    def _percentile(self, share: float) -> int:
        """The length at or above this share, as the engine's `np.percentile(…, method="higher")` finds it."""
        total, seen = sum(count for *_, count in self.samples), 0
        for tokens, _, _, count in sorted(self.samples):
            seen += count
            if seen > math.ceil(round(share * (total - 1), 6)):
                return tokens
        return LENGTH_STEP


@dataclass(frozen=True)
class LengthStats:
    """Tokens of samples after truncation; `trained` is a share of the tokens, `truncated` and `untrained` of the rows.

    `untrained` rows have no token to learn, so they are skipped and count in none of the other values.
    """

    rows: int
    mean: float
    mean_square: float
    longest: int
    trained: float
    truncated: float
    untrained: float


class LengthCounter:
    """Counts on demand, with at most one engine child at a time for the same dataset and base model."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._cache: OrderedDict[tuple[str, ...], RowLengths] = OrderedDict()
        self._counting: dict[tuple[str, ...], asyncio.Task[RowLengths]] = {}

    def cached(
        self, project: str, base: ResolvedBaseModel, dataset: DatasetManifest, splits: Sequence[str], supervised: bool
    ) -> RowLengths | None:
        """The counts of these splits, if they are cached; `supervised`: without rejected answers."""
        return self._cache.get(_key(project, base, dataset, splits, supervised))

    async def count(
        self, project: str, base: ResolvedBaseModel, dataset: DatasetManifest, splits: Sequence[str], supervised: bool
    ) -> RowLengths:
        """The counts, cached or new. Raises UnsuitableDataset where the base model cannot render the rows."""
        key = _key(project, base, dataset, splits, supervised)
        if cached := self._cache.get(key):
            return cached
        if key not in self._counting:
            task = self._counting[key] = asyncio.create_task(self._count(project, base, dataset, splits, supervised))
            task.add_done_callback(lambda _: self._counting.pop(key))
        counted = await asyncio.shield(self._counting[key])  # another caller may wait for the same count
        self._cache[key] = counted
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return counted

    async def _count(
        self, project: str, base: ResolvedBaseModel, dataset: DatasetManifest, splits: Sequence[str], supervised: bool
    ) -> RowLengths:
        blobs, scratch = self._resources.blobs, self._resources.scratch / "training"
        names = [*chain(*(dataset.shards.get(split, ()) for split in splits))]
        folder = await dataset_folder(
            blobs, f"{project}/datasets/{dataset.dataset_id}/{dataset.version}", dataset, names
        )
        shards = [str(folder / name) for name in names]
        model = await resolve_model(blobs, base.uri, project)
        scratch.mkdir(parents=True, exist_ok=True)
        spec = {
            "shards": shards,
            "rows": sum(dataset.rows[split] for split in splits),
            "model": model,
            "skip_unsupported": True,
            "supervised": supervised,
        }
        with TemporaryDirectory(dir=scratch, prefix="lengths-") as workdir:
            child = await self._resources.engines.launch(
                TARGET,
                spec,
                cwd=Path(workdir),
                env={"CUDA_VISIBLE_DEVICES": ""},
                requires=("transformers",),
                limits=LIMITS,
                short_for=project,
            )
            end = await child.answer()
        if end is None:
            raise EngineFailed("Counting tokens ended without a result.", field="dataset", remedy="Try again.")
        if end["kind"] == "failed":
            remedy = end.get("remedy") or "Choose another base model, or upload the rows with other columns."
            raise UnsuitableDataset(
                f"The base model cannot read the rows: {end['detail']}", field="dataset", remedy=remedy
            )
        return RowLengths([tuple(sample) for sample in end["samples"]], end["counted"], end["refused"])


def _key(
    project: str, base: ResolvedBaseModel, dataset: DatasetManifest, splits: Sequence[str], supervised: bool
) -> tuple[str, ...]:
    template = base.manifest.template_hash
    return project, dataset.dataset_id, dataset.version, base.uri, template, str(supervised), *splits
