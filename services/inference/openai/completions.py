"""Runs completions: validates a request, builds the engine's request, and collects the output."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from opentelemetry import trace
from opentelemetry.trace import Link, Span

from services.inference.deployments.catalog import Catalog, FoundModel
from services.inference.metrics import InferenceMetrics
from services.inference.openai.schemas import CompletionParams, Usage
from services.inference.openai.tool_calls import ToolCallParser
from services.inference.protocol import (
    Engine,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from services.inference.usage_statistics import UsageStatistics
from shared.runtime.errors import InvalidInput
from shared.runtime.telemetry.tracing import context_of, continuing, traceparent, tracer

MAX_STOP_STRINGS = 16


@dataclass
class CompletionRun:
    """One completion in progress and the output collected so far."""

    model: FoundModel
    generation: GenerationRequest
    parsers: list[ToolCallParser | None]
    """The tool call parser of each choice."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unfinished: dict[int, int] = field(default_factory=dict)
    """Deltas of each choice that has not finished, joined ones counted apart: it has at least as many tokens."""
    texts: dict[int, str] = field(default_factory=dict)
    finish_reasons: dict[int, FinishReason] = field(default_factory=dict)
    logprobs: dict[int, list[TokenLogprob]] = field(default_factory=dict)
    tool_calls: dict[int, list[ToolCallDelta]] = field(default_factory=dict)

    @property
    def choices(self) -> int:
        """Total number of choices."""
        return self.generation.choices

    @property
    def usage(self) -> Usage:
        """Token counts so far."""
        total = self.prompt_tokens + self.completion_tokens
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens, total_tokens=total)

    @property
    def tokens_so_far(self) -> int:
        """Tokens of the prompt and the output so far, at least; all of them once every choice has finished."""
        return self.prompt_tokens + self.completion_tokens + sum(self.unfinished.values())

    def add(self, message: Started | TextDelta) -> TextDelta | None:
        """Add an engine's message; return its delta if there is anything to send."""
        if isinstance(message, Started):
            self.prompt_tokens = message.prompt_tokens
            return None
        message = self._parse_tool_calls(message)
        self.texts[message.choice] = self.texts.get(message.choice, "") + message.text
        self.logprobs.setdefault(message.choice, []).extend(message.logprobs)
        if message.finish_reason:
            self.finish_reasons[message.choice] = message.finish_reason
            self.completion_tokens += message.tokens
            self.unfinished.pop(message.choice, None)
        else:
            self.unfinished[message.choice] = self.unfinished.get(message.choice, 0) + message.joined
        return message if message.text or message.tool_calls or message.logprobs or message.finish_reason else None

    def _parse_tool_calls(self, message: TextDelta) -> TextDelta:
        """Move the tool calls out of the message's text."""
        calls = self.tool_calls.setdefault(message.choice, [])
        if not (parser := self.parsers[message.choice]):
            return message
        text, found = parser.parse(message.text, message.finish_reason is not None)
        calls += found
        finish_reason: FinishReason | None = (
            "tool_calls" if calls and message.finish_reason == "stop" else message.finish_reason
        )
        return replace(message, text=text, tool_calls=found, finish_reason=finish_reason)


class Completions:
    """The use case of both completion endpoints."""

    def __init__(
        self, catalog: Catalog, engine: Engine, metrics: InferenceMetrics, statistics: UsageStatistics
    ) -> None:
        self._catalog, self._engine, self._metrics, self._statistics = catalog, engine, metrics, statistics
        self._served_uris: set[str] = set()

    async def prepare(self, project: str, request: CompletionParams) -> CompletionRun:
        """Validate a request and resolve its model. Raises InvalidInput, ModelNotFound."""
        stop = _stop_strings(request)
        model, spec = await self._catalog.resolve(project, request.model)
        generation = GenerationRequest(
            project=project,
            model=spec,
            sampling=_sampling(request),
            n=request.n,
            max_tokens=request.max_new_tokens(),
            stop=stop,
            logprobs=request.logprob_count(),
            echo=request.echoes(),
            stream=bool(request.stream),
            response_format=request.output_format(),
            **request.prompt_fields(),
        )
        return CompletionRun(model, generation, [request.tool_call_parser() for _ in range(generation.choices)])

    async def stream(self, run: CompletionRun) -> AsyncIterator[TextDelta]:
        """Yield deltas until every choice has finished. Closing the iterator cancels the rest."""
        usage = self._statistics.request((run.model.project, run.model.uri))
        with self._span(run) as span, self._metrics.completion() as metrics, usage as observe_usage:
            generation = replace(run.generation, traceparent=traceparent(trace.set_span_in_context(span)))
            async with aclosing(self._engine.generate(generation)) as messages:  # type: ignore[type-var]
                async for message in messages:
                    metrics.observe(message)
                    observe_usage(message)
                    if delta := run.add(message):
                        yield delta

    @contextmanager
    def _span(self, run: CompletionRun) -> Iterator[Span]:
        """The span of a completion. It is never the current span, because callers run between the deltas."""
        span = self._start_span(run.model)
        try:
            yield span
        except Exception as error:
            span.record_exception(error)
            span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
            raise
        finally:
            span.set_attribute("gen_ai.usage.input_tokens", run.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", run.completion_tokens)
            span.end()

    def _start_span(self, model: FoundModel) -> Span:
        """Start the span of a completion by OpenTelemetry's semantic conventions for generative AI.

        A model's first completion in this process ends the trace that started with its dataset. Later ones belong to
        the trace of their own request and link to that trace.
        """
        origin = model.manifest.traceparent
        first = model.uri not in self._served_uris
        self._served_uris.add(model.uri)
        model_trace = trace.get_current_span(context_of(origin)).get_span_context()
        return tracer.start_span(
            f"chat {model.id}",
            context_of(continuing(origin, "first request")) if first else None,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": model.id},
            links=[Link(model_trace)] if model_trace.is_valid and not first else [],
        )

    async def complete(self, run: CompletionRun) -> CompletionRun:
        """Run to the end and return the run."""
        async for _ in self.stream(run):
            pass
        return run


def _sampling(request: CompletionParams) -> SamplingParams:
    """Return the request's sampling parameters, with OpenAI's defaults."""
    return SamplingParams(
        temperature=1.0 if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        top_k=request.top_k,
        repetition_penalty=request.repetition_penalty,
        seed=request.seed,
    )


def _stop_strings(request: CompletionParams) -> list[str]:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stops) > MAX_STOP_STRINGS or not all(stops):
        remedy = f"Send at most {MAX_STOP_STRINGS} non-empty strings."
        raise InvalidInput(
            "stop contains too many strings, or an empty one.", field="stop", limit=MAX_STOP_STRINGS, remedy=remedy
        )
    return stops
