"""Placement of vLLM servers, and the error when no device has enough memory."""

import asyncio
import sys
from pathlib import Path

import pytest

from services.inference.errors import EngineBusy, ModelQuarantined
from services.inference.protocol import GenerationRequest, ModelSpec, RenderedPrompts
from services.inference.vllm.engine import VllmEngine
from services.inference.vllm.merging import AdapterMerger
from services.inference.vllm.placement import ANY_DEVICE, MEMORY_HEADROOM, device_memory_probe, pick_device
from services.inference.vllm.server import VllmServer
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support import fake_vllm


def test_the_gpu_with_the_most_free_memory_is_picked() -> None:
    free = {"0": 10_000, "1": 30_000}
    assert pick_device(free, 20_000) == "1"
    assert pick_device(free, int(30_000 / MEMORY_HEADROOM) + 1) is None


def test_a_parallel_server_counts_the_memory_of_all_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.inference.vllm.placement.free_gpu_memory", lambda: {"0": 10_000, "1": 30_000})
    assert device_memory_probe("serve --dtype auto")() == {"0": 10_000, "1": 30_000}
    assert (
        device_memory_probe("serve --tensor-parallel-size=2")()
        == device_memory_probe("serve -tp 2")()
        == {ANY_DEVICE: 40_000}
    )


def test_without_gpus_main_memory_counts() -> None:
    assert device_memory_probe("serve")()[ANY_DEVICE] > 0


async def test_a_model_that_does_not_fit_is_rejected_before_a_server_starts(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(1_000))
    ref = {"path": str(tmp_path), "kind": "full", "base": None}

    async def render(generation: GenerationRequest) -> RenderedPrompts:
        return RenderedPrompts([[1]], [])

    async with open_resources(Settings(home=tmp_path / "home")) as resources:

        def start_server(path: str, device: str) -> VllmServer:
            return VllmServer(resources, "serve", path, device)

        engine = VllmEngine(start_server, render, AdapterMerger(resources), lambda: {"0": 1_100}, 1)
        with pytest.raises(EngineBusy, match="1,000 bytes") as raised:
            await engine.load(ModelSpec("m", "anneal://m", ref, "hash", 1_000))
        assert raised.value.limit == 1_100
        assert engine.status().models == {}


async def test_requests_at_the_same_time_for_a_new_model_share_its_server(tmp_path: Path) -> None:
    class SlowToStop(VllmServer):
        async def close(self) -> None:
            await asyncio.sleep(0)
            closed.append(self)

    started: list[VllmServer] = []
    closed: list[VllmServer] = []
    models = {}
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(bytes(1_000))
        ref = {"path": str(tmp_path / name), "kind": "full", "base": None}
        models[name] = ModelSpec(name, f"anneal://{name}", ref, "hash", 1_000)

    async def render(generation: GenerationRequest) -> RenderedPrompts:
        return RenderedPrompts([[1]], [])

    async with open_resources(Settings(home=tmp_path / "home")) as resources:

        def start_server(path: str, device: str) -> VllmServer:
            started.append(SlowToStop(resources, "serve", path, device))
            return started[-1]

        engine = VllmEngine(start_server, render, AdapterMerger(resources), lambda: {"0": 10_000}, 1)
        old = await engine._server(models["old"])
        first, second = await asyncio.gather(engine._server(models["new"]), engine._server(models["new"]))
        assert first is second
        assert (started, closed) == ([old, first], [old])
        await engine.close()
        assert closed == started


async def test_a_server_that_hangs_is_replaced_though_it_reports_to_be_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model of the request that waited is in quarantine; another model over the same weights is served."""
    monkeypatch.setattr("services.inference.vllm.engine.SILENCE_LIMIT_S", 2.0)
    (tmp_path / "model.safetensors").write_bytes(bytes(1_000))
    ref = {"path": str(tmp_path), "kind": "full", "base": None}
    hostile, other = (ModelSpec(name, f"anneal://{name}", ref, "hash", 1_000) for name in ("hostile", "other"))
    command = f"{sys.executable} {fake_vllm.__file__} {tmp_path / 'started'}"

    async def render(generation: GenerationRequest) -> RenderedPrompts:
        return RenderedPrompts([[1]], [])

    async with open_resources(Settings(home=tmp_path / "home")) as resources:

        def start_server(path: str, device: str) -> VllmServer:
            return VllmServer(resources, command, path, device)

        engine = VllmEngine(start_server, render, AdapterMerger(resources), lambda: {"": 10_000}, 1)
        async with asyncio.timeout(120):
            with pytest.raises(ModelQuarantined):
                await engine.load(hostile)
            await engine.load(other)
            await engine.unload(hostile.uri)
            await engine.load(hostile)
        await engine.close()
