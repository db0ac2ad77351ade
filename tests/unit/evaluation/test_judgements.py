"""Verdicts, outcomes of two orders, win rate, bias of the judge, and its agreement with people."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from services.evaluation.errors import MissingAnswers
from services.evaluation.graders.grades import GradingFailed, ModelAnswer, ModelRequest
from services.evaluation.graders.pairwise import Pairwise, read_verdict
from services.evaluation.graders.templates import InvalidTemplate
from services.evaluation.judgements.models import Outcome, Votes
from services.evaluation.judgements.pairs import conversation_text
from services.evaluation.judgements.prompts import PROMPT, PROMPT_WITH_REFERENCE, check_prompt
from services.evaluation.judgements.result import JudgedRow, cohens_kappa, result_of

GUIDE = Path(__file__).parents[3] / "docs/guides/evaluation.md"
ITEM = {"question": "q", "reference": "r", "baseline": "old", "candidate": "new"}
ORDERS = {"new": ("2", "1"), "old": ("1", "2"), "tie": ("tie", "tie"), "first": ("1", "1"), "second": ("2", "2")}
OUTCOMES: dict[str, Outcome] = {"new": "candidate", "old": "baseline"}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Both are good.\nVERDICT: 1", "1"),
        ("VERDICT: 1 was my first idea.\n\n**Verdict: 2**  \n\n", "2"),
        ("verdict: [[TIE]].", "tie"),
        ("__VERDICT: Tie__", "tie"),
        ("VERDICT: 1\nVERDICT: 2 or 1", None),
        ("VERDICT: 12", None),
        ("VERDICT: 1\nBecause it is shorter.", None),
        ("Answer 1 is better.", None),
        ("1", None),
        ("", None),
    ],
)
def test_only_a_last_line_with_one_verdict_is_read(text: str, verdict: str | None) -> None:
    assert read_verdict(text) == verdict


class Scripted:
    """The two answers of a judge, in order."""

    def __init__(self, *answers: ModelAnswer) -> None:
        self.answers, self.asked = list(answers), list[ModelRequest]()

    def answer(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request)
        return self.answers.pop(0)

    def similarity(self, metric: str, text: str, reference: str) -> float:
        raise NotImplementedError

    def run_python(self, source: str, sample: Any, item: Any) -> float:
        raise NotImplementedError


def judge(prompt: str = "{{ item.answer_1 }}|{{ item.answer_2 }}") -> Pairwise:
    return Pairwise(type="pairwise", name="p", model="m", input=[{"role": "user", "content": prompt}])


@pytest.mark.parametrize(
    ("verdicts", "outcome", "score", "consistent"),
    [
        (("2", "1"), "candidate", 1.0, True),
        (("1", "2"), "baseline", 0.0, True),
        (("tie", "tie"), "tie", 0.5, True),
        (("1", "1"), "tie", 0.5, False),
        (("2", "tie"), "tie", 0.5, False),
    ],
)
def test_an_answer_wins_only_in_both_orders(
    verdicts: tuple[str, str], outcome: str, score: float, consistent: bool
) -> None:
    backend = Scripted(*(ModelAnswer(f"VERDICT: {verdict}") for verdict in verdicts))
    grade = judge().grade(ITEM, {}, backend)
    assert [request.messages[0][1] for request in backend.asked] == ["old|new", "new|old"]
    assert (grade.score, grade.details["outcome"], grade.details["consistent"]) == (score, outcome, consistent)
    assert [part["verdict"] for part in grade.details["parts"]] == list(verdicts)
    assert grade.details["parts"][1]["input"] == [{"role": "user", "content": "new|old"}]


def test_equal_answers_are_a_tie_without_a_question() -> None:
    grade = judge().grade({**ITEM, "candidate": " old\n"}, {}, Scripted())
    assert (grade.score, grade.details["identical"]) == (0.5, True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ModelAnswer("I prefer the first."), "unparsable_verdict"),
        (ModelAnswer("I prefer", "length"), "truncated_verdict"),
        (ModelAnswer(error={"code": "context_length_exceeded", "message": "too long"}), "context_length_exceeded"),
    ],
)
def test_a_verdict_is_never_guessed_and_both_answers_are_kept(answer: ModelAnswer, code: str) -> None:
    with pytest.raises(GradingFailed) as raised:
        judge().grade(ITEM, {}, Scripted(answer, ModelAnswer("VERDICT: 1")))
    assert raised.value.code == code
    parts = (raised.value.details or {})["parts"]
    assert (parts[0]["error"]["code"], parts[1]["verdict"]) == (code, "1")
    assert parts[0]["input"] == [{"role": "user", "content": "old|new"}]


def test_prompts_show_both_answers_and_name_what_rows_have() -> None:
    for prompt in (PROMPT, PROMPT_WITH_REFERENCE):
        check_prompt(prompt)
    assert f"```text\n{PROMPT_WITH_REFERENCE}\n```" in GUIDE.read_text("utf-8")
    assert "eference" not in PROMPT
    with pytest.raises(MissingAnswers, match=r"item\.answer_2"):
        check_prompt("{{ item.answer_1 }}")
    with pytest.raises(InvalidTemplate):
        check_prompt(f"{PROMPT} {{{{ item.candidate }}}}")
    swapped = judge(PROMPT).requests(ITEM, {})
    assert swapped[0].messages[0][1].index("old") < swapped[0].messages[0][1].index("new")


def rows(**counts: int) -> list[JudgedRow]:
    return [
        JudgedRow(OUTCOMES.get(kind, "tie"), ORDERS[kind], consistent=kind not in ("first", "second"))
        for kind, count in counts.items()
        for _ in range(count)
    ]


def test_too_few_judged_rows_are_not_called_equally_good() -> None:
    found = result_of(rows(new=5), None)
    assert found.test
    assert found.test.verdict == "too_few_rows"
    assert found.headline.startswith("Too few rows to tell a preference: 5 wins")


def test_result_counts_outcomes_and_tests_wins_against_losses() -> None:
    judged = rows(new=14, old=4, tie=2, first=5, second=1)
    errors = [JudgedRow(None, error="unparsable_verdict")] * 2 + [JudgedRow(None, error="truncated_verdict")]
    found = result_of([*judged, JudgedRow("tie"), *errors], None)
    assert (found.judged, found.wins, found.losses, found.ties) == (27, 14, 4, 9)
    assert (found.inconsistent, found.identical) == (6, 1)
    assert found.errors == {"unparsable_verdict": 2, "truncated_verdict": 1}
    assert found.win_rate == pytest.approx((14 + 9 / 2) / 27)
    assert found.interval
    assert found.interval[0] < (14 + 9 / 2) / 27 < found.interval[1]
    assert found.test
    assert found.test.p_value == pytest.approx(scipy.stats.binomtest(14, 18).pvalue)
    assert found.test.difference == pytest.approx(10 / 27)
    assert found.test.verdict == "better"
    assert found.consistency == pytest.approx(20 / 26)
    assert "14 wins, 4 losses, 9 ties" in found.headline
    position = found.position
    assert position
    assert (position.first, position.second, position.ties) == (18 + 10, 18 + 2, 4)
    assert position.first_share == pytest.approx(28 / 48)
    assert position.interval
    assert position.interval[0] < 28 / 48 < position.interval[1]
    assert (position.always_first, position.always_second) == (5, 1)
    assert position.p_value == pytest.approx(scipy.stats.binomtest(5, 6).pvalue)


def test_without_an_outcome_there_is_no_rate() -> None:
    found = result_of([JudgedRow(None, error="unparsable_verdict")], Votes(column="v"))
    assert (found.win_rate, found.interval, found.test, found.position) == (None, None, None, None)
    assert found.headline == "No row could be judged."
    assert found.votes
    assert (found.votes.rows, found.votes.kappa) == (0, None)


def test_kappa_equals_published_values() -> None:
    """Cohen's own table (1960, Educational and Psychological Measurement 20), and the one in scikit-learn's docs."""
    assert cohens_kappa(np.array([88, 14, 18, 10, 40, 10, 2, 6, 12.0])) == pytest.approx(0.492, abs=5e-4)
    assert cohens_kappa(np.array([2, 0, 0, 0, 1, 0, 1, 0, 1.0])) == pytest.approx(0.6875)
    assert cohens_kappa(np.array([5.0, 0, 0, 0])) is None


def test_agreement_with_votes_has_kappa_with_an_interval_and_names_unknown_values() -> None:
    """The interval is close to the asymptotic one of Fleiss, Cohen and Everitt (1969, Psychological Bulletin 72)."""
    table = [("A", "new", 88), ("A", "tie", 14), ("A", "old", 18), ("both", "new", 10), ("both", "tie", 40)]
    table += [("both", "old", 10), ("b ", "new", 2), ("b ", "tie", 6), ("b ", "old", 12)]
    judged = [
        JudgedRow(OUTCOMES.get(kind, "tie"), ORDERS[kind], vote=vote)
        for vote, kind, count in table
        for _ in range(count)
    ]
    others = [JudgedRow("tie", vote=None), JudgedRow("tie", vote="?"), JudgedRow("tie", vote="?")]
    found = result_of([*judged, *others], Votes(column="v", candidate=["a"], tie=["Both"], baseline=["B"])).votes
    assert found
    assert (found.rows, found.unknown_values) == (200, {"?": 2})
    assert found.table["candidate"] == {"candidate": 88, "tie": 14, "baseline": 18}
    assert found.agreement == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.492, abs=5e-4)
    assert found.interval
    spread = 1.96 * fleiss_standard_error(np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]]) / 200, 200)
    assert found.interval == pytest.approx((0.492 - spread, 0.492 + spread), abs=0.02)


def fleiss_standard_error(shares: Any, rows: int) -> float:
    """Equation 13 of Fleiss, Cohen and Everitt (1969)."""
    row, column = shares.sum(1), shares.sum(0)
    observed, expected = np.trace(shares), row @ column
    sums = np.add.outer(column, row)  # p_.i + p_j. at [i, j]
    diagonal = shares * (1 - expected - np.add.outer(row, column) * (1 - observed)) ** 2
    off = shares * sums**2
    first = np.trace(diagonal)
    second = (1 - observed) ** 2 * (off.sum() - np.trace(off))
    third = (observed * expected - 2 * expected + observed) ** 2
    return float((first + second - third) ** 0.5 / ((1 - expected) ** 2 * rows**0.5))


def test_conversations_are_text() -> None:
    assert conversation_text([{"role": "user", "content": "Hello?"}]) == "Hello?"
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": "x"}]
    calls = [{"function": {"name": "find"}}]
    text = conversation_text(
        [{"role": "system", "content": parts}, {"role": "assistant", "content": None, "tool_calls": calls}]
    )
    assert text == 'system: See\n{"type": "image_url", "image_url": "x"}\n\nassistant: [{"function": {"name": "find"}}]'
