"""The OpenAI Python client against the platform; only the base URL and the API key differ from OpenAI."""

import io
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.data_cases import data_case
from tests.workflows.conftest import Embedded

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"
QUESTION: Any = [{"role": "user", "content": "My card was charged twice"}]


@pytest.fixture(scope="module")
def platform(shared_platform: Embedded) -> Embedded:
    return shared_platform


@pytest.fixture(scope="module")
def client(platform: Embedded) -> OpenAI:
    return OpenAI(base_url=f"{platform.http.base_url}/v1", api_key=api_key(platform), max_retries=0)


def api_key(platform: Embedded) -> str:
    return (platform.home / "api-key").read_text().strip()


def rows(count: int) -> bytes:
    return b"\n".join(SAMPLE.read_bytes().splitlines()[:count])


# Chat and completions


def test_models(client: OpenAI) -> None:
    assert "seedling" in [model.id for model in client.models.list()]
    assert client.models.retrieve("seedling").object == "model"


def test_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="seedling", messages=QUESTION, n=2, temperature=0.8, top_p=0.9, seed=7, max_completion_tokens=12
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage is not None
    assert 2 <= answer.usage.completion_tokens <= 24
    again = client.chat.completions.create(
        model="seedling", messages=QUESTION, n=2, temperature=0.8, top_p=0.9, seed=7, max_completion_tokens=12
    )
    assert [choice.message.content for choice in again.choices] == [choice.message.content for choice in answer.choices]


def test_streamed_chat_equals_the_whole_response(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "seedling", "messages": QUESTION, "temperature": 0, "max_tokens": 16}
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert [c.choices[0].finish_reason for c in chunks[:-1]][-1] == whole.choices[0].finish_reason


def test_stop_string_ends_the_response(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "seedling", "messages": QUESTION, "temperature": 0, "max_tokens": 16}
    whole = client.chat.completions.create(**request).choices[0].message.content or ""
    cut = client.chat.completions.create(**request, stop=[whole[4:7]]).choices[0]
    assert (cut.message.content, cut.finish_reason) == (whole[: whole.index(whole[4:7])], "stop")


def test_log_probabilities(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "seedling", "messages": QUESTION, "temperature": 0, "max_tokens": 5}
    choice = client.chat.completions.create(**request, logprobs=True, top_logprobs=3).choices[0]
    assert choice.logprobs is not None
    content = choice.logprobs.content or []
    assert "".join(token.token for token in content) == choice.message.content
    assert all(token.logprob == max(other.logprob for other in token.top_logprobs) for token in content)


def test_completion(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "seedling", "prompt": "The train", "temperature": 0, "max_tokens": 8}
    whole = client.completions.create(**request, logprobs=2)
    streamed = client.completions.create(**request, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == whole.choices[0].text
    assert whole.choices[0].logprobs is not None
    assert len(whole.choices[0].logprobs.token_logprobs or []) == 8


# Errors


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "invalid_input"),
        ({"n": 0}, "n", "invalid_input"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "word " * 3000}]}, "messages", "context_length_exceeded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_requests_name_their_parameter(
    client: OpenAI, change: dict[str, Any], param: str, code: str, stream: bool
) -> None:
    request: Any = {"model": "seedling", "messages": QUESTION, "stream": stream, **change}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**request)
    assert (raised.value.param, raised.value.code) == (param, code)


def test_unknown_resources_are_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("file-nothing")
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.retrieve("ftjob-nothing")


def test_wrong_key_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="anneal_wrong").models.list()


def test_key_with_infer_scope_cannot_write(platform: Embedded, client: OpenAI) -> None:
    key = platform.post("/auth/keys", {"name": "infer", "scopes": ["infer"]})["key"]
    narrow = client.with_options(api_key=key)
    assert narrow.models.list().data
    with pytest.raises(openai.PermissionDeniedError):
        narrow.files.create(file=("rows.jsonl", rows(4)), purpose="fine-tune")


# Files


def file_ids(client: OpenAI, **query: Any) -> list[str]:
    return [file.id for file in client.files.list(**query)]


def test_file_upload_list_read_and_delete(client: OpenAI) -> None:
    others = file_ids(client)
    with SAMPLE.open("rb") as opened:
        file = client.files.create(file=opened, purpose="fine-tune")
    twin = client.files.create(file=io.BytesIO(SAMPLE.read_bytes()), purpose="fine-tune")
    assert (file.object, file.purpose, file.status, file.filename) == ("file", "fine-tune", "processed", SAMPLE.name)
    assert file.bytes == SAMPLE.stat().st_size
    assert client.files.retrieve(file.id) == file
    assert file_ids(client, limit=1) == [twin.id, file.id, *others], "page by page"
    content = client.files.content(file.id).text.splitlines()
    assert [json.loads(line)["messages"] for line in content] == [
        json.loads(line)["messages"] for line in SAMPLE.read_text().splitlines()
    ]
    for one in client.files.list(limit=1):  # the next page begins after a file that was deleted
        assert one.id in others or client.files.delete(one.id).deleted
    assert file_ids(client) == others
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)


@data_case("API", "`client.files.list(order='asc')`", "oldest first, on every page", "OpenAI files list")
def test_files_in_either_order(client: OpenAI) -> None:
    others = file_ids(client, order="asc")
    own = [client.files.create(file=("rows.jsonl", rows(8)), purpose="fine-tune").id for _ in range(3)]
    assert file_ids(client, order="asc", limit=2) == [*others, *own]
    assert file_ids(client, order="desc", limit=2) == [*others, *own][::-1]
    for id in own:
        client.files.delete(id)


@data_case(
    "API", "`purpose` or `after` of OpenAI's file list", "none for OpenAI's other purposes; 400 for unknown values"
)
def test_filters_of_files_are_used_or_refused(client: OpenAI) -> None:
    others = file_ids(client)
    file = client.files.create(file=("rows.jsonl", rows(8)), purpose="fine-tune")
    assert file_ids(client, purpose="fine-tune") == [file.id, *others]
    assert not client.files.list(purpose="vision").data
    for query, param in (({"purpose": "nonsense"}, "purpose"), ({"after": "file-nothing"}, "after")):
        with pytest.raises(openai.BadRequestError) as raised:
            client.files.list(**query)  # type: ignore[arg-type]
        assert raised.value.param == param
    client.files.delete(file.id)


def test_bad_rows_are_refused_with_their_line_numbers(client: OpenAI) -> None:
    others = file_ids(client)
    with pytest.raises(openai.BadRequestError, match=r"rows\.jsonl line 1"):
        client.files.create(file=("rows.jsonl", b'{"messages": 1}\n{"messages": "x"}\n'), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError) as raised:
        client.files.create(file=("rows.jsonl", rows(4)), purpose="batch")
    assert raised.value.param == "purpose"
    assert file_ids(client) == others


# Fine-tuning


def until(client: OpenAI, id: str, *states: str) -> Any:
    deadline = time.monotonic() + 120
    while (job := client.fine_tuning.jobs.retrieve(id)).status not in states:
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
    return job


def events(client: OpenAI, id: str, last: str) -> list[str]:
    """Wait until `last` is the newest event message, and return the messages, newest first."""
    deadline = time.monotonic() + 60
    while (messages := [event.message for event in client.fine_tuning.jobs.list_events(id, limit=5)])[0] != last:
        assert time.monotonic() < deadline, messages
        time.sleep(0.2)
    return messages


def test_upload_to_chat(platform: Embedded, client: OpenAI) -> None:
    training = client.files.create(file=("train.jsonl", rows(48)), purpose="fine-tune")
    validation = client.files.create(file=("valid.jsonl", rows(60)[len(rows(48)) + 1 :]), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="seedling",
        training_file=training.id,
        validation_file=validation.id,
        suffix="triage-bot",
        seed=11,
        metadata={"team": "support"},
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 2.0}},
        },
    )
    assert (job.object, job.model, job.seed, job.metadata) == ("fine_tuning.job", "seedling", 11, {"team": "support"})
    assert (job.training_file, job.validation_file) == (training.id, validation.id)
    assert job.hyperparameters.n_epochs == 2
    job = until(client, job.id, "succeeded", "failed")
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model
    assert job.trained_tokens
    assert job.finished_at

    messages = events(client, job.id, last="The job is succeeded.")
    assert any(message.startswith("Step 12: validation loss=") for message in messages)
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
    steps = [checkpoint.step_number for checkpoint in checkpoints]
    assert steps[:2] == [10, 8], "page by page, those that the job has kept"
    for checkpoint in checkpoints:
        model = checkpoint.fine_tuned_model_checkpoint
        assert client.chat.completions.create(model=model, messages=QUESTION, max_tokens=2).model == model
    with pytest.raises(openai.NotFoundError, match="Publish the checkpoint first"):
        client.chat.completions.create(model=f"{job.fine_tuned_model}-ckpt-step-2", messages=QUESTION)
    assert job.id in [listed.id for listed in client.fine_tuning.jobs.list(limit=1)]

    answer = client.chat.completions.create(model=job.fine_tuned_model, messages=QUESTION, max_tokens=8)
    assert answer.model == job.fine_tuned_model
    assert client.chat.completions.create(model="triage-bot", messages=QUESTION, max_tokens=2).choices

    platform.http.patch(f"/models/custom/{answer.model}", json={"name": "triage v2"}).raise_for_status()
    platform.until("/v1/models", lambda models: "triage v2" in [model["name"] for model in models["data"]])
    assert client.chat.completions.create(model="triage v2", messages=QUESTION, max_tokens=2).choices
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="triage-bot", messages=QUESTION)
    delete_model(platform, client, answer.model)


def delete_model(platform: Embedded, client: OpenAI, id: str) -> None:
    with pytest.raises(openai.BadRequestError, match="'seedling' is a base model"):
        client.models.delete("seedling")
    key = platform.post("/auth/keys", {"name": "reader", "scopes": ["read"]})["key"]
    with pytest.raises(openai.PermissionDeniedError):
        client.with_options(api_key=key).models.delete(id)
    deleted = client.models.delete(id)
    assert (deleted.id, deleted.object, deleted.deleted) == (id, "model", True)
    with pytest.raises(openai.NotFoundError):
        client.models.delete(id)
    platform.until("/v1/models", lambda models: id not in [model["id"] for model in models["data"]])


def pairs(count: int) -> bytes:
    """Return preference pairs: a question, its answer as preferred, another question's answer as non-preferred."""
    conversations = [json.loads(line)["messages"] for line in SAMPLE.read_text().splitlines()[: count + 1]]
    rows = [
        {"input": {"messages": one[:-1]}, "preferred_output": one[-1:], "non_preferred_output": other[-1:]}
        for one, other in pairwise(conversations)
        if one[-1] != other[-1]
    ]
    return b"\n".join(json.dumps(row).encode() for row in rows)


def test_dpo_job(client: OpenAI) -> None:
    training = client.files.create(file=("pairs.jsonl", pairs(12)), purpose="fine-tune")
    hyperparameters: Any = {"beta": 0.2, "n_epochs": 1, "batch_size": 4}
    job = client.fine_tuning.jobs.create(
        model="seedling",
        training_file=training.id,
        method={"type": "dpo", "dpo": {"hyperparameters": hyperparameters}},
    )
    job = until(client, job.id, "succeeded", "failed")
    assert job.status == "succeeded", job.error
    assert (job.method.type, job.method.supervised) == ("dpo", None)
    assert job.method.dpo
    assert job.method.dpo.hyperparameters
    assert (job.method.dpo.hyperparameters.beta, job.method.dpo.hyperparameters.n_epochs) == (0.2, 1)
    losses = [event.data["loss"] for event in client.fine_tuning.jobs.list_events(job.id) if event.type == "metrics"]
    assert any(0.5 < loss < 0.8 for loss in losses), "the DPO loss of two equal models is ln 2"
    assert client.chat.completions.create(model=job.fine_tuned_model or "", messages=QUESTION, max_tokens=2).choices


def test_pause_resume_and_cancel(platform: Embedded, client: OpenAI) -> None:
    training = client.files.create(file=("long.jsonl", rows(48)), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="seedling", training_file=training.id, hyperparameters={"n_epochs": 400, "batch_size": 4}
    )
    platform.until(f"/training/jobs/{job.id}", lambda found: found["progress"]["step"] > 0)
    client.fine_tuning.jobs.pause(job.id)
    until(client, job.id, "paused")
    assert client.fine_tuning.jobs.resume(job.id).status in ("queued", "running")
    assert client.fine_tuning.jobs.cancel(job.id).id == job.id
    until(client, job.id, "cancelled")
    with pytest.raises(openai.ConflictError):
        client.fine_tuning.jobs.resume(job.id)


@pytest.mark.parametrize(
    ("change", "kind", "param"),
    [
        ({"model": "gpt-4o-mini"}, openai.NotFoundError, "model"),
        ({"training_file": "file-nothing"}, openai.NotFoundError, "training_file"),
        ({"validation_file": "file-nothing"}, openai.NotFoundError, "validation_file"),
        ({"hyperparameters": {"n_epochs": 0}}, openai.BadRequestError, None),
        ({"method": {"type": "dpo"}}, openai.BadRequestError, "method.type"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}}, openai.BadRequestError, None),
        ({"method": {"type": "reinforcement"}}, openai.BadRequestError, "method.type"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, openai.BadRequestError, "integrations"),
    ],
)
def test_bad_jobs_are_refused(client: OpenAI, change: Any, kind: type[openai.APIStatusError], param: str) -> None:
    training = client.files.create(file=("few.jsonl", rows(8)), purpose="fine-tune")
    before = len(client.fine_tuning.jobs.list().data)
    with pytest.raises(kind) as raised:
        client.fine_tuning.jobs.create(**{"model": "seedling", "training_file": training.id, **change})
    assert param is None or raised.value.param == param
    assert len(client.fine_tuning.jobs.list().data) == before
