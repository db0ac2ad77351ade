"""Function calling with the OpenAI client, on a model fine-tuned on the platform to call a tool."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.tiny_model import HERMES
from tests.workflows.conftest import Embedded
from tests.workflows.test_openai import api_key

SEEDLING = Path(__file__).parents[2] / "services/training/seedling"
CITIES = ("Lima", "Oslo")
PARAMETERS = {"type": "object", "properties": {"city": {"enum": list(CITIES)}}, "required": ["city"]}
TOOLS: Any = [
    {
        "type": "function",
        "function": {"name": "weather", "description": "The current weather in a city.", "parameters": PARAMETERS},
    }
]
SETTINGS = {"method": "full", "max_steps": 40, "batch_size": 2, "learning_rate": 1e-3}


def question(city: str) -> dict[str, Any]:
    return {"role": "user", "content": f"How warm is it in {city}?"}


def row(city: str) -> bytes:
    """Return a conversation in OpenAI's format: tool call, tool result, answer."""
    function = {"name": "weather", "arguments": json.dumps({"city": city})}
    messages = [
        question(city),
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"{len(city)} degrees"},
        {"role": "assistant", "content": f"It is {len(city)} degrees in {city}."},
    ]
    return json.dumps({"messages": messages, "tools": TOOLS}).encode()


def base_with_tool_template() -> bytes:
    """Return a zip of seedling with a chat template that renders tools."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in SEEDLING.iterdir():
            if file.name not in ("chat_template.jinja", "README.md"):
                archive.write(file, file.name)
        archive.writestr("chat_template.jinja", HERMES)
    return packed.getvalue()


@pytest.fixture(scope="module")
def platform(shared_platform: Embedded) -> Embedded:
    return shared_platform


@pytest.fixture(scope="module")
def client(platform: Embedded) -> OpenAI:
    return OpenAI(base_url=f"{platform.http.base_url}/v1", api_key=api_key(platform), max_retries=0)


@pytest.fixture(scope="module")
def model(platform: Embedded) -> str:
    """The id of a model that is fully fine-tuned until it calls the tool."""
    form: Any = {"files": {"file": ("calling.zip", base_with_tool_template())}, "data": {"name": "calling"}}
    base = platform.http.post("/models/base", **form).raise_for_status().json()["id"]
    dataset = (
        platform.upload("calls.jsonl", b"\n".join(map(row, CITIES)), validation_share="0")
        .raise_for_status()
        .json()["id"]
    )
    job = {"base": base, "dataset": dataset, "name": "calling tuned", **SETTINGS}
    id = platform.post("/training/jobs", job)["id"]
    done = platform.until(f"/training/jobs/{id}", lambda job: job["state"] in ("succeeded", "failed"))
    assert done["state"] == "succeeded", done
    return str(done["model_id"])


def chat(client: OpenAI, model: str, city: str, **changes: Any) -> Any:
    request = {"messages": [question(city)], "tools": TOOLS, "temperature": 0, "max_tokens": 64, **changes}
    return client.chat.completions.create(model=model, **request)


def test_tool_call_and_final_answer(client: OpenAI, model: str) -> None:
    called = chat(client, model, "Lima").choices[0]
    assert called.finish_reason == "tool_calls"
    assert called.message.content is None
    (call,) = called.message.tool_calls
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == (
        "function",
        "weather",
        {"city": "Lima"},
    )
    found = {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"}
    answered = chat(client, model, "Lima", messages=[question("Lima"), called.message, found]).choices[0]
    assert (answered.message.content, answered.finish_reason) == ("It is 4 degrees in Lima.", "stop")
    assert answered.message.tool_calls is None


def test_streamed_tool_call(client: OpenAI, model: str) -> None:
    chunks = list(chat(client, model, "Oslo", stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls if call.id] == ["weather"]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Oslo"}
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_tool_choice_none_prevents_calls(client: OpenAI, model: str) -> None:
    answer = chat(client, model, "Lima", tool_choice="none").choices[0]
    assert answer.message.tool_calls is None
    assert answer.finish_reason in ("stop", "length")


@pytest.mark.parametrize("stream", [False, True])
def test_template_without_tools_is_refused(client: OpenAI, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match="does not render tools") as raised:
        chat(client, "seedling", "Lima", stream=stream)
    assert (raised.value.param, raised.value.code) == ("tools", "unsupported_parameter")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_forced_tool_choice_needs_vllm(client: OpenAI, model: str, choice: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="force") as raised:
        chat(client, model, "Lima", tool_choice=choice)
    assert raised.value.param == "tool_choice"
