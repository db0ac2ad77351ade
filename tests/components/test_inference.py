"""The inference service behind the gateway: a real engine process, a tiny base model, adapters, real HTTP."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
import pytest_asyncio

import services.gateway.app
import services.inference.app
import services.inference.prompt_renderer
import services.inference.supervisor
from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import ModelManifest
from shared.events.envelope import Envelope, Event
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import ModelDeleted, TrainingSucceeded
from shared.runtime.processes.children import Engines
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from tests.support.asgi_server import serving
from tests.support.damage import flip_bit
from tests.support.data_cases import data_case
from tests.support.engine_process import processes_ended
from tests.support.platform import wait_until
from tests.support.running_service import share_forkservers
from tests.support.tiny_model import make_tiny_adapter, make_tiny_model, template_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = [{"role": "user", "content": "Where is my order?"}]
CALLING = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
GREEDY = {"messages": QUESTION, "temperature": 0, "max_tokens": 24}


@dataclass
class InferencePlatform:
    """A running platform with the gateway and the inference service."""

    http: httpx.AsyncClient
    resources: Resources
    folder: Path
    received: "asyncio.Queue[Envelope]"

    async def chat(self, model: str, **body: Any) -> Any:
        response = await self.http.post("/v1/chat/completions", json={"model": model, **GREEDY, **body})
        assert response.status_code == 200, response.text
        return response.json()

    async def stream(self, path: str, body: dict[str, Any]) -> list[Any]:
        """Return the chunks of a stream; the last one should be "[DONE]"."""
        async with self.http.stream("POST", path, json={**body, "stream": True}) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    async def publish_model(self, folder: Path, id: str, *, project: str = "default", **manifest: Any) -> str:
        """Publish a model as the training service does: kind full without a job is a base model."""
        kind = "base" if manifest.get("kind", "full") == "full" and "job_id" not in manifest else "custom"
        fields = {"kind": "full", "name": id, "template_hash": template_hash(folder), **manifest}
        model_manifest = ModelManifest(model_id=id, **fields)
        await publish(self.resources.blobs, f"{project}/models/{kind}/{id}", folder, model_manifest.model_dump())
        return artifact_uri(project, "models", kind, id)

    async def publish_event(self, event: Event, project: str = "default") -> None:
        await self.resources.bus.publish(
            Envelope.of(event, service="training", subject="x", project=project, sequence=1)
        )

    async def wait_for_event(self, kind: type[Event], id: str) -> dict[str, Any]:
        """Wait for the next event of this type about this model, and return its data."""
        async with asyncio.timeout(60):
            while True:
                envelope = await self.received.get()
                if envelope.type == kind.type and envelope.data["model_id"] == id:
                    return envelope.data

    def engine_pid(self) -> int:
        """Return the process id of the engine process."""
        children = Path(
            f"/proc/{self.resources.engines.forkserver_pid()}/task/{self.resources.engines.forkserver_pid()}/children"
        )
        pids = map(int, children.read_text().split())
        [engine] = [pid for pid in pids if os.readlink(f"/proc/{pid}/cwd").endswith("/inference")]
        return engine

    def rendering_pids(self) -> list[int]:
        """The process ids of the processes that render prompts."""
        children = psutil.Process(self.resources.engines.forkserver_pid()).children()
        return [child.pid for child in children if child.cwd().endswith("/rendering")]

    async def idle_engine_pid(self) -> int:
        """The same, once the engine waits for a request: it has then reported that it computes no model."""
        process, sleeping = psutil.Process(self.engine_pid()), 0
        async with asyncio.timeout(60):
            while sleeping < 4:
                await asyncio.sleep(0.05)
                sleeping = sleeping + 1 if process.status() == psutil.STATUS_SLEEPING else 0
        return process.pid


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[InferencePlatform]:
    folder = tmp_path_factory.mktemp("inference")
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_resources(Settings(home=folder / "home")))
        resources = share_forkservers(opened, engines)
        inference = await services.inference.app.build(resources)
        gateway = await services.gateway.app.build(resources, {"inference": web_app(inference, resources)})
        received: asyncio.Queue[Envelope] = asyncio.Queue()
        listening = _record_events(received, gateway.service.subscriptions)
        for kind in (ModelReady, ModelUndeployed):
            gateway.service.subscriptions[kind] = listening[kind]  # type: ignore[index]
        await stack.enter_async_context(running([inference, gateway.service], resources))
        url = await stack.enter_async_context(serving(gateway.app))
        key = (folder / "home" / "api-key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=60))
        platform = InferencePlatform(http, resources, folder, received)
        await _publish_models(platform)
        yield platform


def _record_events(
    received: "asyncio.Queue[Envelope]", table: Any
) -> dict[type[Event], Callable[..., Awaitable[None]]]:
    """Wrap the gateway's event handlers so that the test receives the events too."""

    def recording(handler: Any) -> Callable[..., Awaitable[None]]:
        async def handle(event: Any, envelope: Envelope) -> None:
            await handler(event, envelope)
            received.put_nowait(envelope)

        return handle

    return {kind: recording(handler) for kind, handler in table.items()}


async def _publish_models(platform: InferencePlatform) -> None:
    base = make_tiny_model(platform.folder / "base")
    uri = await platform.publish_model(base, "tiny", project="_shared")
    for number in (1, 2):
        adapter = make_tiny_adapter(base, platform.folder / f"adapter{number}", seed=number)
        await platform.publish_model(adapter, f"tuned{number}", kind="adapter", base_uri=uri, job_id="job")
    full = make_tiny_model(platform.folder / "full", seed=7)
    await platform.publish_model(full, "tuned_full", job_id="job")
    await platform.publish_model(full, "changed", job_id="job", template_hash="0" * 64)


def text_of(chunks: list[Any]) -> str:
    return "".join(
        choice.get("text", choice.get("delta", {}).get("content") or "")
        for chunk in chunks
        if chunk != "[DONE]"
        for choice in chunk["choices"]
    )


def expected(folder: Path, adapter: Path | None = None) -> str:
    """Return the greedy output of plain transformers."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    size = prompt["input_ids"].shape[1]
    ids = model.eval().generate(
        **prompt, max_new_tokens=24, do_sample=False, eos_token_id=[0, tokenizer.convert_tokens_to_ids("<|im_end|>")]
    )
    return str(tokenizer.decode(ids[0, size:], skip_special_tokens=True))


# Completions


async def test_every_model_uses_its_own_weights(platform: InferencePlatform) -> None:
    """Base model and adapters alternate, so that a missing switch of weights shows."""
    base, one = platform.folder / "base", platform.folder / "adapter1"
    expected_texts = {
        "tiny": expected(base),
        "tuned1": expected(base, one),
        "tuned2": expected(base, platform.folder / "adapter2"),
        "tuned_full": expected(platform.folder / "full"),
    }
    assert len(set(expected_texts.values())) == 4
    for name in ("tuned1", "tiny", "tuned2", "tuned1", "tuned_full", "tiny", "tuned2"):
        answer = await platform.chat(name)
        assert answer["choices"][0]["message"]["content"] == expected_texts[name], name
    responses = await asyncio.gather(*(platform.chat(name) for name in [*expected_texts] * 3))
    assert [answer["choices"][0]["message"]["content"] for answer in responses] == list(expected_texts.values()) * 3


async def test_a_chat_completion_has_openais_format(platform: InferencePlatform) -> None:
    answer = await platform.chat("tuned1")
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["model"] == "tuned1"
    [choice] = answer["choices"]
    assert set(choice["message"]) == {"role", "content", "refusal", "tool_calls"}
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens"] <= 24


async def test_a_token_limit_counts_whole_and_streamed_completions_exactly(platform: InferencePlatform) -> None:
    await platform.http.put("/auth/limits/default", json={"tokens_per_minute": 10**6})
    used = 0
    for streams in (False, True):
        if streams:
            await platform.stream("/v1/chat/completions", {"model": "tuned1", **GREEDY})
        else:
            total = (await platform.chat("tuned1"))["usage"]["total_tokens"]
        used += total
        limits = (await platform.http.get("/limits")).json()["limits"]
        shown = next(one["used"] for one in limits if (one["per"], one["name"]) == ("project", "tokens_per_minute"))
        assert used / 2 < shown <= used, "the window slides on"
    await platform.http.put("/auth/limits/default", json={})


async def test_tokens_count_although_the_client_leaves(platform: InferencePlatform) -> None:
    """With and without `stream`: the prompt, and what was decoded by then."""
    await platform.http.put("/auth/limits/default", json={"tokens_per_minute": 10**6})
    long = {"model": "tiny", "messages": QUESTION, "temperature": 2, "n": 16}

    async def used() -> float:
        limits = (await platform.http.get("/limits")).json()["limits"]
        return float(
            next(one["used"] for one in limits if (one["per"], one["name"]) == ("project", "tokens_per_minute"))
        )

    async def computed() -> float:
        metrics = (await platform.http.get("/metrics")).text
        return float(re.findall(r'^anneal_inference_tokens_total\{.*kind="prompt".*\} (.+)$', metrics, re.MULTILINE)[0])

    before, prompts = await used(), await computed()
    request = asyncio.create_task(platform.http.post("/v1/chat/completions", json=long))
    prompt = await wait_until(lambda: _more_than(prompts, computed))
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert await wait_until(lambda: _more_than(before + (prompt - prompts) / 2, used)), "the window slides on"
    before = await used()
    async with platform.http.stream("POST", "/v1/chat/completions", json={**long, "stream": True}) as response:
        events = 0
        async for line in response.aiter_lines():
            events += line.startswith("data: ")
            assert not line.startswith(":")
            if events == 50:
                break
    assert await used() - before > 30
    await platform.http.put("/auth/limits/default", json={})


async def _more_than(bound: float, value: Callable[[], Awaitable[float]]) -> float:
    """The value, or 0 until it is over the bound."""
    found = await value()
    return found if found > bound else 0.0


async def test_a_stream_has_the_same_text(platform: InferencePlatform) -> None:
    whole = await platform.chat("tuned1")
    chunks = await platform.stream(
        "/v1/chat/completions", {"model": "tuned1", **GREEDY, "stream_options": {"include_usage": True}}
    )
    assert text_of(chunks) == whole["choices"][0]["message"]["content"]
    assert chunks[-1] == "[DONE]"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {chunk["object"] for chunk in chunks[:-1]} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks[:-1]}) == 1
    assert (chunks[-2]["choices"], chunks[-2]["usage"]) == ([], whole["usage"])
    assert all(chunk["usage"] is None for chunk in chunks[:-2])
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-2]]
    assert finishes == [None] * (len(finishes) - 1) + [whole["choices"][0]["finish_reason"]]
    assert len(finishes) > 3


async def test_text_completions_accept_text_and_token_ids(platform: InferencePlatform) -> None:
    from transformers import AutoTokenizer

    prompts = ["The train leaves", "Thanks for the"]
    ids = [list(AutoTokenizer.from_pretrained(platform.folder / "base")(prompt).input_ids) for prompt in prompts]
    body = {"model": "tiny", "temperature": 0, "max_tokens": 8}
    texts = []
    for prompt in (prompts, ids, prompts[0], ids[0]):
        response = await platform.http.post("/v1/completions", json={**body, "prompt": prompt})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["object"] == "text_completion"
        texts.append([choice["text"] for choice in answer["choices"]])
    assert texts[0] == texts[1]
    assert texts[2] == texts[3] == texts[0][:1]
    chunks = await platform.stream("/v1/completions", {**body, "prompt": prompts[0]})
    assert text_of(chunks) == texts[0][0]


async def test_output_ends_before_a_stop_string(platform: InferencePlatform) -> None:
    whole = (await platform.chat("tuned1"))["choices"][0]["message"]["content"]
    stop = whole[5:8]
    stopped = await platform.chat("tuned1", stop=[stop, "does not occur"])
    assert stopped["choices"][0]["message"]["content"] == whole[: whole.index(stop)]
    assert stopped["choices"][0]["finish_reason"] == "stop"
    chunks = await platform.stream("/v1/chat/completions", {"model": "tuned1", **GREEDY, "stop": stop})
    assert text_of(chunks) == whole[: whole.index(stop)]


async def test_a_seed_is_reproducible_and_choices_differ(platform: InferencePlatform) -> None:
    sampling = {"temperature": 1.5, "n": 3, "seed": 11}
    first, second = await platform.chat("tiny", **sampling), await platform.chat("tiny", **sampling)
    texts = [choice["message"]["content"] for choice in first["choices"]]
    assert [choice["index"] for choice in first["choices"]] == [0, 1, 2]
    assert texts == [choice["message"]["content"] for choice in second["choices"]]
    assert len(set(texts)) == 3
    other = await platform.chat("tiny", **{**sampling, "seed": 12})
    assert other["choices"][0]["message"]["content"] != texts[0]


async def test_without_max_tokens_the_context_is_the_limit(platform: InferencePlatform) -> None:
    answer = await platform.chat("tiny", max_tokens=None, temperature=1.5, seed=3)
    usage = answer["usage"]
    if answer["choices"][0]["finish_reason"] == "length":
        assert usage["total_tokens"] == 512
    else:
        assert usage["completion_tokens"] > 20 or answer["choices"][0]["finish_reason"] == "stop"


async def test_content_may_be_a_list_of_parts(platform: InferencePlatform) -> None:
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "Where is "}, {"type": "text", "text": "my order?"}]}
    ]
    assert (await platform.chat("tiny", messages=parts))["choices"] == (await platform.chat("tiny"))["choices"]


async def test_log_probabilities_have_openais_format(platform: InferencePlatform) -> None:
    chat = await platform.chat("tuned1", logprobs=True, top_logprobs=2, max_tokens=5)
    content = chat["choices"][0]["logprobs"]["content"]
    assert len(content) == 5
    assert "".join(entry["token"] for entry in content) == chat["choices"][0]["message"]["content"]
    for entry in content:
        assert entry["top_logprobs"][0] == {name: entry[name] for name in ("token", "logprob", "bytes")}
        assert len(entry["top_logprobs"]) == 2
        assert entry["bytes"] is None or bytes(entry["bytes"]).decode() == entry["token"]
    body = {"model": "tuned1", **GREEDY, "logprobs": True, "top_logprobs": 2, "max_tokens": 5}
    chunks = await platform.stream("/v1/chat/completions", body)
    streamed = [c["choices"][0]["logprobs"]["content"] for c in chunks[:-1] if c["choices"][0]["logprobs"]]
    assert [entry for part in streamed for entry in part] == content

    body = {"model": "tiny", "prompt": "The train", "temperature": 0, "max_tokens": 5, "logprobs": 1}
    [choice] = (await platform.http.post("/v1/completions", json=body)).json()["choices"]
    shown = choice["logprobs"]
    assert "".join(shown["tokens"]) == choice["text"]
    assert [
        choice["text"][start:][: len(token)] for start, token in zip(shown["text_offset"], shown["tokens"], strict=True)
    ] == shown["tokens"]
    assert [list(top.values()) for top in shown["top_logprobs"]] == [[value] for value in shown["token_logprobs"]]
    chunks = await platform.stream("/v1/completions", body)
    parts = [c["choices"][0]["logprobs"] for c in chunks[:-1] if c["choices"][0]["logprobs"]]
    assert [offset for part in parts for offset in part["text_offset"]] == shown["text_offset"]


async def test_an_echoed_prompt_has_the_log_probabilities_of_transformers(platform: InferencePlatform) -> None:
    """As lm-eval asks for them: batches of token ids, one new token, whose entry is the last one whatever it is."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = platform.folder / "base"
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path).float()
    prompts = [
        list(tokenizer(text).input_ids) for text in ("The train leaves at nine.", "Où est ma commande ? 📦", "a")
    ]
    body = {"model": "tiny", "prompt": prompts, "temperature": 0, "max_tokens": 1, "logprobs": 1, "echo": True}
    answer = (await platform.http.post("/v1/completions", json={**body, "seed": 1234})).json()
    for ids, choice in zip(prompts, answer["choices"], strict=True):
        shown = choice["logprobs"]
        assert len(shown["tokens"]) == len(shown["token_logprobs"]) == len(shown["top_logprobs"]) == len(ids) + 1
        assert (shown["token_logprobs"][0], shown["top_logprobs"][0]) == (None, None)
        assert choice["text"].startswith(tokenizer.decode(ids))
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
        values = [float(plain[place, token]) for place, token in enumerate(ids[1:])] + [float(plain[-1].max())]
        assert shown["token_logprobs"][1:] == pytest.approx(values, abs=1e-4)
        for place, (value, top) in enumerate(zip(shown["token_logprobs"][1:], shown["top_logprobs"][1:], strict=True)):
            is_greedy = place == len(ids) - 1 or int(plain[place].argmax()) == ids[place + 1]
            assert (value == max(top.values())) == is_greedy
    only = {**body, "prompt": "The train leaves", "max_tokens": 0}
    [choice] = (shown := (await platform.http.post("/v1/completions", json=only)).json())["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("The train leaves", "length")
    assert len(choice["logprobs"]["tokens"]) == len(tokenizer("The train leaves").input_ids)
    assert shown["usage"]["completion_tokens"] == 0
    chunks = await platform.stream(
        "/v1/completions", {**body, "prompt": "The train", "logprobs": None, "max_tokens": 3}
    )
    whole = {**body, "prompt": "The train", "echo": False, "logprobs": None, "max_tokens": 3}
    [plain_choice] = (await platform.http.post("/v1/completions", json=whole)).json()["choices"]
    assert "".join(c["choices"][0]["text"] for c in chunks[:-1]) == "The train" + plain_choice["text"]
    refused = await platform.http.post("/v1/completions", json={**only, "echo": False})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "max_tokens")


# Errors


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"model": "unknown"}, 404, "model_not_found"),
        ({"model": "../../secrets"}, 404, "model_not_found"),
        ({"model": "changed"}, 409, "template_mismatch"),
        ({"messages": []}, 400, "invalid_input"),
        ({"messages": [{"role": "user", "content": "?"}] * 2049}, 400, "invalid_input"),
        ({"messages": [{"role": "user", "content": "word " * 600}]}, 400, "context_length_exceeded"),
        ({"temperature": -1}, 400, "invalid_input"),
        ({"n": 99}, 400, "invalid_input"),
        ({"stop": ["x"] * 17}, 400, "invalid_input"),
        ({"top_logprobs": 2}, 400, "invalid_input"),
        ({"tools": [{"type": "function"}]}, 400, "invalid_input"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, 400, "unsupported_parameter"),
        ({"temprature": 1}, 400, "unknown_parameter"),
        ({"reasoning_effort": "low"}, 400, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "unsupported_parameter"),
        ({"messages": [*QUESTION, CALLING, *QUESTION]}, 400, "template_unsupported"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors_have_openais_format(
    platform: InferencePlatform, change: dict[str, Any], status: int, code: str, stream: bool
) -> None:
    response = await platform.http.post(
        "/v1/chat/completions", json={"model": "tiny", **GREEDY, **change, "stream": stream}
    )
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code
    assert error["param"]
    assert error["message"]
    assert error["remedy"]


@data_case("Serving", "A body that is not JSON, or not an object", "400 in OpenAI's format with the field `body`")
@pytest.mark.parametrize("raw", ['{"model": "tiny",', "", "[]", '"tiny"'])
async def test_body_that_is_not_an_object_is_refused(platform: InferencePlatform, raw: str) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):  # curl's without a header
        headers = {"Content-Type": kind}
        response = await platform.http.post("/v1/chat/completions", content=raw, headers=headers)
        error = response.json()["error"]
        assert (response.status_code, error["param"], error["code"]) == (400, "body", "invalid_input")
        assert "JSON" in error["message"]
        assert "Content-Type" in error["remedy"]


@pytest.mark.parametrize(("prompt", "code"), [([], "invalid_input"), ("", "empty_prompt"), ([[]], "empty_prompt")])
async def test_empty_prompts_are_refused(platform: InferencePlatform, prompt: Any, code: str) -> None:
    response = await platform.http.post("/v1/completions", json={"model": "tiny", "prompt": prompt})
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert response.json()["error"]["param"] == "prompt"


async def test_null_parameters_are_absent(platform: InferencePlatform) -> None:
    nulls = dict.fromkeys(("n", "stream", "top_k", "repetition_penalty", "parallel_tool_calls", "top_p", "tools"))
    assert (await platform.chat("tiny", **nulls))["choices"] == (await platform.chat("tiny"))["choices"]


async def test_another_projects_model_is_not_found(platform: InferencePlatform) -> None:
    made = (await platform.http.post("/auth/keys", json={"name": "b", "project": "team-b", "scopes": ["infer"]})).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    body = {"model": "tuned1", **GREEDY}
    assert (await platform.http.post("/v1/chat/completions", json=body, headers=headers)).status_code == 404
    shared = await platform.http.post("/v1/chat/completions", json={**body, "model": "tiny"}, headers=headers)
    assert shared.status_code == 200


# Deployments and the model list


async def succeeded(platform: InferencePlatform, id: str, name: str, *after: Any) -> None:
    event = TrainingSucceeded(
        job_id=f"job_{id}",
        model_id=id,
        model_uri=artifact_uri("default", "models", "custom", id),
        name=name,
        base="tiny",
        method="lora",
        dataset_id="d",
        dataset_version="1",
        after=list(after),
    )
    await platform.publish_event(event)


async def test_a_trained_model_is_listed_and_deployed_on_request(platform: InferencePlatform) -> None:
    await succeeded(platform, "tuned1", "support bot", "deploy")
    ready = await platform.wait_for_event(ModelReady, "tuned1")
    listed = (await platform.http.get("/v1/models")).json()
    assert {"tiny", "tuned1"} <= {model["id"] for model in listed["data"]}
    shown = (await platform.http.get("/v1/models/tuned1")).json()
    assert (shown["object"], shown["name"], shown["owned_by"]) == ("model", "support bot", "custom")
    assert (await platform.chat("support bot"))["choices"] == (await platform.chat("tuned1"))["choices"]
    deployment = (await platform.http.get(f"/deployments/{ready['deployment_id']}")).json()
    assert (deployment["state"], deployment["model_id"]) == ("ready", "tuned1")
    again = await platform.http.post("/deployments", json={"model_id": "tuned1"})
    assert again.json()["id"] == deployment["id"]
    assert (await platform.http.delete(f"/deployments/{deployment['id']}")).status_code == 204
    await platform.wait_for_event(ModelUndeployed, "tuned1")
    assert (await platform.http.get(f"/deployments/{deployment['id']}")).status_code == 404
    assert (await platform.chat("tuned1"))["choices"]


async def test_a_failed_deployment_states_its_error_code(platform: InferencePlatform) -> None:
    made = (await platform.http.post("/deployments", json={"model_id": "changed"})).json()
    async with asyncio.timeout(60):
        while (shown := (await platform.http.get(f"/deployments/{made['id']}")).json())["state"] == "loading":
            await asyncio.sleep(0.05)
    assert (shown["state"], shown["code"]) == ("failed", "template_mismatch")


async def test_changed_weights_are_not_served(platform: InferencePlatform) -> None:
    await platform.publish_model(make_tiny_model(platform.folder / "flipped", seed=11), "flipped", job_id="job")
    folder = await platform.resources.blobs.local_folder("default/models/custom/flipped")
    flip_bit(folder / "model.safetensors")
    response = await platform.http.post("/v1/chat/completions", json={"model": "flipped", **GREEDY})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "corrupt_artifact")
    assert "model.safetensors" in response.json()["error"]["message"]


async def test_an_unexpected_error_fails_the_deployment(platform: InferencePlatform) -> None:
    odd = artifact_uri("default", "models", "base", "odd")
    await publish(
        platform.resources.blobs, "default/models/base/odd", platform.folder / "base", {"kind": "unknown kind"}
    )
    await platform.publish_model(platform.folder / "adapter1", "on_odd", kind="adapter", base_uri=odd, job_id="job")
    made = (await platform.http.post("/deployments", json={"model_id": "on_odd"})).json()
    async with asyncio.timeout(60):
        while (shown := (await platform.http.get(f"/deployments/{made['id']}")).json())["state"] == "loading":
            await asyncio.sleep(0.05)
    assert (shown["state"], shown["code"]) == ("failed", "internal_error")


async def test_a_deployment_shows_memory_and_usage(platform: InferencePlatform) -> None:
    made = (await platform.http.post("/deployments", json={"model_id": "tuned2", "pinned": True})).json()
    await platform.wait_for_event(ModelReady, "tuned2")
    await platform.chat("tuned2")
    shown = (await platform.http.get(f"/deployments/{made['id']}")).json()
    assert (shown["state"], shown["pinned"], shown["resident"]) == ("ready", True, True)
    assert shown["memory_bytes"] > 0
    assert shown["requests_per_second"] > 0
    assert shown["tokens_per_second"] > 0
    assert shown["first_token_seconds"] > 0
    again = (await platform.http.post("/deployments", json={"model_id": "tuned2"})).json()
    assert (again["id"], again["pinned"], again["state"]) == (made["id"], True, "ready")
    again = (await platform.http.post("/deployments", json={"model_id": "tuned2", "pinned": False})).json()
    assert (again["id"], again["pinned"], again["state"]) == (made["id"], False, "loading")
    await platform.wait_for_event(ModelReady, "tuned2")
    await platform.http.delete(f"/deployments/{made['id']}")
    await platform.wait_for_event(ModelUndeployed, "tuned2")


async def test_an_idempotency_key_creates_one_deployment(platform: InferencePlatform) -> None:
    once = {"Idempotency-Key": "once"}
    first = await platform.http.post("/deployments", json={"model_id": "tiny"}, headers=once)
    again = await platform.http.post("/deployments", json={"model_id": "tiny"}, headers=once)
    other = await platform.http.post("/deployments", json={"model_id": "tuned_full"}, headers=once)
    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    await platform.wait_for_event(ModelReady, "tiny")


async def test_deleting_a_model_undeploys_it(platform: InferencePlatform) -> None:
    await succeeded(platform, "tuned2", "short lived", "deploy")
    await platform.wait_for_event(ModelReady, "tuned2")
    await platform.publish_event(ModelDeleted(model_id="tuned2"))
    await platform.wait_for_event(ModelUndeployed, "tuned2")
    assert "tuned2" not in {model["id"] for model in (await platform.http.get("/v1/models")).json()["data"]}
    await succeeded(platform, "tuned2", "late", "deploy")
    await succeeded(platform, "tuned1", "marker", "deploy")
    await platform.wait_for_event(ModelReady, "tuned1")
    assert "tuned2" not in {model["id"] for model in (await platform.http.get("/v1/models")).json()["data"]}


# Disconnects and crashes


async def test_a_client_disconnect_cancels_generation(platform: InferencePlatform) -> None:
    """Abandoned requests would occupy all 32 rows of the batch; a further request shows that they do not."""
    long = {"model": "tiny", "messages": QUESTION, "temperature": 2, "n": 16}
    for _ in range(4):
        async with platform.http.stream("POST", "/v1/chat/completions", json={**long, "stream": True}) as response:
            async for line in response.aiter_lines():
                if line:
                    break
        with pytest.raises(httpx.ReadTimeout):
            await platform.http.post("/v1/chat/completions", json=long, timeout=httpx.Timeout(60, read=0.05))
    async with asyncio.timeout(20):
        assert (await platform.chat("tiny", max_tokens=2))["choices"]


async def test_a_crashed_engine_fails_one_request_and_restarts(platform: InferencePlatform) -> None:
    body = {"model": "tiny", "messages": QUESTION, "temperature": 2, "n": 16, "stream": True}
    async with platform.http.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.aiter_lines()
        await anext(lines)
        os.kill(platform.engine_pid(), signal.SIGKILL)
        rest = [line async for line in lines if line]
    error = json.loads(rest[-1].removeprefix("data: "))["error"]
    assert error["code"] == "engine_lost"
    assert "again" in error["message"]
    assert (await platform.chat("tiny"))["choices"]


async def test_a_hung_engine_is_killed(platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request had not started, so the next engine process serves it."""
    await platform.chat("tiny")
    hung = await platform.idle_engine_pid()
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(services.inference.supervisor, "PING_INTERVAL_S", 0.2)
    with monkeypatch.context() as short_timeout:  # only for the hung engine: the next one needs longer to load
        short_timeout.setattr(services.inference.supervisor, "STALL_LIMIT_S", 2.0)
        pending = asyncio.create_task(platform.chat("tiny"))
        assert await asyncio.to_thread(processes_ended, hung)
    assert (await pending)["choices"]
    assert platform.engine_pid() != hung


async def test_a_prompt_that_hangs_delays_its_own_project_only(
    platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.chat("tiny")
    engine = await platform.idle_engine_pid()
    made = await platform.http.post("/auth/keys", json={"name": "other", "project": "other", "scopes": ["infer"]})
    hung = platform.rendering_pids()
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    waiting = asyncio.create_task(platform.http.post("/v1/chat/completions", json={"model": "tiny", **GREEDY}))
    other = {"Authorization": f"Bearer {made.json()['key']}"}
    answer = await platform.http.post("/v1/chat/completions", json={"model": "tiny", **GREEDY}, headers=other)
    assert answer.status_code == 200, answer.text
    assert not waiting.done()
    monkeypatch.setattr(services.inference.supervisor, "PING_INTERVAL_S", 0.2)
    with monkeypatch.context() as short_timeout:
        short_timeout.setattr(services.inference.supervisor, "STALL_LIMIT_S", 2.0)
        assert await asyncio.to_thread(processes_ended, *hung)
    assert (await waiting).status_code == 200
    assert await platform.idle_engine_pid() == engine


async def test_an_idle_renderer_of_another_project_ends_beside_the_request_that_needs_its_place(
    platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.chat("tiny")
    made = await platform.http.post("/auth/keys", json={"name": "third", "project": "third", "scopes": ["infer"]})
    idle = platform.rendering_pids()
    for pid in idle:
        os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(services.inference.prompt_renderer, "MAX_PROCESSES", 1)
    for limit in ("SHUTDOWN_GRACE_S", "STALL_LIMIT_S"):
        monkeypatch.setattr(services.inference.supervisor, limit, 600)
    third = {"Authorization": f"Bearer {made.json()['key']}"}
    answer = await platform.http.post("/v1/chat/completions", json={"model": "tiny", **GREEDY}, headers=third)
    assert answer.status_code == 200, answer.text
    assert set(idle) <= set(platform.rendering_pids())
    for pid in idle:
        os.kill(pid, signal.SIGCONT)
    assert await asyncio.to_thread(processes_ended, *idle)


async def test_a_model_that_hangs_the_engine_is_quarantined_and_others_are_served(
    platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody extends the deadline: a client sends requests and goes all the time."""
    monkeypatch.setattr(services.inference.supervisor, "PING_INTERVAL_S", 0.2)
    body = {"model": "tuned_full", "messages": QUESTION, "temperature": 2, "n": 16, "stream": True}

    async def knock() -> None:
        while True:
            with suppress(httpx.TimeoutException):
                await platform.http.post("/v1/chat/completions", json={"model": "tiny", **GREEDY}, timeout=0.3)

    async with asyncio.timeout(120), platform.http.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.aiter_lines()
        await anext(lines)
        hung = platform.engine_pid()
        os.kill(hung, signal.SIGSTOP)
        waiting = [asyncio.create_task(platform.chat("tuned1", max_tokens=4)) for _ in range(3)]
        knocking = asyncio.create_task(knock())
        with monkeypatch.context() as short_timeout:
            short_timeout.setattr(services.inference.supervisor, "STALL_LIMIT_S", 2.0)
            assert await asyncio.to_thread(processes_ended, hung)
        last = json.loads([line async for line in lines if line][-1].removeprefix("data: "))
        assert (last["error"]["code"], "did not answer" in last["error"]["message"]) == ("engine_lost", True)
        assert all(answer["choices"] for answer in await asyncio.gather(*waiting))
    knocking.cancel()
    refused = await platform.http.post("/v1/chat/completions", json={**body, "stream": False})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_quarantined")
    assert int(refused.headers["retry-after"]) > 0
    made = (await platform.http.post("/deployments", json={"model_id": "tuned_full"})).json()
    await platform.http.delete(f"/deployments/{made['id']}")
    assert (await platform.chat("tuned_full"))["choices"], "deleting its deployment ends the quarantine"


async def test_an_engine_killed_under_load_loses_only_started_requests(platform: InferencePlatform) -> None:
    """Started requests end with an error event. Queued and later requests are served by the next engine process."""
    body = {"model": "tiny", "messages": QUESTION, "temperature": 2, "n": 16, "stream": True}

    async def follow(began: asyncio.Event) -> Any:
        async with platform.http.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = response.aiter_lines()
            await anext(lines)
            began.set()
            return [json.loads(line.removeprefix("data: ")) async for line in lines if line][-1]

    began = [asyncio.Event(), asyncio.Event()]
    in_flight = [asyncio.create_task(follow(event)) for event in began]
    async with asyncio.timeout(60):
        for event in began:
            await event.wait()
        killed = platform.engine_pid()
        os.kill(killed, signal.SIGSTOP)  # so that no queued request is started
        waiting = [asyncio.create_task(platform.chat("tuned1", max_tokens=4)) for _ in range(8)]
        await platform.http.get("/v1/models")  # the queued requests are sent before the engine dies
        os.kill(killed, signal.SIGKILL)
        later = [asyncio.create_task(platform.chat("tiny", max_tokens=4)) for _ in range(4)]
        assert [last["error"]["code"] for last in await asyncio.gather(*in_flight)] == ["engine_lost"] * 2
        answers = await asyncio.gather(*waiting, *later)
    assert all(answer["choices"][0]["finish_reason"] for answer in answers)


async def test_a_full_queue_returns_retry_after(platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.inference.supervisor, "MAX_OPEN_PER_PROJECT", 1)
    body = {"model": "tiny", "messages": QUESTION, "temperature": 2, "n": 8, "stream": True}
    async with platform.http.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.aiter_lines()
        await anext(lines)
        os.kill(platform.engine_pid(), signal.SIGSTOP)  # so that it cannot finish before the next request arrives
        full = await platform.http.post("/v1/chat/completions", json={"model": "tiny", **GREEDY})
        os.kill(platform.engine_pid(), signal.SIGCONT)
    assert (full.status_code, full.json()["error"]["code"]) == (503, "engine_busy")
    assert int(full.headers["retry-after"]) > 0


async def test_the_openai_client_retries_after_a_full_queue(
    platform: InferencePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.inference.supervisor, "MAX_OPEN_REQUESTS", 0)
    answers: list[tuple[float, httpx.Response]] = []

    async def record(response: httpx.Response) -> None:
        answers.append((asyncio.get_running_loop().time(), response))
        if len(answers) == 2:
            monkeypatch.setattr(services.inference.supervisor, "MAX_OPEN_REQUESTS", 128)

    http = httpx.AsyncClient(event_hooks={"response": [record]}, timeout=60)
    key = platform.http.headers["authorization"].removeprefix("Bearer ")
    async with openai.AsyncOpenAI(base_url=f"{platform.http.base_url}/v1", api_key=key, http_client=http) as client:
        body: Any = {"model": "tiny", "messages": QUESTION, "max_tokens": 2}
        with pytest.raises(openai.InternalServerError) as raised:
            await client.with_options(max_retries=0).chat.completions.create(**body)
        assert (raised.value.status_code, raised.value.code) == (503, "engine_busy")
        assert (await client.chat.completions.create(**body)).choices
    assert [answer.status_code for _, answer in answers] == [503, 503, 200]
    (_, _), (rejected_at, busy), (retried_at, _) = answers
    assert retried_at - rejected_at >= int(busy.headers["retry-after"])


async def test_base_and_custom_model_generate_concurrently_with_the_same_parameters(
    platform: InferencePlatform,
) -> None:
    """As the playground does: both at once, streamed, with every sampling control."""
    controls = {"temperature": 0.9, "top_p": 0.95, "top_k": 40, "repetition_penalty": 1.1, "seed": 5, "max_tokens": 16}

    async def both(**changes: Any) -> list[str]:
        body = {"messages": QUESTION, **controls, **changes}
        models = ("tiny", "tuned1")
        streams = [platform.stream("/v1/chat/completions", {"model": model, **body}) for model in models]
        return [text_of(chunks) for chunks in await asyncio.gather(*streams)]

    base, tuned = await both()
    assert base != tuned
    assert await both() == [base, tuned]
    for change in ({"seed": 6}, {"temperature": 1.6}, {"top_k": 1}, {"top_p": 0.05}, {"repetition_penalty": 3.0}):
        assert await both(**change) != [base, tuned], change
