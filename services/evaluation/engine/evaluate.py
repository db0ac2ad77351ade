"""Evaluates a tuned model and its base model: reads rows, generates answers, computes losses, scores, reports.

By hand: `python -m services.evaluation.engine.evaluate spec.json`. It reads local folders and writes predictions.jsonl
and statistics.npz into `out`. Outputs of the base model that were not cached go to base-answers.jsonl and
base-losses.jsonl.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from services.evaluation.engine.examples import Example, read_examples
from services.evaluation.engine.generation import Answer, decode_answer, generate_answers
from services.evaluation.engine.losses import Loss, compute_losses
from services.evaluation.engine.metrics.kinds import fitting_metrics
from services.evaluation.engine.report import Report, slices_of, write_lines
from services.evaluation.engine.scoring import Output
from services.evaluation.engine.warnings import kind_warnings, score_warnings
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Run the evaluation of `spec`; return scores, base_scores, difference, warnings and the first samples.

    Raises EngineError `template_mismatch` where tokenizer or chat template differ from training, `nothing_to_evaluate`
    if every row is skipped, and `stopped`.
    """
    started = time.monotonic()
    out = Path(spec["out"])
    tokenizer = load_tokenizer(spec["model"])
    template = _load_template(tokenizer, spec["template_hash"])
    data = spec["dataset"]
    examples, skipped = read_examples(Path(data["folder"]), data["shards"], spec["rows"], template)
    if slice_by := spec.get("slice_by"):
        slices_of(examples, slice_by)  # a refusal comes before the answers
    passes = Passes(spec, tokenizer, template, examples, reporter, commands)
    tuned, base = passes.run(out)
    references = [decode_answer(tokenizer, example.reference_ids) for example in examples]
    metrics = [*spec["metrics"], *(fitting_metrics(references) if spec["detect_metrics"] else ())]
    report = Report(metrics, examples, references, tuned, base, slice_by)
    with reporter.span("score", rows=len(examples)):
        samples = report.write(out / "predictions.jsonl")
        summary = report.summary(out)
    warnings = [
        *skipped.kinds.values(),
        *score_warnings(examples, references, tuned, trained_on=spec["trained_on"]),
        *kind_warnings(metrics, examples, references),
    ]
    return {
        **summary,
        "samples": samples,
        "warnings": [warning.model_dump() for warning in warnings],
        "seconds": round(time.monotonic() - started, 2),
    }


def _load_template(tokenizer: Any, expected: str) -> ChatTemplate:
    template = ChatTemplate.of(tokenizer)
    if expected and template.hash != expected:
        detail = "The model's tokenizer and chat template are not those it was trained with."
        raise EngineError("template_mismatch", detail, remedy="Restore the model's tokenizer files, or train it again.")
    return template


@dataclass(frozen=True)
class Passes:
    """The passes over the rows: (tuned, base) x (answers, losses), those that a metric needs and no cache has."""

    spec: Mapping[str, Any]
    tokenizer: Any
    template: ChatTemplate
    examples: Sequence[Example]
    reporter: Reporter
    commands: Commands

    def run(self, out: Path) -> tuple[Output, Output | None]:
        """Return the outputs of the tuned model and of its base model.

        An adapter is disabled to get the base model. A full model is freed before its base model is loaded.
        """
        model = self._load(self.spec["model"])
        answers, seconds = self._generate_answers(model, "tuned") if self._needs_answers else (None, None)
        tuned = Output.of(answers, self._compute_losses(model, "tuned"), seconds)
        if not self.spec["compare_base"]:
            return tuned, None
        base_model: Callable[[], AbstractContextManager[Any]]
        if self.spec["model"]["kind"] == "adapter":
            base_model = partial(_without_adapter, model)
        else:
            del model
            base_model = partial(_loaded, lambda: self._load(self.spec["base"]))
        return tuned, self._base_output(base_model, out)

    def _load(self, reference: Mapping[str, Any]) -> Any:
        self._raise_if_stopped()
        self.reporter.log("info", "loading the model")
        dtype = "bfloat16" if torch.cuda.is_available() else "float32"
        with self.reporter.span("load model"):
            return load_model(reference, dtype=dtype, merge=False)

    def _base_output(self, base_model: Callable[[], AbstractContextManager[Any]], out: Path) -> Output:
        """Return the base model's output from the cache; what the cache lacks is computed and written to `out`."""
        cached, losses, seconds = self._read_cached("answers"), self._read_cached("losses"), None
        answers = [Answer(**row) for row in cached] if cached is not None else None
        base_losses = [Loss(**row) for row in losses] if losses is not None else None
        if (answers is not None or not self._needs_answers) and (base_losses is not None or not self._needs_losses):
            return Output.of(answers, base_losses, seconds)
        with base_model() as model:
            if answers is None and self._needs_answers:
                answers, seconds = self._generate_answers(model, "base")
                write_lines(out / "base-answers.jsonl", [asdict(answer) for answer in answers])
            if base_losses is None and (base_losses := self._compute_losses(model, "base")) is not None:
                write_lines(out / "base-losses.jsonl", [asdict(loss) for loss in base_losses])
        return Output.of(answers, base_losses, seconds)

    def _read_cached(self, part: str) -> list[Any] | None:
        path = self.spec["cached"].get(part)
        return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()] if path else None

    @property
    def _needs_answers(self) -> bool:
        return any(name != "perplexity" for name in self.spec["metrics"])

    @property
    def _needs_losses(self) -> bool:
        return "perplexity" in self.spec["metrics"]

    def _generate_answers(self, model: Any, label: str) -> tuple[list[Answer], float]:
        """Return the answers, and the seconds that they took."""
        started = time.monotonic()
        with self.reporter.span(f"{label}: answers"):
            answers = generate_answers(
                model,
                self.tokenizer,
                self.template,
                self.examples,
                max_new_tokens=self.spec["max_new_tokens"],
                batch_tokens=self.spec["batch_tokens"],
                on_progress=self._progress_callback(f"{label}: answers"),
                on_step=self._on_step,
            )
        return answers, round(time.monotonic() - started, 3)

    def _compute_losses(self, model: Any, label: str) -> list[Loss] | None:
        if not self._needs_losses:
            return None
        owners = [i for i, example in enumerate(self.examples) for _ in example.samples]
        samples = [self.template.encode(s, self.spec["max_length"]) for e in self.examples for s in e.samples]
        losses = [Loss(0.0, 0)] * len(self.examples)
        progress = self._progress_callback(f"{label}: perplexity")
        with self.reporter.span(f"{label}: perplexity"):
            for owner, loss in zip(
                owners, compute_losses(model, samples, self.spec["batch_tokens"], progress), strict=True
            ):
                losses[owner] += loss
        return losses

    def _progress_callback(self, phase: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            self._raise_if_stopped()
            self.reporter.emit("progress", phase=phase, done=done, total=total, unit="rows")

        report(0, len(self.examples))
        return report

    def _on_step(self) -> None:
        self._raise_if_stopped()
        self.reporter.alive()

    def _raise_if_stopped(self) -> None:
        if (command := self.commands.poll()) and command["op"] in ("stop", "cancel"):
            raise EngineError("stopped", "The evaluation was stopped.")


@contextmanager
def _without_adapter(model: Any) -> Iterator[Any]:
    with model.disable_adapter():
        yield model


@contextmanager
def _loaded(load: Callable[[], Any]) -> Iterator[Any]:
    yield load()


if __name__ == "__main__":
    run_from_shell(main)
