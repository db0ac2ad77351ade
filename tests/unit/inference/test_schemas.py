"""OpenAI's shapes in, the engine's command out."""

import pytest
from pydantic import ValidationError

from services.inference.errors import ModelRefused, OutOfMemory, PromptRefused, refusal
from services.inference.openai.chunks import ChatChunks, TextChunks
from services.inference.openai.schemas import ChatRequest, CompletionRequest
from services.inference.protocol import Text


def test_messages_reach_the_template_plain() -> None:
    request = ChatRequest.model_validate(
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    "name": "x",
                },
                {"role": "assistant", "content": None},
            ],
        }
    )
    assert request.prompt()["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "ab", "name": "x"},
        {"role": "assistant", "content": ""},
    ]


def test_images_are_refused() -> None:
    part = {"type": "image_url", "image_url": {"url": "http://x"}}
    with pytest.raises(ValidationError):
        ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": [part]}]})


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2]], [[1], [2]])],
)
def test_prompts_come_in_four_kinds(prompt: object, prompts: object) -> None:
    assert CompletionRequest.model_validate({"model": "m", "prompt": prompt}).prompt() == {"prompts": prompts}


def test_the_newer_name_of_the_limit_wins() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}], "max_tokens": 5}
    assert ChatRequest.model_validate(body).limit() == 5
    assert ChatRequest.model_validate({**body, "max_completion_tokens": 7}).limit() == 7


def test_chunks() -> None:
    chat, text = ChatChunks({"id": "1"}), TextChunks({"id": "1"})
    assert chat.text(Text(1, "a"))["choices"][0]["delta"] == {"content": "a"}
    end = chat.text(Text(0, "", "stop"))["choices"][0]
    assert (end["delta"], end["finish_reason"]) == ({}, "stop")
    assert text.text(Text(0, "a", "length"))["choices"][0]["text"] == "a"
    assert chat.empty()["choices"] == text.empty()["choices"] == []


def test_refusals_keep_the_engines_code() -> None:
    long = refusal({"kind": "refused", "code": "context_exceeded", "detail": "too long", "limit": 511})
    assert isinstance(long, PromptRefused)
    assert (long.code, long.limit, PromptRefused.code) == ("context_length_exceeded", 511, "prompt_refused")
    assert isinstance(refusal({"code": "template_mismatch", "detail": "x"}), ModelRefused)
    assert isinstance(refusal({"code": "out_of_memory", "detail": "x"}), OutOfMemory)
