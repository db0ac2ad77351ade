"""Every family of the zoo trains and decodes as plain transformers does, one document at a time, within its limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import torch

from services.inference.engine.model_cache import LoadedBase
from services.training.engine.kernels.cpu_fused import use_fused_kernels
from services.training.engine.model.trials import exact_layouts
from services.training.engine.tasks import inspect_model
from shared.engine.decoding.generate import ContinuousBatch, Request, decoding_mode, generate_all, prefills_in_chunks
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter
from tests.support.zoo import NO_QLORA, PADDED, UNCACHED, ZOO, save
from tests.support.zoo_comparison import (
    LENGTHS,
    NEW_TOKENS,
    Step,
    adapted,
    batch_step,
    documents,
    largest_difference,
    load_for_training,
    plain_answer,
    plain_step,
    prompts,
)

ACCEPTED = [family for family, entry in ZOO.items() if not entry.refused]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are faster in one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The saved model of a family, made once."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = save(family, tmp_path_factory.mktemp("zoo"))
        return made[family]

    return make


@pytest.mark.parametrize("family", ZOO)
def test_registration_accepts_or_refuses(folder: Callable[[str], Path], family: str) -> None:
    path = folder(family)
    if reason := ZOO[family].refused:
        with pytest.raises(EngineError, match=reason) as refused:
            inspect_model.main({"path": str(path)}, Reporter(-1), Commands(BytesIO()))
        assert refused.value.code == "unsupported_architecture"
    else:
        facts = inspect_model.main({"path": str(path)}, Reporter(-1), Commands(BytesIO()))
        assert facts["architecture"] == json.loads((path / "config.json").read_text())["architectures"][0]
        assert facts["context_length"] in (512, 2048)


def assert_same_step(expected: Step, found: Step) -> None:
    loss, gradient, name = largest_difference(expected, found)
    assert loss <= 1e-5
    assert gradient <= 1e-3, name


@pytest.mark.parametrize("family", ACCEPTED)
def test_full_training_equals_transformers(folder: Callable[[str], Path], family: str) -> None:
    samples, model = documents(), load_for_training(folder(family))
    expected = plain_step(model, samples)
    use_fused_kernels(model)
    layouts = exact_layouts(model, max(LENGTHS))
    assert layouts == ({"padded"} if PADDED in ZOO[family].limits else {"packed", "padded"})
    for layout in layouts:
        assert_same_step(expected, batch_step(model, samples, layout))


@pytest.mark.parametrize("family", ACCEPTED)
def test_layouts_are_the_same_in_bf16(folder: Callable[[str], Path], family: str) -> None:
    model = load_for_training(folder(family)).to(torch.bfloat16)
    assert exact_layouts(model, max(LENGTHS)) == ({"padded"} if PADDED in ZOO[family].limits else {"packed", "padded"})


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("family", ACCEPTED)
def test_adapters_equal_peft(folder: Callable[[str], Path], family: str, method: str) -> None:
    samples = documents()
    if method == "qlora" and NO_QLORA in ZOO[family].limits:
        with pytest.raises(EngineError, match="quantiz"):
            exact_layouts(adapted(folder(family), method), max(LENGTHS))
        return
    model = adapted(folder(family), method)
    expected = plain_step(model, samples)
    unused = [name for name, weight in model.named_parameters() if weight.requires_grad and not weight.grad.any()]
    assert not unused  # the model's code reads the weights of these layers, past their adapters
    use_fused_kernels(model)
    for layout in exact_layouts(model, max(LENGTHS)):
        assert_same_step(expected, batch_step(model, samples, layout))


@pytest.mark.parametrize("family", ACCEPTED)
def test_batched_answers_equal_a_forward_pass_without_cache(folder: Callable[[str], Path], family: str) -> None:
    model = load_model({"path": str(folder(family)), "kind": "full", "base": None}, dtype="float32")
    assert (decoding_mode(model) == "uncached") == (UNCACHED in ZOO[family].limits)
    assert prefills_in_chunks(model) == (UNCACHED not in ZOO[family].limits)
    answers = generate_all(model, prompts(), stop_ids=[], max_new_tokens=NEW_TOKENS)
    assert [answer.ids for answer in answers] == [plain_answer(model, prompt) for prompt in prompts()]


@pytest.mark.parametrize("family", ACCEPTED)
def test_adapter_answers_equal_in_every_form(folder: Callable[[str], Path], family: str, tmp_path: Path) -> None:
    """Served over its base (beside a row without it, where the platform mixes them), loaded by peft, and merged."""
    trained = adapted(folder(family), "lora").eval()
    trained.save_pretrained(tmp_path)
    base_ref = {"path": str(folder(family)), "kind": "full", "base": None}
    ref = {"path": str(tmp_path), "kind": "adapter", "base": base_ref}
    base, prompt = load_model(base_ref, dtype="float32"), prompts()[0]
    expected_base, expected = plain_answer(base, prompt), plain_answer(trained, prompt)
    assert expected != expected_base
    assert plain_answer(load_model(ref, dtype="float32", merge=False), prompt) == expected
    merged = load_model(ref, dtype="float32")
    assert generate_all(merged, [prompt], stop_ids=[], max_new_tokens=NEW_TOKENS)[0].ids == expected
    served = LoadedBase(base_ref, "float32")
    served.attach(str(tmp_path), ())
    batch = ContinuousBatch(served, ())
    steps = batch.add([Request(prompt, NEW_TOKENS, adapter=str(tmp_path))])
    if mixes := str(tmp_path) in served.multi_lora:
        steps += batch.add([Request(prompt, NEW_TOKENS)])
    while batch.active_rows:
        steps += batch.step()
    assert [step.token for step in steps if step.index == 0] == expected
    assert [step.token for step in steps if step.index == 1] == (expected_base if mixes else [])
