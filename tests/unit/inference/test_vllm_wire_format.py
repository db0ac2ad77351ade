"""vLLM's request body is explicit, and its stream is parsed into deltas."""

import json
from typing import Any

import httpx
import pytest

from services.inference.errors import PromptRefused
from services.inference.protocol import GenerationRequest, ModelSpec, RenderedPrompts, SamplingParams, TokenLogprob
from services.inference.vllm.engine import unsupported_reason
from services.inference.vllm.wire_format import parse_stream, request_body

SAMPLING = SamplingParams(temperature=0.5, top_p=0.9, top_k=4, repetition_penalty=1.1, seed=7)


def generation(**changes: Any) -> GenerationRequest:
    return GenerationRequest("default", ModelSpec("m", "anneal://m", {}, "", 1), SAMPLING, prompts=["Hello"], **changes)


def test_sampling_and_stop_tokens_are_explicit() -> None:
    sent = request_body(generation(stop=["END"]), "anneal://m", RenderedPrompts([[1, 2, 3]], [0, 9]), 64)
    assert sent["prompt"] == [[1, 2, 3]]
    assert sent["stop_token_ids"] == [0, 9]
    assert sent["ignore_eos"] is True
    assert sent["max_tokens"] == 61
    sampling = {name: sent[name] for name in ("temperature", "top_p", "top_k", "repetition_penalty", "seed")}
    assert sampling == {"temperature": 0.5, "top_p": 0.9, "top_k": 4, "repetition_penalty": 1.1, "seed": 7}


@pytest.mark.parametrize(("ids", "code"), [([1] * 64, "context_length_exceeded"), ([], "empty_prompt")])
def test_prompts_that_do_not_fit_are_rejected(ids: list[int], code: str) -> None:
    with pytest.raises(PromptRefused) as raised:
        request_body(generation(), "m", RenderedPrompts([ids], [0]), 64)
    assert (raised.value.code, raised.value.field) == (code, "prompt")


async def test_tokens_are_counted_per_choice_and_the_stop_token_has_no_text() -> None:
    def choice(index: int, text: str, ids: list[int], **more: Any) -> dict[str, Any]:
        logprobs = {"tokens": [text or "<end>"], "token_logprobs": [-1.0], "top_logprobs": [{text: -1.0, "b": -0.5}]}
        return {"index": index, "text": text, "token_ids": ids, "finish_reason": None, "logprobs": logprobs, **more}

    chunks = [choice(1, "a", [5]), choice(0, "c", [6]), choice(1, "", [0], finish_reason="stop", stop_reason=0)]
    lines = [f"data: {json.dumps({'choices': [chunk]})}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
    found = [text async for text in parse_stream(httpx.Response(200, text="".join(lines)), 1)]
    assert [(text.choice, text.text, text.finish_reason, text.tokens) for text in found] == [
        (1, "a", None, 0),
        (0, "c", None, 0),
        (1, "", "stop", 2),
    ]
    assert found[0].logprobs == [TokenLogprob("a", [97], -1.0, [TokenLogprob("b", [98], -0.5)])]
    assert found[2].logprobs == []


@pytest.mark.parametrize(
    "config",
    [
        {"r": 65},
        {"rank_pattern": {"q_proj": 128}},
        {"modules_to_save": ["lm_head"]},
        {"use_dora": True},
        {"bias": "all"},
        {"target_modules": ["q_proj", "lm_head"]},
    ],
)
def test_adapters_that_vllm_cannot_apply_are_detected(tmp_path: Any, config: dict[str, Any]) -> None:
    def spec(config: dict[str, Any], base: str = "full") -> ModelSpec:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8, **config}))
        ref = {"kind": "adapter", "path": str(tmp_path), "base": {"kind": base}}
        return ModelSpec("m", "anneal://m", ref, "", 1)

    assert unsupported_reason(spec({})) is None
    assert unsupported_reason(spec({}, "adapter"))
    assert unsupported_reason(spec(config))
