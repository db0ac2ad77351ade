"""OpenAI's request schemas, stream chunks, and the mapping of engine errors."""

import pytest

from services.inference.errors import ModelRefused, OutOfMemory, PromptRefused, error_from_engine
from services.inference.openai.chunks import ChatChunkBuilder, TextChunkBuilder
from services.inference.openai.schemas import ChatRequest, CompletionRequest, Usage
from services.inference.protocol import TextDelta
from shared.runtime.errors import InvalidInput


def test_messages_are_normalized_for_the_template() -> None:
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
    assert request.prompt_fields()["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a\nb", "name": "x"},
        {"role": "assistant", "content": ""},
    ]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2]], [[1], [2]])],
)
def test_prompts_have_four_formats(prompt: object, prompts: object) -> None:
    assert CompletionRequest.model_validate({"model": "m", "prompt": prompt}).prompt_fields() == {"prompts": prompts}


def test_max_tokens_has_two_names() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}], "max_tokens": 5}
    assert ChatRequest.model_validate(body).max_new_tokens() == 5
    assert ChatRequest.model_validate({**body, "max_tokens": None, "max_completion_tokens": 7}).max_new_tokens() == 7
    with pytest.raises(InvalidInput, match="differs"):
        ChatRequest.model_validate({**body, "max_completion_tokens": 7})


def test_chunks() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    chat, text = ChatChunkBuilder({"id": "1"}), TextChunkBuilder({"id": "1"})
    assert chat.delta_chunk(TextDelta(1, "a"))["choices"][0]["delta"] == {"content": "a"}
    end = chat.delta_chunk(TextDelta(0, "", "stop"))["choices"][0]
    assert (end["delta"], end["finish_reason"]) == ({}, "stop")
    assert text.delta_chunk(TextDelta(0, "a", "length"))["choices"][0]["text"] == "a"
    assert chat.usage_chunk(usage)["choices"] == text.usage_chunk(usage)["choices"] == []


def test_engine_errors_keep_their_code() -> None:
    long = error_from_engine({"kind": "refused", "code": "context_exceeded", "detail": "too long", "limit": 511})
    assert isinstance(long, PromptRefused)
    assert (long.code, long.limit, PromptRefused.code) == ("context_length_exceeded", 511, "prompt_refused")
    assert isinstance(error_from_engine({"code": "template_mismatch", "detail": "x"}), ModelRefused)
    assert isinstance(error_from_engine({"code": "out_of_memory", "detail": "x"}), OutOfMemory)
