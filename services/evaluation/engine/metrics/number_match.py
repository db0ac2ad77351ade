"""Number match, 0 to 1: the share of answers with the final number of the reference, as in GSM8K (Cobbe et al. 2021).

The final number is the first one after `####`; without this mark, it is the last number of the text.
"""

import re
from decimal import Decimal

from services.evaluation.engine.metrics.row_metric import RowMetric

MARK = "####"
_SPACES = " \u00a0\u2009\u202f'’"
_NUMBER = re.compile(
    r"(?:(?<!\w)[-−])?(?:"
    r"(?<![\d/])\d+/\d+(?![\d/])"  # 3/4, but no part of a date
    r"|[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?!\d)(?:\.\d+)?"  # 1,234.5 and 12,34,567
    r"|\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,}(?!\d))"  # 1.234,5 and 1.234.567
    rf"|\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)(?:[.,]\d+)?"  # 1 234,5 and 1'234.5
    r"|(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d{1,3}(?!\w))?"  # 1234, 3,5 and 1.5e3
    r")"
)
_COMMA_GROUP, _SPACE = re.compile(r",(?=\d{3}(?:\D|$)|\d{2},)"), re.compile(rf"[{_SPACES}]")
_DOT_GROUPS = re.compile(r"-?\d+(?:\.\d{3})+(?:,\d+)|-?\d+(?:\.\d{3}){2,}")


def final_number(text: str) -> Decimal | None:
    """Return the final number: 1234 for "#### 1,234.0" and for "$1 234", 3.5 for "3,5"; None for a text without one."""
    marked = text.rpartition(MARK)
    found = _NUMBER.findall(marked[2])
    return _value(found[0 if marked[1] else -1]) if found else None


def _value(number: str) -> Decimal | None:
    number = number.replace("−", "-")
    if "/" in number:
        numerator, denominator = map(Decimal, number.split("/"))
        return numerator / denominator if denominator else None
    if _DOT_GROUPS.fullmatch(number):
        number = number.replace(".", "")
    number = _SPACE.sub("", number)
    if not number.removeprefix("-").startswith("0"):
        number = _COMMA_GROUP.sub("", number)
    return Decimal(number.replace(",", "."))


def is_number_answer(text: str) -> bool:
    """Whether a reference ends with a marked number, or is a number with at most a sign or unit of one character."""
    marked = MARK in text and final_number(text) is not None
    return marked or _NUMBER.fullmatch(text.strip().strip("$€£¥₹%. ")) is not None


def row_number_match(prediction: str, reference: str) -> dict[str, float]:
    """Return 1 for equal numbers, else 0; no score for a reference without a number."""
    expected = final_number(reference)
    return {} if expected is None else {"number_match": float(final_number(prediction) == expected)}


class NumberMatch(RowMetric):
    """{"number_match": 0..1}."""

    summary = "Share of answers with the reference's final number."
    source = "Cobbe et al. 2021, Training Verifiers to Solve Math Word Problems"
    row = staticmethod(row_number_match)
