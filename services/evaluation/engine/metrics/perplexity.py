"""Perplexity over the tokens that training trains on: exp(sum of their negative log-likelihoods / their number)."""

import math

import datasets
import evaluate

LARGEST = 700.0


def perplexity(losses: list[float], tokens: list[int]) -> dict[str, float]:
    """Token-weighted over rows: `losses` in nats summed per row, `tokens` counted per row.

    No score without tokens; a mean above LARGEST counts as LARGEST, since infinity has no JSON form.
    """
    count = sum(tokens)
    if not count:
        return {}
    return {"perplexity": math.exp(min(math.fsum(losses) / count, LARGEST))}


class Perplexity(evaluate.Metric):
    """`compute(predictions=[nats summed over a row], references=[tokens of the row])` -> {"perplexity": from 1}."""

    def _info(self) -> evaluate.MetricInfo:
        numbers = {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
        return evaluate.MetricInfo(
            description="Token-weighted perplexity of the trained tokens.",
            citation="Jelinek et al. 1977",
            inputs_description="Per row the summed negative log-likelihood (nats) and the number of tokens.",
            features=datasets.Features(numbers),
        )

    def _compute(self, predictions: list[float], references: list[int]) -> dict[str, float]:
        return perplexity(predictions, references)
