"""The vLLM engine with a real server on the CPU, seedling, and adapters loaded at runtime."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from services.inference.errors import EngineBusy, EngineLost, PromptRefused
from services.inference.prompt_renderer import PromptRenderer
from services.inference.protocol import Engine, GenerationRequest, ModelSpec, SamplingParams, Started, TextDelta
from services.inference.supervisor import Supervisor
from services.inference.transformers_engine import TransformersEngine
from services.inference.vllm.engine import GREEDY, VllmEngine
from services.inference.vllm.merging import AdapterMerger
from services.inference.vllm.placement import device_memory_probe
from services.inference.vllm.server import VllmServer
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support.tiny_model import make_tiny_adapter, template_hash

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEEDLING = Path("services/training/seedling").resolve()
QUESTION = [{"role": "user", "content": "Where is my order?"}]
MODELS = ("seedling", "tuned1", "tuned2")


@dataclass
class Bench:
    """Both engines, and seedling with two adapters."""

    vllm: VllmEngine
    transformers: TransformersEngine
    models: dict[str, ModelSpec]
    folder: Path

    def request(self, model: str, **changes: object) -> GenerationRequest:
        fields = {"sampling": GREEDY, "messages": QUESTION, "max_tokens": 32, "logprobs": 0, **changes}
        return GenerationRequest("default", self.models[model], **fields)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("vllm")
    base = {"path": str(SEEDLING), "kind": "full", "base": None}
    models = {"seedling": ModelSpec("seedling", "anneal://seedling", base, template_hash(SEEDLING), 4_700_000)}
    for number in (1, 2):
        name = f"tuned{number}"
        path = make_tiny_adapter(SEEDLING, folder / name, seed=number)
        ref = {"path": str(path), "kind": "adapter", "base": base}
        models[name] = ModelSpec(name, f"anneal://{name}", ref, template_hash(path), 4_700_000)
    command = os.environ["ANNEAL_VLLM_COMMAND"]
    async with open_resources(Settings(home=folder / "home")) as resources:
        renderer = PromptRenderer(resources)
        transformers = TransformersEngine(Supervisor(resources), renderer)

        def start_server(path: str, device: str) -> VllmServer:
            return VllmServer(resources, command, path, device)

        vllm = VllmEngine(start_server, renderer.render, AdapterMerger(resources), device_memory_probe(command), 1)
        yield Bench(vllm, transformers, models, folder)
        pid = vllm.pid(models["seedling"])
        await vllm.close()
        await transformers.close()
        assert pid is None or not Path(f"/proc/{pid}").exists()


async def generate(engine: Engine, generation: GenerationRequest) -> tuple[list[str], int, int, str | None]:
    """Return the tokens, the number of prompt tokens, the number of completion tokens, and the finish reason."""
    tokens: list[str] = []
    prompt_tokens = completion_tokens = 0
    finish = None
    async with asyncio.timeout(600), aclosing(engine.generate(generation)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Started):
                prompt_tokens = message.prompt_tokens
                continue
            tokens += [entry.token for entry in message.logprobs]
            completion_tokens, finish = message.tokens or completion_tokens, message.finish_reason or finish
    return tokens, prompt_tokens, completion_tokens, finish


async def test_greedy_tokens_match_the_transformers_engine(bench: Bench) -> None:
    """The base model and two adapters concurrently; the adapters are loaded into the running server."""
    requests = [bench.request(name) for name in MODELS]
    found = await asyncio.gather(*(generate(bench.vllm, generation) for generation in requests))
    assert list(found) == [await generate(bench.transformers, generation) for generation in requests]
    assert len({tuple(tokens) for tokens, *_ in found}) == 3
    status = bench.vllm.status()
    assert status.state == "ready"
    assert set(status.models) == {bench.models[name].uri for name in MODELS}


async def test_text_is_streamed_and_closing_the_stream_cancels(bench: Bench) -> None:
    deltas: list[TextDelta] = []
    async with aclosing(bench.vllm.generate(bench.request("tuned1", max_tokens=1500))) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, TextDelta):
                deltas.append(message)
            if len(deltas) == 3:
                break
    assert all(delta.finish_reason is None for delta in deltas)
    tokens, *_ = await generate(bench.vllm, bench.request("tuned1", max_tokens=4))
    assert len(tokens) <= 4


async def test_choices_of_several_prompts_have_distinct_indices(bench: Bench) -> None:
    sampling = SamplingParams(temperature=1.5, top_p=1, top_k=0, repetition_penalty=1, seed=3)
    generation = bench.request("seedling", messages=None, prompts=["Hello", [5, 6, 7]], n=2, sampling=sampling)
    finished = set()
    async with aclosing(bench.vllm.generate(generation)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, TextDelta) and message.finish_reason:
                finished.add(message.choice)
    assert finished == {0, 1, 2, 3}


async def test_a_prompt_that_fills_the_context_is_rejected(bench: Bench) -> None:
    with pytest.raises(PromptRefused) as raised:
        await generate(bench.vllm, bench.request("seedling", messages=None, prompts=[[5] * 2048]))
    assert raised.value.code == "context_length_exceeded"


async def test_an_adapter_can_be_unloaded_and_reloaded(bench: Bench) -> None:
    uri = bench.models["tuned2"].uri
    await bench.vllm.load(bench.models["tuned2"])
    await bench.vllm.unload(uri)
    assert uri not in bench.vllm.status().models
    assert await generate(bench.vllm, bench.request("tuned2")) == await generate(
        bench.transformers, bench.request("tuned2")
    )
    assert uri in bench.vllm.status().models


async def kill_after_first_message(bench: Bench, killed: list[int | None]) -> None:
    """Kill the server at its first message. Eight random choices, because they do not all end at once."""
    eight = bench.request("seedling", n=8, max_tokens=1500, sampling=replace(GREEDY, temperature=2.0, seed=7))
    async with aclosing(bench.vllm.generate(eight)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Started):
                killed.append(bench.vllm.pid(bench.models["seedling"]))
                assert killed[0]
                os.kill(killed[0], signal.SIGKILL)


async def test_a_killed_server_fails_started_requests_and_restarts_for_the_next(bench: Bench) -> None:
    killed: list[int | None] = []
    with pytest.raises(EngineLost):
        await kill_after_first_message(bench, killed)
    assert await generate(bench.vllm, bench.request("tuned1")) == await generate(
        bench.transformers, bench.request("tuned1")
    )
    assert bench.vllm.pid(bench.models["tuned1"]) not in (None, *killed)


async def test_an_unsupported_adapter_is_merged_and_gets_its_own_server(bench: Bench) -> None:
    """Merged weights need a server of their own. A pinned model's server is not evicted for it, an idle one is."""
    folder = bench.folder / "wide"
    shutil.copytree(bench.folder / "tuned1", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "rank_pattern": {"nothing": 65}}))
    ref = {**bench.models["tuned1"].ref, "path": str(folder)}
    wide = bench.models["wide"] = replace(bench.models["tuned1"], id="wide", uri="anneal://wide", ref=ref)

    await bench.vllm.load(bench.models["seedling"], pinned=True)
    with pytest.raises(EngineBusy):
        await generate(bench.vllm, bench.request("wide"))
    await bench.vllm.load(bench.models["seedling"])
    evicted_pid = bench.vllm.pid(bench.models["seedling"])
    assert await generate(bench.vllm, bench.request("wide")) == await generate(
        bench.transformers, bench.request("tuned1")
    )
    assert set(bench.vllm.status().models) == {wide.uri}
    assert not Path(f"/proc/{evicted_pid}").exists()
    assert bench.vllm.status().memory > 4 * wide.parameters
