"""Prometheus metrics of serving: tokens, time to first token, open requests, loaded models."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.inference.protocol import Engine, Started, TextDelta
from shared.runtime.telemetry.metrics import Metrics, Reading


class CompletionMetrics:
    """Records the metrics of one completion."""

    def __init__(self, metrics: "InferenceMetrics") -> None:
        self._metrics, self._started, self._has_text = metrics, time.perf_counter(), False

    def observe(self, message: Started | TextDelta) -> None:
        """Record one message of the engine."""
        if isinstance(message, Started):
            self._metrics.tokens.labels("prompt").inc(message.prompt_tokens)
            return
        if not self._has_text:
            self._metrics.first_text.observe(time.perf_counter() - self._started)
            self._has_text = True
        if message.finish_reason:
            self._metrics.tokens.labels("answer").inc(message.tokens)


class InferenceMetrics:
    """The metrics of one inference process. No label names a model, because the number of models is unbounded."""

    def __init__(self, metrics: Metrics, engine: Engine) -> None:
        self.tokens = metrics.counter(
            "anneal_inference_tokens", "Prompt tokens, and completion tokens of finished choices", "kind"
        )
        self.first_text = metrics.histogram(
            "anneal_inference_first_text_seconds", "Time to first token, model loading included"
        )
        self._open = metrics.gauge("anneal_inference_open_requests", "Completions that are queued or running")
        models = metrics.reading("anneal_inference_models", "Loaded models, by engine state", "state")
        memory = metrics.reading("anneal_inference_memory_bytes", "Memory in use as reported by the engine", "state")
        for kind in ("prompt", "answer"):
            self.tokens.labels(kind)

        async def read_engine() -> list[Reading]:
            status = engine.status()
            return [(models, (status.state,), len(status.models)), (memory, (status.state,), status.memory)]

        metrics.watch("engine", read_engine)

    @contextmanager
    def completion(self) -> Iterator[CompletionMetrics]:
        """Count a completion as open, and yield the recorder of its metrics."""
        with self._open.track_inprogress():
            yield CompletionMetrics(self)
