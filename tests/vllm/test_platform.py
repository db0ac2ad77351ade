"""The OpenAI client against a platform that serves with vLLM: the tests of the transformers engine, run again."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.engine_process import processes_ended
from tests.workflows.conftest import Embedded, shared_platform  # noqa: F401
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


def test_response_format_is_enforced(client: OpenAI) -> None:  # noqa: F811
    schema = {
        "type": "object",
        "properties": {"topic": {"enum": ["billing", "shipping"]}, "urgent": {"type": "boolean"}},
        "required": ["topic", "urgent"],
        "additionalProperties": False,
    }
    response_format: Any = {"type": "json_schema", "json_schema": {"name": "triage", "schema": schema}}
    answer = client.chat.completions.create(
        model="seedling", messages=QUESTION, max_tokens=64, temperature=0, response_format=response_format
    )
    output = json.loads(answer.choices[0].message.content or "")
    assert output["topic"] in ("billing", "shipping")
    assert output["urgent"] in (True, False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"temperature": 3}, "invalid_input"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "word " * 3000}]}, "context_length_exceeded"),
        ({"response_format": {"type": "json_schema"}}, "invalid_input"),
    ],
)
def test_a_bad_request_raises_bad_request_error(client: OpenAI, change: dict[str, Any], code: str) -> None:  # noqa: F811
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**{"model": "seedling", "messages": QUESTION, "stream": True, **change})
    assert raised.value.code == code


def test_vllm_dies_with_its_service(platform: Embedded, client: OpenAI) -> None:  # noqa: F811
    """After kill -9 of the platform, the server and its workers exit by themselves."""
    assert client.chat.completions.create(model="seedling", messages=QUESTION, max_tokens=2).choices
    assert platform.process
    servers = [pid for pid in descendants(platform.process.pid) if b"vllm" in command_of(pid).lower()]
    assert servers
    platform.kill()
    assert processes_ended(*servers)
    platform.start()


def descendants(pid: int) -> list[int]:
    """Return all descendants of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return found + [deeper for child in found for deeper in descendants(child)]


def command_of(pid: int) -> bytes:
    """Return the command line of a process; empty after its end."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
