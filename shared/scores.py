"""Numbers in requests that are compared with scores of graders: thresholds, ranges and differences."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_SCORE = 1e15
"""Scores are smaller, and larger than its negative."""


def _between(low: float, high: float) -> BeforeValidator:
    """Refuse NaN, and true and "0.8", which pydantic takes for numbers, with the same limits as other numbers."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise PydanticCustomError("number_range", "a number from {ge} to {le} is needed", {"ge": low, "le": high})
        return value

    return BeforeValidator(check)


Score = Annotated[float, Field(ge=-MAX_SCORE, le=MAX_SCORE), _between(-MAX_SCORE, MAX_SCORE)]
Share = Annotated[float, Field(ge=0, le=1), _between(0, 1)]
Difference = Annotated[float, Field(ge=0, le=MAX_SCORE), _between(0, MAX_SCORE)]
