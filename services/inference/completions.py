"""From a completion request to its text: checks, the engine's command, and what it sends back, step by step."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from services.inference.catalog import Catalog, FoundModel
from services.inference.errors import Unsupported
from services.inference.shapes import Finish, Sampled, Usage
from services.inference.supervisor import Supervisor
from shared.runtime.errors import InvalidInput

MOST_STOPS = 16


@dataclass(frozen=True)
class Piece:
    """More text of one choice; with `finish` its last."""

    choice: int
    text: str
    finish: Finish | None = None


@dataclass
class Run:
    """One request under way: its choices, counted as they come."""

    model: FoundModel
    choices: int
    command: dict[str, Any]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    texts: dict[int, str] = field(default_factory=dict)
    finishes: dict[int, Finish] = field(default_factory=dict)

    @property
    def usage(self) -> Usage:
        """Tokens so far."""
        total = self.prompt_tokens + self.completion_tokens
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens, total_tokens=total)

    def note(self, message: dict[str, Any]) -> Piece | None:
        """Take an engine's message in; the text that it brings."""
        if message["kind"] == "started":
            self.prompt_tokens = message["prompt_tokens"]
            return None
        piece = Piece(message["choice"], message["text"], message.get("finish"))
        self.texts[piece.choice] = self.texts.get(piece.choice, "") + piece.text
        if piece.finish:
            self.finishes[piece.choice] = piece.finish
            self.completion_tokens += message["tokens"]
        return piece


class Completions:
    """The use case behind both completion endpoints."""

    def __init__(self, catalog: Catalog, supervisor: Supervisor) -> None:
        self._catalog, self._supervisor = catalog, supervisor

    async def prepare(self, project: str, request: Sampled) -> Run:
        """Check a request and find its model; raises Unsupported, InvalidInput, ModelNotFound."""
        _refuse_unsupported(request)
        model = await self._catalog.find(project, request.model)
        prompt = request.prompt()
        command = {
            "op": "generate",
            "model": await self._catalog.spec(model),
            **prompt,
            "n": request.n,
            "max_tokens": request.limit(),
            "stop": _stops(request),
            "temperature": 1.0 if request.temperature is None else request.temperature,
            "top_p": request.top_p or 1.0,
            "top_k": request.top_k,
            "repetition_penalty": request.repetition_penalty,
            "seed": request.seed,
        }
        return Run(model, request.n * len(prompt.get("prompts", [None])), command)

    async def pieces(self, run: Run) -> AsyncIterator[Piece]:
        """Text as it appears, until every choice has finished. Leaving early cancels the rest."""
        async with aclosing(self._supervisor.run(run.command)) as messages:  # type: ignore[type-var]
            async for message in messages:
                if piece := run.note(message):
                    yield piece
                if len(run.finishes) == run.choices:
                    return

    async def whole(self, run: Run) -> Run:
        """The request, answered."""
        async for _ in self.pieces(run):
            pass
        return run


def _refuse_unsupported(request: Sampled) -> None:
    for name, wanted in request.refused().items():
        if wanted:
            raise Unsupported(f"{name} is not offered here.", field=name, remedy=f"Leave {name} out.")


def _stops(request: Sampled) -> list[str]:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stops) > MOST_STOPS or not all(stops):
        remedy = f"Give at most {MOST_STOPS} strings, none of them empty."
        raise InvalidInput(
            "stop holds too many strings, or an empty one.", field="stop", limit=MOST_STOPS, remedy=remedy
        )
    return stops
