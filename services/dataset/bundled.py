"""The small datasets that come with the platform, in `samples/`."""

from pathlib import Path

from services.dataset.views import Sample
from shared.runtime.errors import NotFound

FOLDER = Path(__file__).with_name("samples")


def samples() -> list[Sample]:
    """Every bundled sample, by name."""
    return [_sample(path) for path in sorted(FOLDER.glob("*.jsonl"))]


def sample_path(name: str) -> Path:
    """The file of a sample; raises NotFound."""
    found = {path.name: path for path in FOLDER.glob("*.jsonl")}
    if name not in found:
        raise NotFound(
            f"There is no sample {name!r:.80}.", field="name", limit=sorted(found), remedy="GET /datasets/samples"
        )
    return found[name]


def _sample(path: Path) -> Sample:
    content = path.read_bytes()
    return Sample(name=path.name, size=len(content), rows=content.count(b"\n"), url=f"/datasets/samples/{path.name}")
