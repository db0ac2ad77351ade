"""What Prometheus learns of serving: tokens, the wait for the first of them, open requests, models in memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.inference.protocol import Begun, Engine, Text
from shared.runtime.telemetry.metrics import Metrics, Reading


class Serving:
    """One completion under way."""

    def __init__(self, metrics: "ServingMetrics") -> None:
        self._metrics, self._started, self._waits = metrics, time.perf_counter(), True

    def note(self, message: Begun | Text) -> None:
        """Count what the engine sent."""
        if isinstance(message, Begun):
            self._metrics.tokens.labels("prompt").inc(message.prompt_tokens)
            return
        if self._waits:
            self._metrics.first_text.observe(time.perf_counter() - self._started)
            self._waits = False
        if message.finish:
            self._metrics.tokens.labels("answer").inc(message.tokens)


class ServingMetrics:
    """The counts of one inference process. No label names a model: there are ever more of them."""

    def __init__(self, metrics: Metrics, engine: Engine) -> None:
        self.tokens = metrics.counter("anneal_inference_tokens", "Tokens of prompts, and of answers that ended", "kind")
        self.first_text = metrics.histogram(
            "anneal_inference_first_text_seconds", "From a completion's start to its first text, loading included"
        )
        self._open = metrics.gauge("anneal_inference_open_requests", "Completions that wait or are being written")
        models = metrics.reading("anneal_inference_models", "Models in the engine, by its state", "state")
        memory = metrics.reading("anneal_inference_memory_bytes", "Memory that the engine says it holds", "state")
        for kind in ("prompt", "answer"):
            self.tokens.labels(kind)

        async def look() -> list[Reading]:
            facts = engine.facts()
            return [(models, (facts.state,), len(facts.models)), (memory, (facts.state,), facts.memory)]

        metrics.watch("engine", look)

    @contextmanager
    def completion(self) -> Iterator[Serving]:
        """Around one completion."""
        with self._open.track_inprogress():
            yield Serving(self)
