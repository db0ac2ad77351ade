"""vLLM behind the inference room's seam: a real server on the CPU, seedling, adapters loaded while it runs."""

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
from services.inference.protocol import Begun, Engine, Generation, ModelSpec, Sampling, Text
from services.inference.supervisor import Supervisor
from services.inference.transformers_engine import TransformersEngine
from services.inference.vllm.engine import GREEDY, VllmEngine
from services.inference.vllm.merging import Merger
from services.inference.vllm.placement import places
from services.inference.vllm.server import VllmServer
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support.tiny_model import make_tiny_adapter, template_hash

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEEDLING = Path("services/training/seedling").resolve()
ASK = [{"role": "user", "content": "Where is my order?"}]
MODELS = ("seedling", "tuned1", "tuned2")


@dataclass
class Bench:
    """Both engines, and seedling with adapters over it."""

    vllm: VllmEngine
    transformers: TransformersEngine
    models: dict[str, ModelSpec]
    folder: Path

    def ask(self, model: str, **changes: object) -> Generation:
        given = {"sampling": GREEDY, "messages": ASK, "max_tokens": 32, "logprobs": 0, **changes}
        return Generation(self.models[model], **given)  # type: ignore[arg-type]


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
        transformers = TransformersEngine(Supervisor(resources))

        def start(path: str, place: str) -> VllmServer:
            return VllmServer(resources, command, path, place)

        vllm = VllmEngine(start, transformers.render, Merger(resources), places(command), 1)
        yield Bench(vllm, transformers, models, folder)
        pid = vllm.pid(models["seedling"])
        await vllm.close()
        await transformers.close()
        assert pid is None or not Path(f"/proc/{pid}").exists()


async def answer(engine: Engine, generation: Generation) -> tuple[list[str], int, int, str | None]:
    """The tokens, prompt tokens, counted tokens and how it ended."""
    tokens: list[str] = []
    prompt = counted = 0
    finish = None
    async with asyncio.timeout(600), aclosing(engine.generate(generation)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Begun):
                prompt = message.prompt_tokens
                continue
            tokens += [entry.token for entry in message.logprobs]
            counted, finish = message.tokens or counted, message.finish or finish
    return tokens, prompt, counted, finish


async def test_greedy_tokens_are_those_of_the_transformers_engine(bench: Bench) -> None:
    """Base and two adapters at once, the adapters loaded into the running server."""
    asked = [bench.ask(name) for name in MODELS]
    found = await asyncio.gather(*(answer(bench.vllm, generation) for generation in asked))
    assert list(found) == [await answer(bench.transformers, generation) for generation in asked]
    assert len({tuple(tokens) for tokens, *_ in found}) == 3
    facts = bench.vllm.facts()
    assert facts.state == "ready"
    assert set(facts.models) == {bench.models[name].uri for name in MODELS}


async def test_text_comes_as_it_is_written_and_leaving_ends_it(bench: Bench) -> None:
    texts: list[Text] = []
    async with aclosing(bench.vllm.generate(bench.ask("tuned1", max_tokens=1500))) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Text):
                texts.append(message)
            if len(texts) == 3:
                break
    assert all(text.finish is None for text in texts)
    tokens, *_ = await answer(bench.vllm, bench.ask("tuned1", max_tokens=4))
    assert len(tokens) <= 4


async def test_answers_of_many_prompts_and_choices_are_told_apart(bench: Bench) -> None:
    sampling = Sampling(temperature=1.5, top_p=1, top_k=0, repetition_penalty=1, seed=3)
    generation = bench.ask("seedling", messages=None, prompts=["Hello", [5, 6, 7]], n=2, sampling=sampling)
    ended = set()
    async with aclosing(bench.vllm.generate(generation)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Text) and message.finish:
                ended.add(message.choice)
    assert ended == {0, 1, 2, 3}


async def test_a_prompt_that_leaves_no_room_is_refused(bench: Bench) -> None:
    with pytest.raises(PromptRefused) as refused:
        await answer(bench.vllm, bench.ask("seedling", messages=None, prompts=[[5] * 2048]))
    assert refused.value.code == "context_length_exceeded"


async def test_an_adapter_leaves_and_comes_back(bench: Bench) -> None:
    uri = bench.models["tuned2"].uri
    await bench.vllm.load(bench.models["tuned2"])
    await bench.vllm.unload(uri)
    assert uri not in bench.vllm.facts().models
    assert await answer(bench.vllm, bench.ask("tuned2")) == await answer(bench.transformers, bench.ask("tuned2"))
    assert uri in bench.vllm.facts().models


async def kill_when_begun(bench: Bench, killed: list[int | None]) -> None:
    """Read answers whose server is killed at their first word: eight at random, which do not all end at once."""
    eight = bench.ask("seedling", n=8, max_tokens=1500, sampling=replace(GREEDY, temperature=2.0, seed=7))
    async with aclosing(bench.vllm.generate(eight)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, Begun):
                killed.append(bench.vllm.pid(bench.models["seedling"]))
                assert killed[0]
                os.kill(killed[0], signal.SIGKILL)


async def test_after_a_kill_a_begun_request_ends_with_an_error_and_the_next_one_waits(bench: Bench) -> None:
    killed: list[int | None] = []
    with pytest.raises(EngineLost):
        await kill_when_begun(bench, killed)
    assert await answer(bench.vllm, bench.ask("tuned1")) == await answer(bench.transformers, bench.ask("tuned1"))
    assert bench.vllm.pid(bench.models["tuned1"]) not in (None, *killed)


async def test_what_vllm_cannot_apply_is_merged_and_has_a_server_of_its_own(bench: Bench) -> None:
    """Full weights of a model's own: the server of the pinned base does not leave for it, that of an idle one does."""
    folder = bench.folder / "wide"
    shutil.copytree(bench.folder / "tuned1", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "rank_pattern": {"nothing": 65}}))
    ref = {**bench.models["tuned1"].ref, "path": str(folder)}
    wide = bench.models["wide"] = replace(bench.models["tuned1"], id="wide", uri="anneal://wide", ref=ref)

    await bench.vllm.load(bench.models["seedling"], pinned=True)
    with pytest.raises(EngineBusy):
        await answer(bench.vllm, bench.ask("wide"))
    await bench.vllm.load(bench.models["seedling"])
    left = bench.vllm.pid(bench.models["seedling"])
    assert await answer(bench.vllm, bench.ask("wide")) == await answer(bench.transformers, bench.ask("tuned1"))
    assert set(bench.vllm.facts().models) == {wide.uri}
    assert not Path(f"/proc/{left}").exists()
    assert bench.vllm.facts().memory > 4 * wide.parameters
