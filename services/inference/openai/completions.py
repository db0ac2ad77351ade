"""From a completion request to its text: checks, the generation that it is, and what the engine sends back."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from opentelemetry import trace
from opentelemetry.trace import Link, Span

from services.inference.deployments.catalog import Catalog, FoundModel
from services.inference.errors import Unsupported
from services.inference.metrics import ServingMetrics
from services.inference.openai.schemas import Sampled, Usage
from services.inference.openai.tool_calls import Reader
from services.inference.protocol import Begun, CallPiece, Engine, Finish, Generation, Sampling, Text, TokenLogprob
from services.inference.usage_statistics import Figures
from shared.runtime.errors import InvalidInput
from shared.runtime.telemetry.tracing import context_of, continuing, traceparent, tracer

MOST_STOPS = 16
INSTEAD = {"functions": "Use tools instead of functions."}


@dataclass
class Run:
    """One request under way: its choices, counted as they come."""

    model: FoundModel
    generation: Generation
    readers: list[Reader | None]
    """For each choice, what reads calls out of it."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    texts: dict[int, str] = field(default_factory=dict)
    finishes: dict[int, Finish] = field(default_factory=dict)
    logprobs: dict[int, list[TokenLogprob]] = field(default_factory=dict)
    calls: dict[int, list[CallPiece]] = field(default_factory=dict)

    @property
    def choices(self) -> int:
        """Answers in all."""
        return self.generation.choices

    @property
    def usage(self) -> Usage:
        """Tokens so far."""
        total = self.prompt_tokens + self.completion_tokens
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens, total_tokens=total)

    def note(self, message: Begun | Text) -> Text | None:
        """Take an engine's message in; the text that it brings, if it brings any."""
        if isinstance(message, Begun):
            self.prompt_tokens = message.prompt_tokens
            return None
        message = self._read(message)
        self.texts[message.choice] = self.texts.get(message.choice, "") + message.text
        self.logprobs.setdefault(message.choice, []).extend(message.logprobs)
        if message.finish:
            self.finishes[message.choice] = message.finish
            self.completion_tokens += message.tokens
        return message if message.text or message.calls or message.logprobs or message.finish else None

    def _read(self, message: Text) -> Text:
        """The message with the calls out of its text."""
        calls = self.calls.setdefault(message.choice, [])
        if not (reader := self.readers[message.choice]):
            return message
        text, found = reader.read(message.text, message.finish is not None)
        calls += found
        finish: Finish | None = "tool_calls" if calls and message.finish == "stop" else message.finish
        return replace(message, text=text, calls=found, finish=finish)


class Completions:
    """The use case behind both completion endpoints."""

    def __init__(self, catalog: Catalog, engine: Engine, metrics: ServingMetrics, figures: Figures) -> None:
        self._catalog, self._engine, self._metrics, self._figures = catalog, engine, metrics, figures
        self._asked: set[str] = set()

    async def prepare(self, project: str, request: Sampled) -> Run:
        """Check a request and find its model; raises Unsupported, InvalidInput, ModelNotFound."""
        _refuse_unsupported(request)
        stops = _stops(request)
        model = await self._catalog.find(project, request.model)
        generation = Generation(
            model=await self._catalog.spec(model),
            sampling=_sampling(request),
            n=request.n,
            max_tokens=request.limit(),
            stop=stops,
            logprobs=request.likeliest(),
            response_format=request.form(),
            **request.prompt(),
        )
        return Run(model, generation, [request.reader() for _ in range(generation.choices)])

    async def texts(self, run: Run) -> AsyncIterator[Text]:
        """Text as it appears, until every choice has finished. Leaving early cancels the rest."""
        measured = self._figures.request(run.model.uri)
        with self._span(run) as span, self._metrics.completion() as serving, measured as note:
            generation = replace(run.generation, traceparent=traceparent(trace.set_span_in_context(span)))
            async with aclosing(self._engine.generate(generation)) as messages:  # type: ignore[type-var]
                async for message in messages:
                    serving.note(message)
                    note(message)
                    if text := run.note(message):
                        yield text

    @contextmanager
    def _span(self, run: Run) -> Iterator[Span]:
        """The span of an answer while it is written; it is never the current one, for callers run in between."""
        span = self._begin(run.model)
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

    def _begin(self, model: FoundModel) -> Span:
        """The span of an answer, by OpenTelemetry's conventions for generative AI.

        A model's first answer in this process ends the trace that began with its data; any later one belongs to its
        request, with a link to that trace.
        """
        origin = model.manifest.traceparent
        first = model.uri not in self._asked
        self._asked.add(model.uri)
        made = trace.get_current_span(context_of(origin)).get_span_context()
        return tracer.start_span(
            f"chat {model.id}",
            context_of(continuing(origin, "first request")) if first else None,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": model.id},
            links=[Link(made)] if made.is_valid and not first else [],
        )

    async def whole(self, run: Run) -> Run:
        """The request, answered."""
        async for _ in self.texts(run):
            pass
        return run


def _refuse_unsupported(request: Sampled) -> None:
    for name, wanted in request.refused().items():
        if wanted:
            raise Unsupported(
                f"{name} is not offered here.", field=name, remedy=INSTEAD.get(name, f"Leave {name} out.")
            )


def _sampling(request: Sampled) -> Sampling:
    """What the request says, else OpenAI's defaults."""
    return Sampling(
        temperature=1.0 if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        top_k=request.top_k,
        repetition_penalty=request.repetition_penalty,
        seed=request.seed,
    )


def _stops(request: Sampled) -> list[str]:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stops) > MOST_STOPS or not all(stops):
        remedy = f"Give at most {MOST_STOPS} strings, none of them empty."
        raise InvalidInput(
            "stop holds too many strings, or an empty one.", field="stop", limit=MOST_STOPS, remedy=remedy
        )
    return stops
