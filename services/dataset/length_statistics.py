"""Statistics of token lengths: percentiles, a histogram, and how many samples a maximum length truncates."""

from collections.abc import Sequence
from typing import Any

from services.dataset.views import Bucket, SplitTokens, Statistics

MAX_BUCKETS = 24
LENGTH_MULTIPLE = 64
"""The suggested maximum length is a multiple of this many tokens."""

Sample = tuple[int, int, int, int]
"""(tokens, trained tokens, tokens before the first trained one, number of samples like this)."""


def compute_statistics(
    counts: dict[str, Any], version: str, base: str, max_length: int | None, context: int | None
) -> Statistics:
    """Compute the statistics for a limit of `max_length` tokens (default: the suggested one).

    The suggested limit is the 99th percentile, rounded up, and at most `context` tokens.
    """
    samples: list[Sample] = [tuple(sample) for sample in counts["samples"]]
    by_length = [(tokens, count) for tokens, _, _, count in samples]
    total = sum(count for _, count in by_length)
    suggested = -(-percentile(by_length, 0.99) // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    suggested = min(suggested, context) if context else suggested
    limit = max_length or suggested
    tokens = sum(length * count for length, count in by_length)
    return Statistics(
        version=version,
        base=base,
        rows=counts["rows"],
        counted=counts["counted"],
        refused=counts["refused"],
        splits=[_split_tokens(split, found) for split, found in counts["splits"].items()],
        tokens=tokens,
        trained_tokens=sum(trained * count for _, trained, _, count in samples),
        mean=round(tokens / total, 1) if total else 0.0,
        p50=percentile(by_length, 0.5),
        p90=percentile(by_length, 0.9),
        p99=percentile(by_length, 0.99),
        max=max((length for length, _ in by_length), default=0),
        histogram=histogram(by_length),
        max_length=limit,
        suggested_max_length=suggested,
        cut=sum(count for length, count in by_length if length > limit),
        untrained=sum(count for _, trained, first, count in samples if first >= limit or not trained),
    )


def _split_tokens(split: str, counts: dict[str, Any]) -> SplitTokens:
    scale = counts["rows"] / counts["counted"] if counts["counted"] else 0.0
    tokens, trained = (round(scale * sum(s[index] * s[3] for s in counts["samples"])) for index in (0, 1))
    fields = {name: counts[name] for name in ("rows", "counted")}
    return SplitTokens.model_validate({"split": split, "tokens": tokens, "trained_tokens": trained, **fields})


def percentile(by_length: Sequence[tuple[int, int]], share: float) -> int:
    """Return the nearest-rank percentile: the smallest length that `share` of the samples do not exceed; 0 of none."""
    total, seen = sum(count for _, count in by_length), 0
    for length, count in by_length:
        seen += count
        if seen >= share * total:
            return length
    return 0


def histogram(by_length: Sequence[tuple[int, int]]) -> list[Bucket]:
    """Return buckets of equal width from 0 to the longest sample, at most MAX_BUCKETS."""
    longest = max((length for length, _ in by_length), default=0)
    if not longest:
        return []
    width = longest // MAX_BUCKETS + 1
    buckets = [Bucket(start=i * width, end=(i + 1) * width, rows=0) for i in range(longest // width + 1)]
    for length, count in by_length:
        buckets[length // width].rows += count
    return buckets
