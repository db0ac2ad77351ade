"""One evaluation from top to bottom: rows, the tuned model's answers and losses, its base's, scores, report.

By hand: `python -m services.evaluation.engine.evaluate spec.json`. It reads local folders and writes into `out`:
predictions.jsonl, and of a base that was not cached base-answers.jsonl and base-losses.jsonl. It knows neither jobs
nor projects.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from services.evaluation.engine.answers import answers_of, decoded
from services.evaluation.engine.losses import Loss, losses_of
from services.evaluation.engine.rows import Example, read_examples
from services.evaluation.engine.scoring import Output, corpus_scores, row_scores
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

SAMPLES = 3


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Evaluate as `spec` says; the result holds scores, base_scores, difference and the first samples.

    Raises EngineError `template_mismatch` where the tokenizer is not the one of training, and `stopped`.
    """
    started = time.monotonic()
    out = Path(spec["out"])
    tokenizer = load_tokenizer(spec["model"])
    template = _training_template(tokenizer, spec["template_hash"])
    data = spec["dataset"]
    examples = read_examples(Path(data["folder"]), data["shards"], spec["rows"], template)
    work = Work(spec, tokenizer, template, examples, reporter, commands)
    tuned, base = work.outputs(out)
    references = [decoded(tokenizer, example.reference_ids) for example in examples]
    report = Report(spec["metrics"], examples, references, tuned, base)
    with reporter.span("score", rows=len(examples)):
        samples = report.write(out / "predictions.jsonl")
        summary = report.summary(out)
    return {**summary, "samples": samples, "seconds": round(time.monotonic() - started, 2)}


def _training_template(tokenizer: Any, expected: str) -> ChatTemplate:
    template = ChatTemplate.of(tokenizer)
    if expected and template.hash != expected:
        detail = "The model's tokenizer and chat template are not those it was trained with."
        raise EngineError("template_mismatch", detail, remedy="Restore the model's tokenizer files, or train it again.")
    return template


@dataclass(frozen=True)
class Work:
    """The passes over the rows: (tuned, base) x (answers, losses), as far as they are wanted and not cached."""

    spec: Mapping[str, Any]
    tokenizer: Any
    template: ChatTemplate
    examples: Sequence[Example]
    reporter: Reporter
    commands: Commands

    def outputs(self, out: Path) -> tuple[Output, Output | None]:
        """What the tuned model gives, and its base. An adapter shares its base's weights: one load serves both."""
        model = self._load(self.spec["model"])
        tuned = Output(self._answers(model, "tuned"), self._losses(model, "tuned"))
        if not self.spec["compare_base"]:
            return tuned, None
        switched: Callable[[], AbstractContextManager[Any]]
        if self.spec["model"]["kind"] == "adapter":
            switched = partial(_without_adapter, model)
        else:
            del model
            switched = partial(_loaded, lambda: self._load(self.spec["base"]))
        return tuned, self._base(switched, out)

    def _load(self, reference: Mapping[str, Any]) -> Any:
        self._check()
        self.reporter.log("info", "loading the model")
        dtype = "bfloat16" if torch.cuda.is_available() else "float32"
        with self.reporter.span("load model"):
            return load_model(reference, dtype=dtype, merge=False)

    def _base(self, switched: Callable[[], AbstractContextManager[Any]], out: Path) -> Output:
        """The base's output out of the cache, and from the model where that lacks something; then kept in `out`."""
        answers, losses = self._cached("answers"), self._cached("losses")
        kept_losses = [Loss(**row) for row in losses] if losses is not None else None
        if (answers is not None or not self._generates) and (kept_losses is not None or not self._scores_losses):
            return Output(answers, kept_losses)
        with switched() as model:
            if answers is None and (answers := self._answers(model, "base")) is not None:
                _write_lines(out / "base-answers.jsonl", answers)
            if kept_losses is None and (kept_losses := self._losses(model, "base")) is not None:
                _write_lines(out / "base-losses.jsonl", [asdict(loss) for loss in kept_losses])
        return Output(answers, kept_losses)

    def _cached(self, part: str) -> list[Any] | None:
        path = self.spec["cached"].get(part)
        return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()] if path else None

    @property
    def _generates(self) -> bool:
        return any(name != "perplexity" for name in self.spec["metrics"])

    @property
    def _scores_losses(self) -> bool:
        return "perplexity" in self.spec["metrics"]

    def _answers(self, model: Any, who: str) -> list[str | None] | None:
        if not self._generates:
            return None
        with self.reporter.span(f"{who}: answers"):
            return answers_of(
                model,
                self.tokenizer,
                self.template,
                self.examples,
                max_new_tokens=self.spec["max_new_tokens"],
                batch_tokens=self.spec["batch_tokens"],
                on_progress=self._progress(f"{who}: answers"),
            )

    def _losses(self, model: Any, who: str) -> list[Loss] | None:
        if not self._scores_losses:
            return None
        owners = [i for i, example in enumerate(self.examples) for _ in example.samples]
        samples = [self.template.encode(s, self.spec["max_length"]) for e in self.examples for s in e.samples]
        found = [Loss(0.0, 0)] * len(self.examples)
        progress = self._progress(f"{who}: perplexity")
        with self.reporter.span(f"{who}: perplexity"):
            for owner, loss in zip(owners, losses_of(model, samples, self.spec["batch_tokens"], progress), strict=True):
                found[owner] += loss
        return found

    def _progress(self, phase: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            self._check()
            self.reporter.emit("progress", phase=phase, done=done, total=total, unit="rows")

        report(0, len(self.examples))
        return report

    def _check(self) -> None:
        if (command := self.commands.poll()) and command["op"] in ("stop", "cancel"):
            raise EngineError("stopped", "The evaluation was asked to stop.")


@contextmanager
def _without_adapter(model: Any) -> Iterator[Any]:
    with model.disable_adapter():
        yield model


@contextmanager
def _loaded(load: Callable[[], Any]) -> Iterator[Any]:
    yield load()


@dataclass(frozen=True)
class Report:
    """Rows and scores of the tuned model beside its base."""

    metrics: Sequence[str]
    examples: Sequence[Example]
    references: Sequence[str]
    tuned: Output
    base: Output | None

    def summary(self, folder: Path) -> dict[str, Any]:
        """The scores of all rows together; `folder` is scratch."""
        scores = corpus_scores(self.metrics, self.tuned, self.references, folder)
        base = corpus_scores(self.metrics, self.base, self.references, folder) if self.base else {}
        return {
            "evaluated": len(self.examples),
            "too_long": sum(answer is None for answer in self.tuned.answers or []),
            "scores": scores,
            "base_scores": base,
            "difference": {name: scores[name] - base[name] for name in scores if name in base},
        }

    def write(self, path: Path) -> list[dict[str, Any]]:
        """One line per row; the first few are returned."""
        rows = [self._row(index) for index in range(len(self.examples))]
        _write_lines(path, rows)
        return rows[:SAMPLES]

    def _row(self, index: int) -> dict[str, Any]:
        example = self.examples[index]
        return {
            "row": example.row_id,
            "source": example.source,
            "prompt": example.messages,
            "reference": self.references[index],
            "tuned": _at(self.tuned, index),
            "base": _at(self.base, index),
            "scores": row_scores(self.metrics, self.tuned, self.references, index),
            "base_scores": row_scores(self.metrics, self.base, self.references, index) if self.base else {},
        }


def _at(output: Output | None, index: int) -> str | None:
    return output.answers[index] if output and output.answers is not None else None


def _write_lines(path: Path, rows: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    run_from_shell(main)
