"""The result of a judgement: win rate, exact test, bias of the judge, agreement with people. Pure; imports scipy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.evaluation.comparison.statistics import (
    Floats,
    Samples,
    bootstrap_interval,
    interval,
    mcnemar,
    mean_score,
    wilson,
)
from services.evaluation.comparison.summary import verdict
from services.evaluation.judgements.models import (
    OUTCOMES,
    Agreement,
    JudgementResult,
    Outcome,
    PositionBias,
    SignTest,
    Votes,
)

MAX_UNKNOWN = 20


@dataclass(frozen=True)
class JudgedRow:
    """A row with its outcome, or the code of the error instead; `vote` is the text in the column of votes."""

    outcome: Outcome | None
    positions: tuple[str, ...] = ()
    """The two verdicts as the judge gave them: 1, 2 or tie. Empty for equal answers."""
    consistent: bool = True
    error: str = ""
    vote: str | None = None


def result_of(rows: Sequence[JudgedRow], votes: Votes | None) -> JudgementResult:
    """Compute the result of the rows that are judged so far."""
    judged = [row for row in rows if row.outcome]
    asked = [row for row in judged if row.positions]
    counts = Counter(row.outcome for row in judged)
    values = [{"candidate": 1.0, "tie": 0.5, "baseline": 0.0}[row.outcome] for row in judged if row.outcome]
    consistent = sum(row.consistent for row in asked)
    result = JudgementResult(
        judged=len(judged),
        wins=counts["candidate"],
        losses=counts["baseline"],
        ties=counts["tie"],
        inconsistent=len(asked) - consistent,
        identical=len(judged) - len(asked),
        errors=dict(Counter(row.error for row in rows if not row.outcome).most_common()),
        win_rate=float(np.mean(values)) if values else None,
        interval=bootstrap_interval(values) if values else None,
        test=_sign_test(judged),
        consistency=consistent / len(asked) if asked else None,
        consistency_interval=wilson(consistent, len(asked)) if asked else None,
        position=_position_bias(asked) if asked else None,
        votes=_agreement(judged, votes) if votes else None,
        headline="",
    )
    return result.model_copy(update={"headline": _headline(result)})


def _sign_test(judged: Sequence[JudgedRow]) -> SignTest | None:
    if not judged:
        return None
    test = mcnemar([row.outcome == "candidate" for row in judged], [row.outcome == "baseline" for row in judged])
    return SignTest(
        difference=test.difference,
        interval=test.interval,
        p_value=test.p_value,
        verdict=verdict(test.difference, test.p_value, test.rows),
    )


def _position_bias(asked: Sequence[JudgedRow]) -> PositionBias:
    """Preferences of a position. The interval resamples rows: the two verdicts about a row are not independent."""
    found = Counter(position for row in asked for position in row.positions)
    firsts = [row.positions.count("1") for row in asked]
    decided = [len(row.positions) - row.positions.count("tie") for row in asked]
    statistics = np.array([firsts, decided], dtype=np.float64).T
    always = [[row.positions == (position, position) for row in asked] for position in ("1", "2")]
    return PositionBias(
        first=found["1"],
        second=found["2"],
        ties=found["tie"],
        first_share=mean_score(statistics.sum(0)),
        interval=interval(statistics, mean_score, Samples(len(asked)).resampled(statistics)),
        always_first=sum(always[0]),
        always_second=sum(always[1]),
        p_value=mcnemar(always[0], always[1]).p_value,
    )


def cohens_kappa(sums: Floats) -> float | None:
    """Cohen's kappa (1960) of a table of two raters, flattened row by row; None where both always say the same.

    Agreement beyond chance: (observed - expected) / (1 - expected).
    """
    side = round(len(sums) ** 0.5)
    shares = sums.reshape(side, side) / sums.sum()
    expected = float(shares.sum(0) @ shares.sum(1))
    return float((np.trace(shares) - expected) / (1 - expected)) if expected < 1 else None


def _agreement(judged: Sequence[JudgedRow], votes: Votes) -> Agreement:
    meanings = votes.meanings()
    voted = [(row, row.vote.strip()) for row in judged if row.vote is not None and row.vote.strip()]
    pairs = [(meanings[vote.casefold()], row.outcome) for row, vote in voted if vote.casefold() in meanings]
    unknown = Counter(vote for _, vote in voted if vote.casefold() not in meanings)
    statistics = np.zeros((len(pairs), len(OUTCOMES) ** 2))
    for place, (vote, outcome) in enumerate(pairs):
        assert outcome
        statistics[place, OUTCOMES.index(vote) * len(OUTCOMES) + OUTCOMES.index(outcome)] = 1
    table = statistics.sum(0).reshape(len(OUTCOMES), -1)
    kappa = cohens_kappa(table.ravel()) if pairs else None
    bounds = None
    if kappa is not None:
        bounds = interval(statistics, cohens_kappa, Samples(len(pairs)).resampled(statistics))
    return Agreement(
        column=votes.column,
        rows=len(pairs),
        agreement=float(np.trace(table) / len(pairs)) if pairs else None,
        kappa=kappa,
        interval=bounds,
        table={
            vote: {outcome: int(table[i, j]) for j, outcome in enumerate(OUTCOMES)} for i, vote in enumerate(OUTCOMES)
        },
        unknown_values=dict(unknown.most_common(MAX_UNKNOWN)),
    )


def _headline(result: JudgementResult) -> str:
    if not (result.judged and result.interval and result.test and result.win_rate is not None):
        return "No row could be judged." if result.errors else ""
    low, high = result.interval
    verdicts = {
        "better": "The candidate is preferred",
        "worse": "The baseline is preferred",
        "no_difference": "No significant preference",
        "too_few_rows": "Too few rows to tell a preference",
    }
    counted = f"{result.wins:,} wins, {result.losses:,} losses, {result.ties:,} ties"
    share = f"win rate {result.win_rate:.1%} (95 % interval {low:.1%} to {high:.1%})"
    return f"{verdicts[result.test.verdict]}: {counted}; {share}; exact test p = {result.test.p_value:.3g}."


def judged_row(outcome: Mapping[str, object], vote: str | None) -> JudgedRow:
    """The row of a criterion's result, as services/evaluation/graders/pairwise.py writes it."""
    if error := outcome.get("error"):
        return JudgedRow(None, error=str(error["code"]), vote=vote)  # type: ignore[index]
    details: Mapping[str, object] = outcome["sample"]  # type: ignore[assignment]
    positions = tuple(str(part["verdict"]) for part in details["parts"])  # type: ignore[attr-defined]
    return JudgedRow(details["outcome"], positions, bool(details.get("consistent", True)), vote=vote)  # type: ignore[arg-type]
