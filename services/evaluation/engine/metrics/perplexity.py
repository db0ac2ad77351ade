"""Perplexity (Jelinek et al. 1977) over the trained tokens: exp(sum of NLL in nats / number of tokens), from 1."""

import math

import datasets
import evaluate

from services.evaluation.comparison.scores import MAX_MEAN_NLL


def perplexity(losses: list[float], tokens: list[int]) -> dict[str, float]:
    """Compute token-weighted perplexity from each row's summed NLL (nats) and number of tokens.

    Returns no score without tokens. The mean NLL is capped at MAX_MEAN_NLL.
    """
    count = sum(tokens)
    if not count:
        return {}
    return {"perplexity": math.exp(min(math.fsum(losses) / count, MAX_MEAN_NLL))}


class Perplexity(evaluate.Metric):
    """`compute(predictions=[nats summed over a row], references=[tokens of the row])` -> {"perplexity": from 1}."""

    def _info(self) -> evaluate.MetricInfo:
        numbers = {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
        return evaluate.MetricInfo(
            description="Token-weighted perplexity of the trained tokens.",
            citation="Jelinek et al. 1977, Perplexity: a measure of the difficulty of speech recognition tasks",
            inputs_description="Per row the summed negative log-likelihood (nats) and the number of tokens.",
            features=datasets.Features(numbers),
        )

    def _compute(self, predictions: list[float], references: list[int]) -> dict[str, float]:
        return perplexity(predictions, references)
