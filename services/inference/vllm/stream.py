"""The language of vLLM's /v1/completions: a request with everything explicit, and its stream read as texts."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from services.inference.errors import refusal
from services.inference.protocol import Finish, Generation, Rendered, Text, TokenLogprob


def body(generation: Generation, name: str, rendered: Rendered, context: int) -> dict[str, Any]:
    """The request for rendered prompts; `context` in tokens bounds them. Raises PromptRefused."""
    longest, shortest = max(map(len, rendered.prompts)), min(map(len, rendered.prompts))
    if longest >= context or not shortest:
        told = f"the prompt has {longest if shortest else 0} tokens; the model takes 1 to {context - 1}"
        raise refusal(
            {"code": "context_exceeded" if shortest else "empty_prompt", "detail": told, "limit": context - 1}
        )
    sampling = generation.sampling
    room = context - longest
    return {
        "model": name,
        "prompt": rendered.prompts,
        "stop_token_ids": rendered.stop_ids,
        "ignore_eos": True,  # only the template's own stop ids end an answer, not the base's
        "n": generation.n,
        "max_tokens": room if generation.max_tokens is None else min(room, generation.max_tokens),
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
        "skip_special_tokens": not generation.tools,  # some models mark the tags around a call as special
        "return_token_ids": True,
        "response_format": generation.response_format,
        "stream": True,
    }


async def texts(response: httpx.Response, most: int | None) -> AsyncIterator[Text]:
    """The stream's texts; `most` is how many likeliest tokens were asked for."""
    tokens: dict[int, int] = {}
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise refusal({"code": "engine_crashed", "detail": str(chunk["error"].get("message"))})
        for choice in chunk["choices"]:
            index = choice["index"]
            tokens[index] = tokens.get(index, 0) + len(choice.get("token_ids") or ())
            yield _text(choice, tokens[index], most)


def _text(choice: Mapping[str, Any], tokens: int, most: int | None) -> Text:
    finish: Finish | None = choice["finish_reason"]
    likely = _likely(choice["logprobs"], most) if choice.get("logprobs") and most is not None else []
    if finish == "stop" and isinstance(choice.get("stop_reason"), int):
        likely = likely[:-1]  # the stop token is no part of the text
    return Text(choice["index"], choice["text"], finish, tokens if finish else 0, likely)


def _likely(told: Mapping[str, Any], most: int) -> list[TokenLogprob]:
    tops = told.get("top_logprobs") or [None] * len(told["tokens"])
    return [
        TokenLogprob(token, _bytes(token), logprob, _top(top or {}, most))
        for token, logprob, top in zip(told["tokens"], told["token_logprobs"], tops, strict=True)
    ]


def _top(likely: Mapping[str, float], most: int) -> list[TokenLogprob]:
    best = sorted(likely.items(), key=lambda entry: -entry[1])[:most]
    return [TokenLogprob(token, _bytes(token), logprob) for token, logprob in best]


def _bytes(token: str) -> list[int] | None:
    return None if "\ufffd" in token else list(token.encode())
