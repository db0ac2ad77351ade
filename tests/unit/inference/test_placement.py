"""Where a vLLM server goes, and what happens where it has no room."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.inference.errors import EngineBusy
from services.inference.protocol import ModelSpec, Rendered
from services.inference.vllm.engine import VllmEngine
from services.inference.vllm.merging import Merger
from services.inference.vllm.placement import EVERYWHERE, RESERVE, places, roomiest
from services.inference.vllm.server import VllmServer
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings


def test_the_gpu_with_the_most_room_is_taken() -> None:
    free = {"0": 10_000, "1": 30_000}
    assert roomiest(free, 20_000) == "1"
    assert roomiest(free, int(30_000 / RESERVE) + 1) is None


def test_a_server_over_all_gpus_needs_room_in_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.inference.vllm.placement.free_gpu_memory", lambda: {"0": 10_000, "1": 30_000})
    assert places("serve --dtype auto")() == {"0": 10_000, "1": 30_000}
    assert places("serve --tensor-parallel-size=2")() == places("serve -tp 2")() == {EVERYWHERE: 40_000}


def test_without_gpus_it_is_main_memory() -> None:
    assert places("serve")()[EVERYWHERE] > 0


async def test_a_model_without_room_is_told_so_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(1_000))
    ref = {"path": str(tmp_path), "kind": "full", "base": None}

    async def render(model: ModelSpec, prompt: Mapping[str, Any]) -> Rendered:
        return Rendered([[1]], [])

    async with open_resources(Settings(home=tmp_path / "home")) as resources:

        def start(path: str, place: str) -> VllmServer:
            return VllmServer(resources, "serve", path, place)

        engine = VllmEngine(start, render, Merger(resources), lambda: {"0": 1_100}, 1)
        with pytest.raises(EngineBusy, match="1,000 bytes") as refused:
            await engine.load(ModelSpec("m", "anneal://m", ref, "hash", 1_000))
        assert refused.value.limit == 1_100
        assert engine.facts().models == {}
