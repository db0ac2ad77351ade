"""How long a dataset's training rows are in a base's tokens: counted once by an engine child, then remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from services.training.errors import EngineFailed, UnsuitableDataset
from services.training.references import FoundBase
from shared.blobs.artifacts import resolve_model
from shared.blobs.manifests import DatasetManifest
from shared.runtime.resources import Resources

TARGET = "shared.engine.text.lengths:main"
REMEMBERED = 256
"""Datasets, each with a base; what is forgotten is counted again."""
GRAIN = 64

Sample = tuple[int, int, int, int]
"""(tokens, trained tokens, tokens before the first trained one, how many samples are so)."""


@dataclass(frozen=True)
class Lengths:
    """Counted samples of a training split; `refused` rows were among the `counted` that the template does not take."""

    samples: Sequence[Sample]
    counted: int
    refused: int

    def suggested(self, context: int) -> int:
        """The engine's own choice of max_length: the 99th percentile rounded up to 64, at most the context."""
        longest = -(-self._percentile(0.99) // GRAIN) * GRAIN
        return min(longest, context) if context else longest

    def cut(self, max_length: int) -> "Cut":
        """What is left of the samples within so many tokens."""
        kept = [sample for sample in self.samples if sample[1] and sample[2] < max_length]
        sizes = [(min(tokens, max_length), min(trained, max_length), count) for tokens, trained, _, count in kept]
        rows, total = sum(count for *_, count in kept), sum(sample[3] for sample in self.samples)
        tokens = sum(size * count for size, _, count in sizes)
        return Cut(
            rows=rows,
            mean=tokens / rows if rows else 0.0,
            square=sum(size**2 * count for size, _, count in sizes) / rows if rows else 0.0,
            longest=max((size for size, *_ in sizes), default=0),
            trained=sum(trained * count for _, trained, count in sizes) / tokens if tokens else 0.0,
            truncated=sum(count for size, *_, count in kept if size > max_length) / max(1, total),
            untrained=(total - rows) / max(1, total),
        )

    def _percentile(self, share: float) -> int:
        """The smallest length that at least `share` of the samples do not exceed."""
        total, seen = sum(count for *_, count in self.samples), 0
        for tokens, _, _, count in sorted(self.samples):
            seen += count
            if seen >= share * total:
                return tokens
        return GRAIN


@dataclass(frozen=True)
class Cut:
    """Samples after cutting: tokens on average, of the `longest`, the mean of their `square`; else shares."""

    rows: int
    mean: float
    square: float
    longest: int
    trained: float
    truncated: float
    untrained: float


class LengthCounts:
    """Counts on demand; at most one engine child for the same question."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._known: OrderedDict[tuple[str, ...], Lengths] = OrderedDict()
        self._counting: dict[tuple[str, ...], asyncio.Task[Lengths]] = {}

    def known(self, project: str, base: FoundBase, dataset: DatasetManifest) -> Lengths | None:
        """What was counted before."""
        return self._known.get(_key(project, base, dataset))

    async def count(self, project: str, base: FoundBase, dataset: DatasetManifest) -> Lengths:
        """Ask an engine, or remember. Raises UnsuitableDataset where the base cannot render the rows."""
        key = _key(project, base, dataset)
        if known := self._known.get(key):
            return known
        if key not in self._counting:
            task = self._counting[key] = asyncio.create_task(self._count(project, base, dataset))
            task.add_done_callback(lambda _: self._counting.pop(key))
        found = await asyncio.shield(self._counting[key])
        self._known[key] = found
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _count(self, project: str, base: FoundBase, dataset: DatasetManifest) -> Lengths:
        blobs, scratch = self._resources.blobs, self._resources.scratch / "training"
        folder = await blobs.local_folder(f"{project}/datasets/{dataset.dataset_id}/{dataset.version}")
        shards = [str(folder / name) for name in dataset.shards["train"]]
        model = await resolve_model(blobs, base.uri, project)
        scratch.mkdir(parents=True, exist_ok=True)
        spec = {"shards": shards, "rows": dataset.rows["train"], "model": model}
        with TemporaryDirectory(dir=scratch, prefix="lengths-") as workdir:
            child = await self._resources.engines.launch(
                TARGET, spec, cwd=Path(workdir), env={"CUDA_VISIBLE_DEVICES": ""}, requires=("transformers",)
            )
            end = await child.answer()
        if end is None:
            raise EngineFailed("Counting tokens ended without an answer.", field="dataset", remedy="Try again.")
        if end["kind"] == "failed":
            remedy = end.get("remedy") or "Choose another base, or upload the rows in another layout."
            raise UnsuitableDataset(f"The base cannot read the rows: {end['detail']}", field="dataset", remedy=remedy)
        return Lengths([tuple(sample) for sample in end["samples"]], end["counted"], end["refused"])


def _key(project: str, base: FoundBase, dataset: DatasetManifest) -> tuple[str, ...]:
    return project, dataset.dataset_id, dataset.version, base.uri, base.manifest.template_hash
