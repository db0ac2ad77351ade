"""Answers of models from the inference service, through its OpenAI API like those of any client."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

import httpx
import structlog

from services.evaluation.evals.models import PinnedModel
from services.evaluation.graders.grades import MAX_OPEN_REQUESTS, ModelAnswer
from shared.runtime.http.principal import Principal, Signer
from shared.runtime.http.service_calls import SignedCall, is_reachable, open_client
from shared.runtime.processes.turns import Turns
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)

NAME: Final = "inference"
CHAT: Final = httpx.URL("http://service/v1/chat/completions")
"""Whole, because httpx takes longer to join an address than inference to route it."""
ANSWER_TIMEOUT_S = 3600.0
"""A long answer on a CPU, behind those of others."""
ATTEMPTS = 4
"""Of a request that fails for another reason than a full queue."""
RETRY_DELAY_S, MAX_DELAY_S = 1.0, 30.0
OF_THE_PROMPT = frozenset(
    ("context_length_exceeded", "empty_prompt", "template_refused", "template_unsupported", "conversation_too_large")
)
"""Codes of prompts that no engine answers."""


class Inference:
    """The inference service as this one sees it. Of all runs, MAX_OPEN_REQUESTS requests are open at once.

    Inference decodes four times as many rows of a project, so a run of any length leaves room for its chat.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._places = Turns(MAX_OPEN_REQUESTS)
        self._signer = Signer(resources.keyring, "evaluation")
        if self.reachable:
            resources.keyring.call_keys("evaluation", NAME)  # Misconfigured ends the start, not a run

    @property
    def reachable(self) -> bool:
        """Whether this process knows where it is."""
        return is_reachable(self._resources, NAME)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        return open_client(self._resources, NAME, read_timeout=ANSWER_TIMEOUT_S)

    async def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    async def answer(
        self, project: str, model: PinnedModel, messages: list[dict[str, Any]], sampling: Mapping[str, Any]
    ) -> ModelAnswer | None:
        """The answer to a conversation, an error where no engine could give one; None: inference does not serve it.

        A request that finds the queue full is sent until it is accepted.
        """
        attempt, delay = 1, RETRY_DELAY_S
        while True:
            async with self._places.place(project):
                response = await self._ask(project, model.id, messages, sampling)
            if response is not None and response.status_code == httpx.codes.OK:
                return _read(response.json(), model)
            error = _error(response)
            if error["code"] in OF_THE_PROMPT:
                return ModelAnswer(finish_reason="error", error=error, answered_by=NAME)
            is_busy = error["code"] in ("engine_busy", "rate_limit_exceeded")
            attempt += not is_busy
            if attempt > ATTEMPTS or (response is not None and response.status_code < 429):
                log.warning("not_answered_by_inference", model_id=model.id, **error)
                return None
            wanted = 0.0 if response is None else _retry_after(response)
            await asyncio.sleep(min(max(delay, wanted), MAX_DELAY_S))
            delay *= 2 - is_busy

    async def _ask(
        self, project: str, model_id: str, messages: list[dict[str, Any]], sampling: Mapping[str, Any]
    ) -> httpx.Response | None:
        """Send a request; None where the service does not respond."""
        body = {"model": model_id, "messages": messages, **sampling}
        auth = SignedCall(self._signer, NAME, Principal("anneal/evaluation", project, ("infer",)))
        try:
            return await self._client.post(CHAT, json=body, auth=auth)
        except httpx.TransportError:
            return None


def _read(completion: dict[str, Any], model: PinnedModel) -> ModelAnswer | None:
    """The answer, stripped as own engines do; None from a model with another chat template than was pinned."""
    fingerprint = f"fp_{model.template_hash[:12]}"
    if model.template_hash and completion["system_fingerprint"] != fingerprint:
        log.warning("not_answered_by_inference", model_id=model.id, code="template_mismatch")
        return None
    choice, usage = completion["choices"][0], completion["usage"]
    tokens = usage["prompt_tokens"], usage["completion_tokens"]
    text = (choice["message"]["content"] or "").strip()
    return ModelAnswer(text, choice["finish_reason"], *tokens, answered_by=NAME)


def _error(response: httpx.Response | None) -> dict[str, str]:
    """Code and message of a response in OpenAI's format."""
    if response is not None:
        with suppress(ValueError, KeyError, TypeError):
            error = response.json()["error"]
            return {"code": str(error["code"]), "message": str(error["message"])}
    return {"code": "service_unavailable", "message": "The inference service does not respond."}


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0
