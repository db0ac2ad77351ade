"""Forwards an engine's requests for answers to inference or an endpoint, and the answers to the engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from services.evaluation.evals.inference import Inference
from services.evaluation.evals.models import EndpointFailed, PinnedModel
from services.evaluation.graders.grades import ModelAnswer
from shared.runtime.processes.children import Child

log = structlog.get_logger(__name__)

Message = dict[str, Any]
OnMessage = Callable[[Message], Awaitable[None]]
AskEndpoint = Callable[[list[dict[str, Any]], Mapping[str, Any]], Awaitable[ModelAnswer]]
"""Messages and sampling -> the answer of the run's endpoint. Raises EndpointFailed."""


@dataclass
class Asking:
    """The open requests of one engine. The engine bounds their number (engine/served_models.py)."""

    inference: Inference
    project: str
    models: Mapping[str, PinnedModel]
    child: Child
    endpoint: AskEndpoint | None = None
    """Answers instead of inference."""
    failure: EndpointFailed | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    not_served: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Asking"]:
        """At the end, requests without an answer are cancelled."""
        try:
            yield self
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def before(self, on_message: OnMessage) -> OnMessage:
        """A handler of the engine's messages that leaves all others to `on_message`. Raises EndpointFailed."""

        async def handle(message: Message) -> None:
            if self.failure:
                raise self.failure
            if message["kind"] != "asked":
                await on_message(message)
                return
            task = asyncio.create_task(self._answer(message))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

        return handle

    async def _answer(self, message: Message) -> None:
        answer, name = None, message["model"]
        if self.endpoint:
            answer = await self._from_endpoint(self.endpoint, message)
        elif name not in self.not_served:
            try:
                answer = await self.inference.answer(
                    self.project, self.models[name], message["messages"], message["sampling"]
                )
            except Exception:  # without an answer the engine would wait for ever; so it loads the model
                log.exception("inference_not_asked", model=name)
        if answer is None:
            self.not_served.add(name)
        fields = asdict(answer) if answer else None
        await self.child.send({"op": "answer", "id": message["id"], "answer": fields})

    async def _from_endpoint(self, ask: AskEndpoint, message: Message) -> ModelAnswer:
        """Its answer. After a failure, an error that no row keeps: the next message ends the engine."""
        try:
            return await ask(message["messages"], message["sampling"])
        except EndpointFailed as failure:
            self.failure = self.failure or failure
        except Exception as error:
            log.exception("endpoint_not_asked")
            self.failure = self.failure or EndpointFailed("judge_unavailable", str(error))
        return ModelAnswer(finish_reason="error", error={"code": "judge_unavailable", "message": ""})
