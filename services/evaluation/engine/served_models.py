"""Answers of models that inference serves: the engine asks its service for them, which forwards each request.

Messages: `asked` {id, model, messages, sampling}. Commands: {"op": "answer", "id", "answer": a ModelAnswer's fields, or
null where inference does not serve the model}.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.evaluation.graders.grades import MAX_OPEN_REQUESTS, ModelAnswer, OnAnswer, Sampling
from shared.engine.process.protocol import Commands, EngineError, Reporter

POLL_S = 1.0


class NotServed(Exception):
    """Inference does not serve a model: another attempt loads it here. What it answered before is kept."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


class ServedModels:
    """Asks for the answers, a few at a time."""

    def __init__(self, reporter: Reporter, commands: Commands) -> None:
        self._reporter, self._commands = reporter, commands

    def generate(
        self, model: str, chats: Sequence[Sequence[Mapping[str, Any]]], sampling: Sampling, on_answer: OnAnswer
    ) -> None:
        """Answer every conversation. Raises NotServed, and EngineError `stopped`."""
        waiting, open_ids, is_served = deque(enumerate(chats)), set[int](), True
        parameters = {name: value for name, value in asdict(sampling).items() if value is not None}
        while open_ids or (waiting and is_served):
            while waiting and is_served and len(open_ids) < MAX_OPEN_REQUESTS:
                id, messages = waiting.popleft()
                self._reporter.emit("asked", id=id, model=model, messages=messages, sampling=parameters)
                open_ids.add(id)
            command = self._commands.wait(POLL_S)
            self._reporter.alive()
            if command is None:
                continue
            if command["op"] in ("stop", "cancel"):
                raise EngineError("stopped", "The run was stopped.")
            open_ids.discard(command["id"])
            if command["answer"] is None:
                is_served = False
            else:
                on_answer(command["id"], ModelAnswer(**command["answer"]))
        if not is_served:
            raise NotServed(model)
