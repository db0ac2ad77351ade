"""The wire format of vLLM's /v1/completions: builds explicit request bodies and parses the response stream."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from services.inference.errors import error_from_engine
from services.inference.protocol import FinishReason, GenerationRequest, RenderedPrompts, TextDelta, TokenLogprob


def request_body(
    generation: GenerationRequest, name: str, rendered: RenderedPrompts, max_model_len: int
) -> dict[str, Any]:
    """Build the request for rendered prompts within `max_model_len` tokens. Raises PromptRefused."""
    longest, limit = max(map(len, rendered.prompts)), max_model_len - 1
    if not all(rendered.prompts):
        detail = "the prompt is empty"
        raise error_from_engine({"code": "empty_prompt", "detail": detail, "field": generation.prompt_field})
    if longest > limit:
        detail = f"the prompt has {longest} tokens; the model takes at most {limit}"
        refused = {"code": "context_exceeded", "detail": detail, "limit": limit, "field": generation.prompt_field}
        raise error_from_engine(refused)
    sampling = generation.sampling
    remaining = max_model_len - longest
    return {
        "model": name,
        "prompt": rendered.prompts,
        "stop_token_ids": rendered.stop_ids,
        "ignore_eos": True,  # only the template's stop token ids end the output, not the base model's
        "n": generation.n,
        "max_tokens": remaining if generation.max_tokens is None else min(remaining, generation.max_tokens),
        "stop": list(generation.stop),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": 0.0,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": sampling.seed,
        "logprobs": generation.logprobs,
        "skip_special_tokens": not generation.tools,  # tags around a tool call may be special tokens
        "return_token_ids": True,
        "response_format": generation.response_format,
        "stream": True,
    }


async def parse_stream(response: httpx.Response, top_logprobs: int | None) -> AsyncIterator[TextDelta]:
    """Yield the deltas of a response; `top_logprobs` is the requested number of alternatives."""
    token_counts: dict[int, int] = {}
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise error_from_engine({"code": "engine_crashed", "detail": str(chunk["error"].get("message"))})
        for choice in chunk["choices"]:
            index = choice["index"]
            token_counts[index] = token_counts.get(index, 0) + len(choice.get("token_ids") or ())
            yield _delta(choice, token_counts[index], top_logprobs)


def _delta(choice: Mapping[str, Any], tokens: int, top_logprobs: int | None) -> TextDelta:
    finish_reason: FinishReason | None = choice["finish_reason"]
    logprobs = []
    if choice.get("logprobs") and top_logprobs is not None:
        logprobs = _token_logprobs(choice["logprobs"], top_logprobs)
    if finish_reason == "stop" and isinstance(choice.get("stop_reason"), int):
        logprobs = logprobs[:-1]  # the stop token is not part of the text
    return TextDelta(choice["index"], choice["text"], finish_reason, tokens if finish_reason else 0, logprobs)


def _token_logprobs(logprobs: Mapping[str, Any], top_logprobs: int) -> list[TokenLogprob]:
    tops = logprobs.get("top_logprobs") or [None] * len(logprobs["tokens"])
    return [
        TokenLogprob(token, _bytes(token), logprob, _top_alternatives(top or {}, top_logprobs))
        for token, logprob, top in zip(logprobs["tokens"], logprobs["token_logprobs"], tops, strict=True)
    ]


def _top_alternatives(candidates: Mapping[str, float], count: int) -> list[TokenLogprob]:
    best = sorted(candidates.items(), key=lambda entry: -entry[1])[:count]
    return [TokenLogprob(token, _bytes(token), logprob) for token, logprob in best]


def _bytes(token: str) -> list[int] | None:
    return None if "\ufffd" in token else list(token.encode())
