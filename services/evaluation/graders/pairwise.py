"""The judge of two answers: a model reads both, in both orders, and names the better one.

Two orders because judges prefer a position: Zheng et al. 2023, "Judging LLM-as-a-judge with MT-Bench and Chatbot
Arena", section 3.4, whose rule this is: an answer wins only if it is preferred in both orders.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from services.evaluation.graders.definitions import ModelGrader
from services.evaluation.graders.grades import (
    Backend,
    Grade,
    GradingFailed,
    ModelAnswer,
    ModelRequest,
    Sample,
    Sampling,
)
from services.evaluation.graders.templates import Variable

Order = Literal["baseline_first", "candidate_first"]
ORDERS: tuple[Order, ...] = ("baseline_first", "candidate_first")
PREFERRED = {
    "baseline_first": {"1": "baseline", "2": "candidate", "tie": "tie"},
    "candidate_first": {"1": "candidate", "2": "baseline", "tie": "tie"},
}
SCORES = {"candidate": 1.0, "tie": 0.5, "baseline": 0.0}
JUDGE_TOKENS = 1024
"""Tokens of a judge's answer, unless the request says otherwise."""
_VERDICT = re.compile(r"[\W_]*verdict[\W_]*(1|2|tie)[\W_]*", re.IGNORECASE)


def read_verdict(text: str) -> str | None:
    """`1`, `2` or `tie` from the last line that is not empty: `VERDICT: 1`, in any case, also in bold; else None."""
    lines = text.strip().splitlines()
    match = _VERDICT.fullmatch(lines[-1]) if lines else None
    return match[1].lower() if match else None


class Pairwise(ModelGrader):
    """1 where the model prefers the candidate in both orders, 0 for the baseline, 0.5 for a tie or two opinions.

    A row has `baseline` and `candidate`. In the messages, `item.answer_1` and `item.answer_2` are these in the order
    that is asked for. Equal answers are a tie without being asked for.
    """

    type: Literal["pairwise"]
    base_url: str | None = Field(default=None, description="the endpoint of a model elsewhere")
    max_tokens: int = JUDGE_TOKENS
    BLOCK: ClassVar[int] = 16

    def variables(self, field: str) -> Iterator[Variable]:
        """Those of its messages."""
        for message in self.input:
            yield from message.variables(field)

    def requests(self, item: Any, sample: Sample) -> Sequence[ModelRequest]:
        """Its prompts, one for each of ORDERS; none for equal answers."""
        answers = [str(item["baseline"]), str(item["candidate"])]
        if answers[0].strip() == answers[1].strip():
            return ()
        sampling = Sampling(max_tokens=self.max_tokens)
        return [
            ModelRequest(self.model, self._messages({**item, "answer_1": first, "answer_2": second}, sample), sampling)
            for first, second in (answers, answers[::-1])
        ]

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Ask in both orders. Raises GradingFailed, with both prompts and answers, where one has no verdict."""
        requests = self.requests(item, sample)
        if not requests:
            return Grade(SCORES["tie"], False, {"outcome": "tie", "identical": True, "parts": []})
        parts = [self._judge(order, request, backend) for order, request in zip(ORDERS, requests, strict=True)]
        if failed := next((part for part in parts if "error" in part), None):
            raise GradingFailed(**failed["error"], details={"parts": parts})
        preferred = {PREFERRED[part["order"]][part["verdict"]] for part in parts}
        outcome = preferred.pop() if len(preferred) == 1 else "tie"
        details = {"outcome": outcome, "consistent": not preferred, "parts": parts}
        return Grade(SCORES[outcome], outcome == "candidate", details)

    def _judge(self, order: Order, request: ModelRequest, backend: Backend) -> dict[str, Any]:
        """What was asked and answered in one order, with a `verdict` or an `error`."""
        try:
            answer, details = self._ask(request, backend)
        except GradingFailed as error:
            messages = [{"role": role, "content": content} for role, content in request.messages]
            failure = {"code": error.code, "message": error.message}
            return {"order": order, "model": self.model, "input": messages, "error": failure}
        verdict = read_verdict(answer.text)
        return {"order": order, **details, **({"verdict": verdict} if verdict else {"error": self._unparsable(answer)})}

    def _unparsable(self, answer: ModelAnswer) -> dict[str, str]:
        if answer.finish_reason == "length":
            message = f"The answer of {self.model} was cut at {self.max_tokens} tokens, before its verdict."
            return {"code": "truncated_verdict", "message": message}
        last = (answer.text.strip().splitlines() or [""])[-1]
        message = f"{self.model} ended with {last[:200]!r}, which is no verdict."
        return {"code": "unparsable_verdict", "message": message}
