"""A model whose weights were all trained here, on a vLLM server of its own: its tokens, its tool calls."""

import json
from typing import Any

import pytest
from openai import OpenAI

from tests.vllm.test_platform import command_of, descendants
from tests.workflows.conftest import Embedded
from tests.workflows.test_tools import (  # noqa: F401
    chat,
    client,
    model,
    platform,
    question,
    test_streamed_tool_call,
    test_template_without_tools_is_refused,
    test_tool_call_and_final_answer,
    test_tool_choice_none_prevents_calls,
)


def unrelated(client: OpenAI, model: str, **changes: Any) -> Any:  # noqa: F811
    """Asked for something that the model was not trained on, and that would not end in a call."""
    messages = [{"role": "user", "content": "Sing a song."}]
    return chat(client, model, "Lima", messages=messages, **changes).choices[0]


def test_it_has_a_server_of_its_own(platform: Embedded, client: OpenAI, model: str) -> None:  # noqa: F811
    chat(client, model, "Lima")
    assert platform.process
    commands = [command_of(pid).decode() for pid in descendants(platform.process.pid)]
    served = [command for command in commands if "--served-model-name" in command]
    assert served
    assert all(model in command for command in served)


@pytest.mark.parametrize("stream", [False, True])
def test_a_named_function_is_called(client: OpenAI, model: str, stream: bool) -> None:  # noqa: F811
    choice = {"type": "function", "function": {"name": "weather"}}
    if stream:
        asked = {"messages": [{"role": "user", "content": "Sing a song."}], "tool_choice": choice, "stream": True}
        chunks = list(chat(client, model, "Lima", **asked))
        pieces = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
        named, written = pieces[0].function.name, "".join(piece.function.arguments for piece in pieces)
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
    else:
        (call,) = unrelated(client, model, tool_choice=choice).message.tool_calls
        named, written = call.function.name, call.function.arguments
    assert named == "weather"
    assert json.loads(written)["city"] in ("Lima", "Oslo")


def test_a_required_call_is_made(client: OpenAI, model: str) -> None:  # noqa: F811
    answer = unrelated(client, model, tool_choice="required", parallel_tool_calls=False)
    (call,) = answer.message.tool_calls
    assert (answer.finish_reason, answer.message.content, call.function.name) == ("tool_calls", None, "weather")
    assert json.loads(call.function.arguments)["city"] in ("Lima", "Oslo")


def test_its_greedy_tokens_are_those_of_the_transformers_engine(
    platform: Embedded,  # noqa: F811
    client: OpenAI,  # noqa: F811
    model: str,  # noqa: F811
) -> None:
    """Last: the platform is started again without vLLM."""

    def tokens(client: OpenAI) -> list[tuple[list[str], int]]:
        asked = [[question("Lima")], [{"role": "user", "content": "Sing a song."}]]
        answers = [chat(client, model, "", tools=None, messages=m, logprobs=True) for m in asked]
        return [([t.token for t in a.choices[0].logprobs.content], a.usage.total_tokens) for a in answers]

    on_vllm = tokens(client)
    assert all(len(found) > 4 for found, _ in on_vllm)
    platform.stop()
    platform.settings["ANNEAL_VLLM_COMMAND"] = ""
    platform.start()
    assert tokens(client.with_options(base_url=f"{platform.http.base_url}/v1")) == on_vllm
