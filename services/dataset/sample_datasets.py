"""The sample datasets that come with the platform, in `samples/`."""

from pathlib import Path

from services.dataset.views import Sample
from shared.runtime.errors import NotFound

FOLDER = Path(__file__).with_name("samples")


def list_samples() -> list[Sample]:
    """Return every sample dataset, sorted by name."""
    return [_describe(path) for path in sorted(FOLDER.glob("*.jsonl"))]


def sample_path(name: str) -> Path:
    """Return the file of a sample dataset. Raises NotFound."""
    paths = {path.name: path for path in FOLDER.glob("*.jsonl")}
    if name not in paths:
        raise NotFound(
            f"There is no sample dataset {name!r:.80}.",
            field="name",
            limit=sorted(paths),
            remedy="GET /datasets/samples",
        )
    return paths[name]


def _describe(path: Path) -> Sample:
    content = path.read_bytes()
    return Sample(name=path.name, size=len(content), rows=content.count(b"\n"), url=f"/datasets/samples/{path.name}")
