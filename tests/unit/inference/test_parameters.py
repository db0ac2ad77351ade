"""Parameters of OpenAI's and vLLM's requests: each is used, accepted without an effect, or refused by name."""

from typing import Any

import pytest
from openai.types import completion_create_params as text_params
from openai.types.chat import completion_create_params as chat_params
from pydantic import ValidationError

from services.inference.errors import UnknownParameter, UnsupportedParameter
from services.inference.openai.parameters import UNSUPPORTED, WITHOUT_EFFECT
from services.inference.openai.schemas import ChatRequest, CompletionRequest, StreamOptions
from shared.runtime.errors import InvalidInput
from tests.support.data_cases import data_case

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
TEXT: dict[str, Any] = {"model": "m", "prompt": "Hello"}


@pytest.mark.parametrize(
    ("request_type", "params"),
    [
        (ChatRequest, chat_params.CompletionCreateParamsBase),
        (CompletionRequest, text_params.CompletionCreateParamsBase),
    ],
)
def test_openais_parameters_are_all_known(request_type: type[ChatRequest | CompletionRequest], params: Any) -> None:
    known = {field.alias or name for name, field in request_type.model_fields.items()}
    assert params.__annotations__.keys() <= known | WITHOUT_EFFECT | UNSUPPORTED.keys()


@data_case("Serving", "`null` for any optional parameter", "As if it were absent", "openai clients")
@pytest.mark.parametrize("body", [CHAT, TEXT])
def test_null_means_absent(body: dict[str, Any]) -> None:
    request_type = ChatRequest if body is CHAT else CompletionRequest
    names = [field.alias or name for name, field in request_type.model_fields.items()]
    nulls = dict.fromkeys([*names, *UNSUPPORTED, *WITHOUT_EFFECT, "unheard_of"])
    assert request_type.model_validate({**nulls, **body}) == request_type.model_validate(body)
    assert StreamOptions.model_validate({"include_usage": None}).include_usage is None


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_null_of_a_required_parameter_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        ChatRequest.model_validate({**CHAT, missing: None})


@data_case("Serving", "A parameter that no API has, such as a misspelt one", "400 that names the closest known one")
@pytest.mark.parametrize(("name", "meant"), [("temprature", "temperature"), ("max_token", "max_tokens")])
def test_unknown_parameter_is_refused(name: str, meant: str) -> None:
    with pytest.raises(UnknownParameter) as refused:
        ChatRequest.model_validate({**CHAT, name: 1})
    assert refused.value.field == name
    assert refused.value.remedy == f"Did you mean {meant}?"
    assert meant in refused.value.limit


@data_case("Serving", "A known parameter that would change the answer and is not supported", "400 with its remedy")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frequency_penalty", 0.5),
        ("logit_bias", {"50256": -100}),
        ("functions", [{"name": "f"}]),
        ("modalities", ["text", "audio"]),
        ("service_tier", "flex"),
        ("verbosity", "low"),
        ("min_p", 0.1),
        ("guided_json", {"type": "object"}),
        ("continue_final_message", True),
        ("stop_token_ids", [2]),
    ],
)
def test_unsupported_parameter_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        ChatRequest.model_validate({**CHAT, name: value})
    assert refused.value.field == name
    assert refused.value.remedy


def test_answers_of_text_completions_are_not_stored() -> None:
    assert ChatRequest.model_validate({**CHAT, "store": True}).store
    with pytest.raises(UnsupportedParameter, match="store") as refused:
        CompletionRequest.model_validate({"model": "m", "prompt": "Hi", "store": True})
    assert "/v1/chat/completions" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    "more",
    [
        {"user": "u", "metadata": {"team": "support"}, "safety_identifier": "s", "prompt_cache_key": "k"},
        {"store": False, "service_tier": "auto", "modalities": ["text"], "frequency_penalty": 0.0, "min_p": 0},
        {"skip_special_tokens": True, "ignore_eos": False, "logit_bias": {}, "best_of": 1, "min_tokens": 0},
    ],
)
def test_parameters_without_an_effect_are_accepted(more: dict[str, Any]) -> None:
    assert ChatRequest.model_validate({**CHAT, **more}) == ChatRequest.model_validate(CHAT)


def test_sampling_parameters_beyond_openais_are_used() -> None:
    request = CompletionRequest.model_validate({**TEXT, "top_k": 5, "repetition_penalty": 1.1})
    assert (request.top_k, request.repetition_penalty) == (5, 1.1)
    assert CompletionRequest.model_validate({**TEXT, "top_k": -1}).top_k == 0, "vLLM's value for all tokens"


@pytest.mark.parametrize(
    ("request_type", "body", "name", "path"),
    [
        (ChatRequest, {**CHAT, "prompt": "Hello"}, "prompt", "/v1/completions"),
        (CompletionRequest, {**TEXT, "messages": []}, "messages", "/v1/chat/completions"),
        (CompletionRequest, {**TEXT, "chat_template_kwargs": {}}, "chat_template_kwargs", "/v1/chat/completions"),
    ],
)
def test_parameter_of_the_other_endpoint_is_named(request_type: Any, body: Any, name: str, path: str) -> None:
    with pytest.raises(UnknownParameter) as refused:
        request_type.model_validate(body)
    assert (refused.value.field, path in (refused.value.remedy or "")) == (name, True)


def test_unknown_stream_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="continuous_usage_stats"):
        ChatRequest.model_validate({**CHAT, "stream": True, "stream_options": {"continuous_usage_stats": True}})


def test_template_variables_are_carried() -> None:
    fields = ChatRequest.model_validate(
        {**CHAT, "chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "low"}
    ).prompt_fields()
    assert fields["chat_template_kwargs"] == {"enable_thinking": False, "reasoning_effort": "low"}
    with pytest.raises(InvalidInput, match="reasoning_effort"):
        ChatRequest.model_validate(
            {**CHAT, "chat_template_kwargs": {"reasoning_effort": "high"}, "reasoning_effort": "low"}
        )


@data_case("Serving", "An empty list as `prompt`, or a list of different kinds", "400 with the forms of a prompt")
@pytest.mark.parametrize("prompt", [[], 5, ["a", 5], [1, "a"], [[1], "a"], [True], [1.5], {"text": "a"}])
def test_prompt_of_another_form_is_refused(prompt: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        CompletionRequest.model_validate({**TEXT, "prompt": prompt})
    assert (refused.value.field, "token ids" in refused.value.limit) == ("prompt", True)


@data_case("Serving", "Half of a surrogate pair in a text", "400 with the field, instead of a failure of the engine")
@pytest.mark.parametrize("more", [{"messages": [{"role": "user", "content": "a\ud800b"}]}, {"model": "\ud800"}])
def test_half_characters_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        ChatRequest.model_validate({**CHAT, **more})
    assert refused.value.field == next(iter(more))
    assert "\\ud800" in refused.value.detail
