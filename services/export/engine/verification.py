"""Verifies that an export equals the tuned model, within limits per format: the export gate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from services.export.engine.prompts import NEW_TOKENS, Prompts
from services.export.engine.runtimes import LogProbs, Outputs

_LEAST_REST = 1e-6
"""Of the probability of tokens that are not reported: sums of rounded probabilities may exceed 1."""
VERIFIED, DRIFTED, UNVERIFIED = "verified", "drifted", "unverified"
MIN_PROMPTS_FOR_AGREEMENT = 16
"""With fewer, the agreement of quantized formats is not limited: one early other token decides a whole answer."""


@dataclass(frozen=True)
class Limits:
    """Limits of an export's differences; None: not limited.

    `max_difference` and `mean_difference` are of log-probabilities, in nats; `kl_divergence` is the mean of that of
    the next token's distribution, in nats; `agreement` is the smallest share of greedy tokens that are equal, counted
    until an answer differs; `perplexity_ratio` is that of export to tuned model.
    """

    max_difference: float | None
    mean_difference: float
    kl_divergence: float | None
    agreement: float | None
    perplexity_ratio: float


LIMITS: Mapping[str, Limits] = {
    "float32": Limits(0.05, 0.002, None, 0.99, 1.002),
    "float16": Limits(0.5, 0.01, None, 0.9, 1.01),
    "bfloat16": Limits(2.0, 0.05, None, 0.75, 1.02),
    "q8_0": Limits(None, 0.2, 0.01, 0.5, 1.02),
    "q6_k": Limits(None, 0.3, 0.02, 0.4, 1.05),
    "q5_k_m": Limits(None, 0.7, 0.1, 0.15, 1.15),
    "q4_k_m": Limits(None, 0.8, 0.15, 0.15, 1.25),
}
"""By dtype of the weights. docs/guides/export.md explains the choice."""


def compare(
    tuned: Outputs, export: Outputs, prompts: Prompts, dtype: str, method: str, faults: Sequence[str] = ()
) -> dict[str, Any]:
    """Compare an export's outputs with the tuned model's: the `check` of the manifest.

    `faults` are differences of text found elsewhere, such as in the chat template; each makes the export a drifted one.
    """
    limits, found = LIMITS[dtype], differences(tuned, export)
    if limits.kl_divergence is not None and len(prompts.ids) < MIN_PROMPTS_FOR_AGREEMENT:
        limits = replace(limits, agreement=None)
    causes = [*_exceeded(found, limits), *faults]
    return {
        "verdict": DRIFTED if causes else VERIFIED,
        "passed": not causes,
        "method": method,
        "dtype": dtype,
        "prompts": len(prompts.ids),
        "prompts_from": prompts.source,
        "new_tokens": NEW_TOKENS,
        "equal_greedy_tokens": tuned.answers == export.answers,
        **{name: _finite(value) for name, value in found.items()},
        "limits": {name: value for name, value in asdict(limits).items() if value is not None},
        **({"causes": causes} if causes else {}),
    }


def differences(tuned: Outputs, export: Outputs) -> dict[str, float]:
    """The figures that are limited, and the perplexity of both on the reference answers, if there are any."""
    compared = list(_compared_steps(tuned, export))
    steps = [difference for pair in compared for difference in _step_differences(*pair)]
    pairs = list(zip(tuned.answers, export.answers, strict=True))
    tokens = sum(max(len(a), len(b)) for a, b in pairs)
    found = {
        "max_difference": max(steps, default=0.0),
        "mean_difference": _mean(steps),
        "kl_divergence": _mean([_kl_divergence(*pair) for pair in compared]),
        "agreement": sum(_equal_tokens(a, b) for a, b in pairs) / tokens if tokens else 1.0,
        "perplexity_ratio": math.exp(min(_mean(tuned.references) - _mean(export.references), 100.0)),
    }
    if export.references:
        found |= {"perplexity": _perplexity(export), "perplexity_of_tuned_model": _perplexity(tuned)}
    return found


def unverified(dtype: str, reason: str) -> dict[str, Any]:
    """The `check` of an export that could not be compared, because its runtime is not installed."""
    return {"verdict": UNVERIFIED, "passed": False, "method": reason, "dtype": dtype}


def _exceeded(found: Mapping[str, float], limits: Limits) -> Iterator[str]:
    for name, limit in asdict(limits).items():
        value = found[name]
        within = limit is None or (value >= limit if name == "agreement" else value <= limit)
        if not (within and math.isfinite(value)):
            yield f"{name.replace('_', ' ')} {value:.4g} (limit {limit})"


def _compared_steps(tuned: Outputs, export: Outputs) -> Iterator[tuple[LogProbs, LogProbs]]:
    """The likeliest next tokens of both, at all steps whose text before is equal in both answers."""
    for row, steps in enumerate(export.steps):
        equal = _equal_tokens(tuned.answers[row], export.answers[row])
        yield from zip(tuned.steps[row][: equal + 1], steps[: equal + 1], strict=False)


def _step_differences(expected: LogProbs, actual: LogProbs) -> Iterator[float]:
    """Absolute differences of log-probabilities.

    A token that is not among the tuned model's likeliest is at most as likely there as the last of them.
    """
    least = min(expected.values())
    for token, value in actual.items():
        if not math.isfinite(value):
            yield math.inf
        elif token in expected:
            yield abs(value - expected[token])
        else:
            yield max(value - least, 0.0)


def _kl_divergence(expected: LogProbs, actual: LogProbs) -> float:
    """The divergence of the export's next token from the tuned model's, with the tokens that it does not report as one.

    Joining tokens makes the divergence smaller, never larger.
    """
    if not all(map(math.isfinite, actual.values())):
        return math.inf
    least = min(expected.values())
    pairs = [(expected.get(token, min(value, least)), value) for token, value in actual.items()]
    rest, found = (max(1 - math.fsum(map(math.exp, values)), _LEAST_REST) for values in zip(*pairs, strict=True))
    return math.fsum(math.exp(p) * (p - q) for p, q in pairs) + rest * math.log(rest / found)


def _equal_tokens(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _perplexity(outputs: Outputs) -> float:
    return math.exp(min(-_mean(outputs.references), 100.0))


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
