"""Tools with OpenAI's own client: a model that learned to call them on the platform, asked as their guide says."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.tiny_model import HERMES
from tests.workflows.conftest import Embedded
from tests.workflows.test_openai import key_of

SEEDLING = Path(__file__).parents[2] / "services/training/seedling"
TOWNS = ("Lima", "Oslo")
PARAMETERS = {"type": "object", "properties": {"cluster": {"enum": list(TOWNS)}}, "required": ["cluster"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "description": "Now, in a town.", "parameters": PARAMETERS}}
]
HOW = {"method": "full", "max_steps": 40, "batch_size": 2, "learning_rate": 1e-3}


def question(town: str) -> dict[str, Any]:
    return {"role": "user", "content": f"How warm is it in {town}?"}


def row(town: str) -> bytes:
    """A conversation in OpenAI's format: a call, what it found, the answer."""
    function = {"name": "weather", "arguments": json.dumps({"cluster": town})}
    messages = [
        question(town),
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"{len(town)} degrees"},
        {"role": "assistant", "content": f"It is {len(town)} degrees in {town}."},
    ]
    return json.dumps({"messages": messages, "tools": TOOLS}).encode()


def calling_base() -> bytes:
    """seedling with a template that shows tools, as a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in SEEDLING.iterdir():
            if file.name not in ("chat_template.jinja", "README.md"):
                archive.write(file, file.name)
        archive.writestr("chat_template.jinja", HERMES)
    return packed.getvalue()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    started = Embedded(tmp_path_factory.mktemp("tools") / "home")
    started.start()
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def client(platform: Embedded) -> OpenAI:
    return OpenAI(base_url=f"{platform.http.base_url}/v1", api_key=key_of(platform), max_retries=0)


@pytest.fixture(scope="module")
def model(platform: Embedded) -> str:
    """All weights of a base trained until it calls the tool."""
    form: Any = {"files": {"file": ("calling.zip", calling_base())}, "data": {"name": "calling"}}
    base = platform.http.post("/models/base", **form).raise_for_status().json()["id"]
    dataset = (
        platform.upload("calls.jsonl", b"\n".join(map(row, TOWNS)), validation_share="0")
        .raise_for_status()
        .json()["id"]
    )
    job = {"base": base, "dataset": dataset, "name": "calling", **HOW}
    id = platform.post("/training/jobs", job)["id"]
    done = platform.until(f"/training/jobs/{id}", lambda job: job["state"] in ("succeeded", "failed"))
    assert done["state"] == "succeeded", done
    return str(done["model_id"])


def ask(client: OpenAI, model: str, town: str, **changes: Any) -> Any:
    asked = {"messages": [question(town)], "tools": TOOLS, "temperature": 0, "max_tokens": 64, **changes}
    return client.chat.completions.create(model=model, **asked)


def test_a_call_and_its_answer(client: OpenAI, model: str) -> None:
    called = ask(client, model, "Lima").choices[0]
    assert called.finish_reason == "tool_calls"
    assert called.message.content is None
    (call,) = called.message.tool_calls
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == (
        "function",
        "weather",
        {"cluster": "Lima"},
    )
    found = {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"}
    answered = ask(client, model, "Lima", messages=[question("Lima"), called.message, found]).choices[0]
    assert (answered.message.content, answered.finish_reason) == ("It is 4 degrees in Lima.", "stop")
    assert answered.message.tool_calls is None


def test_a_streamed_call(client: OpenAI, model: str) -> None:
    chunks = list(ask(client, model, "Oslo", stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls if call.id] == ["weather"]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"cluster": "Oslo"}
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_no_call_where_none_may_be(client: OpenAI, model: str) -> None:
    answer = ask(client, model, "Lima", tool_choice="none").choices[0]
    assert answer.message.tool_calls is None
    assert answer.finish_reason in ("stop", "length")


@pytest.mark.parametrize("stream", [False, True])
def test_tools_that_the_template_does_not_show(client: OpenAI, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match="chat template shows no tools") as raised:
        ask(client, "seedling", "Lima", stream=stream)
    assert (raised.value.param, raised.value.code) == ("tools", "unsupported_parameter")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_call_that_only_vllm_can_force(client: OpenAI, model: str, choice: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="force") as raised:
        ask(client, model, "Lima", tool_choice=choice)
    assert raised.value.param == "tool_choice"
