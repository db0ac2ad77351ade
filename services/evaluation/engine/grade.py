"""Runs an eval's rows: answers those without a sample by the model, then grades them, each result sent once it exists.

By hand: `python -m services.evaluation.engine.grade spec.json`. `spec`: `items` (a file of JSON lines: `index`, `item`,
`output_text` or null, `done`: the criteria whose result is kept, `failed`: the model gave no answer), `criteria`,
`models` (name -> reference; those that it loads), `served` (names of those that inference answers for) and `sampling`
(`model`, `input_messages`, `parameters`; null: every row has its sample); `python`: whether Python graders are allowed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from services.evaluation.engine.python_grader import PythonGraders
from services.evaluation.engine.served_models import NotServed, ServedModels
from services.evaluation.engine.similarity import similarity
from services.evaluation.graders.definitions import Criterion, Grader
from services.evaluation.graders.grades import GradingFailed, ModelAnswer, ModelRequest, OnAnswer, Sampling
from services.evaluation.graders.input_messages import InputMessages, UnusableMessages
from services.evaluation.graders.pairwise import Pairwise
from services.evaluation.graders.templates import UnknownName, sample_of
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

BLOCK = 64
"""Rows whose prompts to a grader's model are answered together: what a killed engine may have to ask again."""
DEFINITIONS: TypeAdapter[Any] = TypeAdapter(list[Criterion | Grader | Pairwise])
Error = dict[str, str]


@dataclass
class Row:
    """A row of the run."""

    index: int
    item: Mapping[str, Any]
    output_text: str | None
    done: Sequence[str]
    failed: bool = False


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Answer and grade; sends `sampled` {index, answer, input} and `graded` {index, results}. Raises EngineError.

    The result has `not_served`, a model that inference does not serve, if there are rows left because of it.
    """

    def on_step() -> None:
        if (command := commands.poll()) and command["op"] in ("stop", "cancel"):
            raise EngineError("stopped", "The run was stopped.")
        reporter.alive()

    rows = [Row(**json.loads(line)) for line in Path(spec["items"]).read_text("utf-8").splitlines()]
    python = PythonGraders(on_step, allowed=spec["python"])
    served = dict.fromkeys(spec["served"], ServedModels(reporter, commands))
    criteria = DEFINITIONS.validate_python(spec["criteria"])
    engine = Grading(rows, criteria, spec["models"], reporter, on_step, served, python)
    try:
        if spec["sampling"]:
            engine.sample(spec["sampling"])
        engine.grade()
    except NotServed as error:
        return {"not_served": error.model}
    return {}


@dataclass
class Grading:
    """The rows with the graders; as their backend, it holds the answers that they asked for."""

    rows: Sequence[Row]
    criteria: Sequence[Any]
    specs: Mapping[str, Any]
    reporter: Reporter
    on_step: Callable[[], None]
    served: Mapping[str, ServedModels] = field(default_factory=dict)
    python: PythonGraders = field(default_factory=lambda: PythonGraders(lambda: None, allowed=False))
    answers: dict[ModelRequest, ModelAnswer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.models: Any = None
        if self.specs:
            from services.evaluation.engine.grader_models import Models  # torch, which most graders do without

            self.models = Models(self.specs, self.on_step)

    def sample(self, sampling: Mapping[str, Any]) -> None:
        """Let the model answer the rows that have no sample yet."""
        messages = TypeAdapter(InputMessages).validate_python(sampling["input_messages"])
        prompts: list[tuple[Row, list[dict[str, Any]]]] = []
        for row in self.rows:
            if row.output_text is None:
                try:
                    prompts.append((row, messages.render(row.item)))
                except (UnknownName, UnusableMessages) as error:
                    self._sampled(row, [], ModelAnswer("", "error", error=_error("invalid_input_messages", error)))

        def answered(place: int, answer: ModelAnswer) -> None:
            self._sampled(*prompts[place], answer)

        if prompts:
            chats = [prompt for _, prompt in prompts]
            self._generate(sampling["model"], chats, Sampling(**sampling["parameters"]), answered)

    def _generate(self, model: str, chats: Sequence[Any], sampling: Sampling, on_answer: OnAnswer) -> None:
        (self.served.get(model) or self.models).generate(model, chats, sampling, on_answer)

    def _sampled(self, row: Row, prompt: Sequence[Mapping[str, Any]], answer: ModelAnswer) -> None:
        row.output_text, row.failed = answer.text, answer.error is not None
        self.reporter.emit("sampled", index=row.index, input=prompt, answer={**asdict(answer), "usage": answer.usage})

    def grade(self) -> None:
        """Grade every row: first by what needs no model, then model by model."""
        plain = [criterion for criterion in self.criteria if not criterion.models]
        for row in self.rows:
            self.on_step()
            graders = self.criteria if row.failed else plain
            self._graded(row, [criterion for criterion in graders if criterion.name not in row.done])
        for criterion in sorted((c for c in self.criteria if c.models), key=lambda c: c.models):
            pending = [row for row in self.rows if not row.failed and criterion.name not in row.done]
            size = getattr(criterion, "BLOCK", BLOCK)
            for start in range(0, len(pending), size):
                block = pending[start : start + size]
                self._ask(request for row in block for request in _requests(criterion, row))
                for row in block:
                    self._graded(row, [criterion])
                self.answers.clear()

    def _graded(self, row: Row, criteria: Sequence[Any]) -> None:
        if criteria:
            results = [self._result(row, criterion) for criterion in criteria]
            self.reporter.emit("graded", index=row.index, results=results)

    def _result(self, row: Row, criterion: Any) -> dict[str, Any]:
        result = {"name": criterion.name, "type": criterion.type, "score": 0.0, "passed": False, "sample": None}
        if row.failed:
            return {**result, "error": {"code": "sample_error", "message": "The model gave no answer to grade."}}
        try:
            grade = criterion.grade(row.item, sample_of(row.output_text or ""), self)
        except UnknownName as error:
            return {**result, "error": _error("invalid_variable_error", error)}
        except GradingFailed as error:
            details = dict(error.details or {}) or None
            return {**result, "sample": details, "error": {"code": error.code, "message": error.message}}
        return {**result, "score": grade.score, "passed": grade.passed, "sample": dict(grade.details) or None}

    def _ask(self, requests: Iterable[ModelRequest]) -> None:
        """Get the answers, equal requests once; those to one model with equal settings together."""
        groups: dict[tuple[str, Sampling, tuple[str, ...]], list[ModelRequest]] = {}
        for request in dict.fromkeys(requests):
            groups.setdefault((request.model, request.sampling, request.labels), []).append(request)
        for (model, sampling, labels), group in sorted(groups.items(), key=lambda entry: entry[0][0]):
            chats = [[{"role": role, "content": content} for role, content in r.messages] for r in group]

            def answered(place: int, answer: ModelAnswer, group: list[ModelRequest] = group) -> None:
                self.answers[group[place]] = answer

            if labels:
                self.models.choose(model, chats, labels, answered)
            else:
                self._generate(model, chats, sampling, answered)

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The answer to a request of this block."""
        return self.answers[request]

    def run_python(self, source: str, sample: Mapping[str, Any], item: Any) -> float:
        """What the source returns."""
        return self.python.grade(source, sample, item)

    def similarity(self, metric: str, text: str, reference: str) -> float:
        """The similarity of two texts."""
        return similarity(metric, text, reference)


def _requests(criterion: Any, row: Row) -> Sequence[ModelRequest]:
    try:
        found: Sequence[ModelRequest] = criterion.requests(row.item, sample_of(row.output_text or ""))
    except UnknownName:
        return ()  # grading finds the same, and reports it
    return found


def _error(code: str, error: Exception) -> Error:
    return {"code": code, "message": str(error)}


if __name__ == "__main__":
    run_from_shell(main)
