"""Answers of a model elsewhere, through an OpenAI-compatible endpoint that the caller of a judgement names."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from services.evaluation.evals.models import Endpoint, EndpointFailed
from services.evaluation.graders.grades import ModelAnswer
from shared.runtime.errors import AnnealError
from shared.runtime.http.addresses import AddressPolicy
from shared.runtime.http.outbound import outbound_client
from shared.runtime.resources import Resources

TIMEOUT_S = 600.0
"""A long answer of a large model."""
ATTEMPTS = 6
RETRY_DELAY_S, MAX_DELAY_S = 1.0, 60.0
MAX_BYTES = 4 << 20
"""Of a response."""
REFUSES_ROW = frozenset((400, 413, 422))
"""Statuses that may be about this prompt alone: it is too long, or filtered."""


@dataclass(frozen=True)
class Endpoints:
    """Sends chat completions to checked addresses only: public ones by https, and ANNEAL_JUDGE_HOSTS."""

    resources: Resources

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        settings = self.resources.settings
        policy = AddressPolicy(
            settings.judge_hosts,
            field="judge.base_url",
            setting="ANNEAL_JUDGE_HOSTS",
            instead="Ask",
            only=settings.outbound_hosts,
        )
        return outbound_client(policy)

    async def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    async def answer(
        self, endpoint: Endpoint, key: str | None, messages: list[dict[str, Any]], sampling: Mapping[str, Any]
    ) -> ModelAnswer:
        """The answer, or the error of a prompt that it refuses. Raises EndpointFailed where no other would do better.

        Sent are model, messages, temperature 0 and max_tokens, and what `parameters` change of it; null leaves out.
        """
        wanted = {"temperature": sampling["temperature"], "max_tokens": sampling["max_tokens"], **endpoint.parameters}
        body = {"model": endpoint.model, "messages": messages, **wanted}
        body = {name: value for name, value in body.items() if value is not None}
        failure, delay = "", RETRY_DELAY_S
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(delay, MAX_DELAY_S))
                delay *= 2
            try:
                status, content, retry_after = await self._post(endpoint, key, body)
            except AnnealError as error:
                raise EndpointFailed(error.code, f"{error.detail} {error.remedy or ''}".strip()) from error
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                failure = f"does not answer ({type(error).__name__})"
                continue
            if status == httpx.codes.OK:
                return _read(content)
            failure = f"answered {status}{_reason(content)}"
            if status in REFUSES_ROW:
                error_fields = {"code": "judge_refused_prompt", "message": f"The endpoint {failure}"}
                return ModelAnswer(finish_reason="error", error=error_fields, answered_by="endpoint")
            if status < 500 and status not in (408, 409, 429):
                raise EndpointFailed("judge_refused", f"The endpoint {failure}")
            delay = max(delay, retry_after)
        raise EndpointFailed("judge_unavailable", f"The endpoint {failure}, {ATTEMPTS} times.", temporary=True)

    async def _post(self, endpoint: Endpoint, key: str | None, body: dict[str, Any]) -> tuple[int, bytes, float]:
        """Status, content and seconds to wait. Redirects are not followed: the key is for this address."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        url = f"{endpoint.base_url.rstrip('/')}/chat/completions"
        content = b""
        async with (
            asyncio.timeout(TIMEOUT_S),
            self._client.stream(
                "POST", url, json=body, headers=headers, follow_redirects=False, timeout=TIMEOUT_S
            ) as response,
        ):
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise httpx.DecodingError("the response is too long")
            after = response.headers.get("retry-after", "")
            return response.status_code, content, float(after) if after.isdigit() else 0.0


def _read(content: bytes) -> ModelAnswer:
    """The answer in a chat completion. Raises EndpointFailed for something else."""
    try:
        completion = json.loads(content)
        choice, usage = completion["choices"][0], completion.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        text = choice["message"].get("content") or ""
        if not isinstance(text, str):
            raise TypeError
        return ModelAnswer(text, str(choice.get("finish_reason") or "stop"), *tokens, answered_by="endpoint")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        detail = "The endpoint answers, but not with a chat completion as OpenAI's API has it."
        raise EndpointFailed("judge_refused", detail) from error


def _reason(content: bytes) -> str:
    """`: message` of an error in OpenAI's format, at most 300 characters; else a full stop."""
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        return f": {str(json.loads(content)['error']['message'])[:300]}"
    return "."
