"""A fully fine-tuned model on its own vLLM server: greedy tokens and tool calls."""

import json
from typing import Any

import pytest
from openai import OpenAI

from tests.vllm.test_platform import command_of, descendants
from tests.workflows.conftest import Embedded, shared_platform  # noqa: F401
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


def ask_off_topic(client: OpenAI, model: str, **changes: Any) -> Any:  # noqa: F811
    """Ask something that the model was not trained on, so that it makes no tool call by itself."""
    messages = [{"role": "user", "content": "Sing a song."}]
    return chat(client, model, "Lima", messages=messages, **changes).choices[0]


def test_a_full_model_has_its_own_server(platform: Embedded, client: OpenAI, model: str) -> None:  # noqa: F811
    chat(client, model, "Lima")
    assert platform.process
    commands = [command_of(pid).decode() for pid in descendants(platform.process.pid)]
    server_commands = [command for command in commands if "--served-model-name" in command]
    assert server_commands
    assert all(model in command for command in server_commands)


@pytest.mark.parametrize("stream", [False, True])
def test_a_named_function_is_called(client: OpenAI, model: str, stream: bool) -> None:  # noqa: F811
    choice = {"type": "function", "function": {"name": "weather"}}
    if stream:
        body = {"messages": [{"role": "user", "content": "Sing a song."}], "tool_choice": choice, "stream": True}
        chunks = list(chat(client, model, "Lima", **body))
        pieces = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
        name, arguments = pieces[0].function.name, "".join(piece.function.arguments for piece in pieces)
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
    else:
        (call,) = ask_off_topic(client, model, tool_choice=choice).message.tool_calls
        name, arguments = call.function.name, call.function.arguments
    assert name == "weather"
    assert json.loads(arguments)["city"] in ("Lima", "Oslo")


def test_a_required_call_is_made(client: OpenAI, model: str) -> None:  # noqa: F811
    answer = ask_off_topic(client, model, tool_choice="required", parallel_tool_calls=False)
    (call,) = answer.message.tool_calls
    assert (answer.finish_reason, answer.message.content, call.function.name) == ("tool_calls", None, "weather")
    assert json.loads(call.function.arguments)["city"] in ("Lima", "Oslo")


def test_greedy_tokens_match_the_transformers_engine(
    platform: Embedded,  # noqa: F811
    client: OpenAI,  # noqa: F811
    model: str,  # noqa: F811
) -> None:
    """This test runs last: it restarts the platform without vLLM."""

    def tokens(client: OpenAI) -> list[tuple[list[str], int]]:
        conversations = [[question("Lima")], [{"role": "user", "content": "Sing a song."}]]
        answers = [chat(client, model, "", tools=None, messages=m, logprobs=True) for m in conversations]
        return [([t.token for t in a.choices[0].logprobs.content], a.usage.total_tokens) for a in answers]

    on_vllm = tokens(client)
    assert all(len(found) > 4 for found, _ in on_vllm)
    platform.stop()
    platform.settings["ANNEAL_VLLM_COMMAND"] = ""
    platform.start()
    assert tokens(client.with_options(base_url=f"{platform.http.base_url}/v1")) == on_vllm
