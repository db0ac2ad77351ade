"""The official client against a whole platform whose models vLLM serves: the embedded engine's journeys, once more."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.engine_process import processes_ended
from tests.workflows.conftest import Embedded
from tests.workflows.test_openai import (  # noqa: F401
    QUESTION,
    client,
    platform,
    test_chat,
    test_completion,
    test_key_with_infer_scope_cannot_write,
    test_log_probabilities,
    test_models,
    test_stop_string_ends_the_response,
    test_streamed_chat_equals_the_whole_response,
    test_unknown_resources_are_not_found,
    test_upload_to_chat,
    test_wrong_key_is_refused,
)


def test_an_answer_has_the_form_that_was_asked_for(client: OpenAI) -> None:  # noqa: F811
    schema = {
        "type": "object",
        "properties": {"topic": {"enum": ["billing", "shipping"]}, "urgent": {"type": "boolean"}},
        "required": ["topic", "urgent"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "triage", "schema": schema}}
    answer = client.chat.completions.create(
        model="seedling", messages=QUESTION, max_tokens=64, temperature=0, response_format=form
    )
    told = json.loads(answer.choices[0].message.content or "")
    assert told["topic"] in ("billing", "shipping")
    assert told["urgent"] in (True, False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"temperature": 3}, "invalid_input"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "word " * 3000}]}, "context_length_exceeded"),
        ({"response_format": {"type": "json_schema"}}, "invalid_input"),
    ],
)
def test_a_bad_request_is_its_own_exception(client: OpenAI, change: dict[str, Any], code: str) -> None:  # noqa: F811
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**{"model": "seedling", "messages": QUESTION, "stream": True, **change})
    assert raised.value.code == code


def test_vllm_ends_with_its_room(platform: Embedded, client: OpenAI) -> None:  # noqa: F811
    """kill -9 of the platform: the server and its workers notice by themselves."""
    assert client.chat.completions.create(model="seedling", messages=QUESTION, max_tokens=2).choices
    assert platform.process
    servers = [pid for pid in descendants(platform.process.pid) if b"vllm" in command_of(pid).lower()]
    assert servers
    platform.kill()
    assert processes_ended(*servers)
    platform.start()


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return found + [deeper for child in found for deeper in descendants(child)]


def command_of(pid: int) -> bytes:
    """What a process runs; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
