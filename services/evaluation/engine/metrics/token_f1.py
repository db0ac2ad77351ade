"""Token F1 of SQuAD (Rajpurkar et al. 2016), 0 to 1: the overlap of words without order.

As in SQuAD's script, case, punctuation and the English articles do not count; in other scripts, Unicode punctuation
does not, and text without spaces between words is compared by character.
"""

from collections import Counter

import regex

from services.evaluation.engine.metrics.row_metric import RowMetric
from services.evaluation.engine.metrics.scripts import UNSPACED

_PUNCTUATION = regex.compile(r"[\p{P}$+<=>^`|~]")
_ARTICLES = regex.compile(r"\b(a|an|the)\b")
_TOKEN = regex.compile(rf"[{UNSPACED}\p{{Han}}]\p{{M}}*|[^\s{UNSPACED}\p{{Han}}]+")


def row_token_f1(prediction: str, reference: str) -> dict[str, float]:
    """Compute the F1 of one row; texts of nothing but punctuation and articles must be equal."""
    predicted, expected = _tokens(prediction), _tokens(reference)
    if not predicted or not expected:
        return {"token_f1": float(prediction.strip() == reference.strip())}
    shared = (Counter(predicted) & Counter(expected)).total()
    return {"token_f1": 2 * shared / (len(predicted) + len(expected))}


def _tokens(text: str) -> list[str]:
    found: list[str] = _TOKEN.findall(_ARTICLES.sub(" ", _PUNCTUATION.sub("", text.lower())))
    return found


class TokenF1(RowMetric):
    """{"token_f1": 0..1}."""

    summary = "F1 of words, averaged over rows."
    source = "Rajpurkar et al. 2016, SQuAD"
    row = staticmethod(row_token_f1)
