"""Length, ends and speed of a model's answers."""

from collections import Counter
from typing import Any

import numpy as np

from services.evaluation.engine.scoring import Output


def answer_statistics(output: Output | None) -> dict[str, Any] | None:
    """Return the fields of `models.AnswerStatistics`; None without answers. Prompts that are too long have none."""
    if output is None or output.answers is None or not output.tokens:
        return None
    cut = set(output.cut)
    given = [row for row, answer in enumerate(output.answers) if answer is not None]
    tokens = [output.tokens[row] for row in given]
    p50, p95 = np.quantile(tokens, (0.5, 0.95)).tolist() if tokens else (0.0, 0.0)
    ends = Counter("length" if row in cut else "stop" for row in given)
    return {
        "tokens_p50": p50,
        "tokens_p95": p95,
        "finish_reasons": dict(ends),
        "seconds": output.seconds,
        "tokens_per_second": round(sum(tokens) / output.seconds, 1) if output.seconds else None,
    }
