"""The chat engine's queue and lanes, with a tiny model and without a process."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_model import CHATML, HERMES, make_tiny_adapter, make_tiny_model, template_hash


class Heard:
    """A reporter that keeps what was said."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def emit(self, kind: str, **data: Any) -> None:
        self.messages.append({"kind": kind, **data})

    def log(self, level: str, message: str) -> None:
        raise AssertionError(message)

    def texts(self) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        for message in self.messages:
            for delta in message.get("deltas", ()):
                key = (delta["request_id"], delta["choice"])
                found[key] = found.get(key, "") + delta["text"]
        return found

    def finished(self) -> list[tuple[str, int]]:
        return [
            (delta["request_id"], delta["choice"])
            for message in self.messages
            for delta in message.get("deltas", ())
            if "finish" in delta
        ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models")
    base = {"path": str(make_tiny_model(folder / "base")), "kind": "full", "base": None}
    adapters = {
        name: {
            "path": str(make_tiny_adapter(Path(base["path"]), folder / name, seed=seed)),
            "kind": "adapter",
            "base": base,
        }
        for seed, name in enumerate(("one", "two"))
    }
    return {
        name: {
            "id": name,
            "uri": f"anneal://{name}",
            "ref": ref,
            "template_hash": template_hash(Path(base["path"])),
            "parameters": 1,
        }
        for name, ref in {"base": base, **adapters}.items()
    }


def ask(id: str, model: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sampling = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "seed": None}
    command = {"op": "generate", "request_id": id, "model": model, "prompts": ["The train"], "n": 1, "stop": []}
    return {**command, **sampling, "max_tokens": 12, **changes}


def serve(*commands: dict[str, Any], heard: Heard | None = None) -> tuple[Any, Heard]:
    from services.inference.engine.chat import Serving

    heard = heard or Heard()
    serving = Serving(heard)  # type: ignore[arg-type]
    for command in commands:
        serving.take(command)
    return serving, heard


def drain(serving: Any) -> int:
    rounds = 0
    while serving.busy:
        serving.round()
        rounds += 1
        assert rounds < 1000
    return rounds


def test_requests_of_several_models_go_on_together(models: dict[str, dict[str, Any]]) -> None:
    alone = {}
    for name, model in models.items():
        serving, heard = serve(ask(name, model))
        drain(serving)
        alone |= heard.texts()
    assert len(set(alone.values())) == 3
    serving, together = serve(*(ask(name, model) for name, model in models.items()))
    rounds = drain(serving)
    assert together.texts() == alone
    assert rounds < 20, "one after the other they would take 36"


def test_a_cancelled_request_takes_no_further_step(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(ask("a", models["one"], n=3, max_tokens=400), ask("b", models["base"]))
    for _ in range(3):
        serving.round()
    serving.take({"op": "cancel", "request_id": "a"})
    said = len(heard.texts()[("a", 0)])
    drain(serving)
    assert heard.finished() == [("b", 0)]
    assert len(heard.texts()[("a", 0)]) == said


def test_a_waiting_request_can_be_cancelled(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(ask("a", models["base"]), ask("b", models["base"]))
    serving.take({"op": "cancel", "request_id": "b"})
    drain(serving)
    assert heard.finished() == [("a", 0)]


def test_more_than_fit_wait_their_turn(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(*(ask(str(number), models["base"], n=16, max_tokens=4) for number in range(5)))
    drain(serving)
    assert len(heard.finished()) == 80
    assert len(set(heard.texts().values())) == 1


def test_a_refused_request_leaves_the_others_alone(models: dict[str, dict[str, Any]]) -> None:
    broken = {**models["one"], "uri": "anneal://broken", "template_hash": "0" * 64}
    long = ask("long", models["base"], prompts=["x " * 2000])
    serving, heard = serve(ask("good", models["base"]), ask("bad", broken), long)
    drain(serving)
    refused = {message["request_id"]: message["code"] for message in heard.messages if message["kind"] == "refused"}
    assert refused == {"bad": "template_mismatch", "long": "context_exceeded"}
    assert heard.finished() == [("good", 0)]


def test_unloading_and_loading_again_answers_the_same(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(*(ask(f"{name}1", model) for name, model in models.items()))
    drain(serving)
    for name in ("one", "two"):
        serving.take({"op": "unload", "uri": models[name]["uri"]})
    serving.take({"op": "load", "request_id": "load", "model": models["two"]})
    for name, model in models.items():
        serving.take(ask(f"{name}2", model))
    drain(serving)
    texts = heard.texts()
    assert all(texts[(f"{name}1", 0)] == texts[(f"{name}2", 0)] for name in models)
    assert [message["request_id"] for message in heard.messages if message["kind"] == "loaded"] == ["load"]
    for model in models.values():
        serving.take({"op": "unload", "uri": model["uri"]})
    assert not serving._residency._bases


def test_rendering_needs_no_weights(models: dict[str, dict[str, Any]]) -> None:
    """What an engine that is a server itself gets: the tuned model's prompt, and where its answers end."""
    from transformers import AutoTokenizer

    conversation = [{"role": "user", "content": "Where is my order?"}]
    told = {"op": "render", "model": models["one"]}
    serving, heard = serve(
        {**told, "request_id": "chat", "messages": conversation}, {**told, "request_id": "text", "prompts": ["a", [5]]}
    )
    drain(serving)
    tokenizer = AutoTokenizer.from_pretrained(models["one"]["ref"]["path"])
    prompt = tokenizer.apply_chat_template(conversation, add_generation_prompt=True)["input_ids"]
    chat, text = heard.messages
    assert (chat["request_id"], chat["prompts"]) == ("chat", [prompt])
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in chat["stop_ids"]
    assert text["prompts"] == [tokenizer("a").input_ids, [5]]
    assert not serving._residency._bases


TOOLS = [{"type": "function", "function": {"name": "weather"}}]
XML = (
    "{{ tools }}{% for m in messages %}{{ m.content }}{% if m.tool_calls %}<tool_call>x</tool_call>{% endif %}"
    "{% endfor %}"
)


@pytest.mark.parametrize(
    ("source", "call_format", "refused"),
    [
        (HERMES, "hermes", False),
        (CHATML, "hermes", True),
        (CHATML, None, True),
        (XML, "hermes", True),
        (XML, None, False),
    ],
)
def test_tools_need_a_template_that_shows_them_and_writes_calls_as_they_are_read(
    models: dict[str, dict[str, Any]], tmp_path: Path, source: str, call_format: str | None, refused: bool
) -> None:
    folder = shutil.copytree(models["base"]["ref"]["path"], tmp_path / "calling")
    (folder / "chat_template.jinja").write_text(source)
    model = {"uri": "anneal://calling", "ref": {**models["base"]["ref"], "path": str(folder)}}
    model |= {"id": "calling", "template_hash": template_hash(folder), "parameters": models["base"]["parameters"]}
    command = {"op": "render", "request_id": "chat", "model": model, "tools": TOOLS, "call_format": call_format}
    serving, heard = serve({**command, "messages": [{"role": "user", "content": "Hello"}]})
    drain(serving)
    (told,) = heard.messages
    assert (told["kind"], told.get("code")) == (("refused", "tools_unsupported") if refused else ("rendered", None))
    assert refused == bool(told.get("remedy"))


def test_sampling_defaults_never_come_from_the_base(models: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    folder = shutil.copytree(models["base"]["ref"]["path"], tmp_path / "opinionated")
    (folder / "generation_config.json").write_text(
        '{"do_sample": true, "temperature": 9.0, "repetition_penalty": 9.0, "max_new_tokens": 2}'
    )
    opinionated = {**models["base"], "uri": "anneal://x", "ref": {**models["base"]["ref"], "path": str(folder)}}
    serving, heard = serve(ask("plain", models["base"]), ask("opinionated", opinionated))
    drain(serving)
    assert heard.texts()[("plain", 0)] == heard.texts()[("opinionated", 0)]


def test_the_engine_tells_what_it_holds(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(ask("a", models["one"]), ask("b", models["base"]))
    drain(serving)
    serving.take({"op": "unload", "uri": models["one"]["uri"]})
    held = [message for message in heard.messages if message["kind"] == "resident"]
    assert [sorted(message["models"]) for message in held] == [
        ["anneal://one"],
        ["anneal://base", "anneal://one"],
        ["anneal://base"],
    ]
    sizes = held[1]["models"]
    assert 0 < sizes["anneal://one"] < sizes["anneal://base"] < held[1]["memory"]


def test_adapters_share_their_base(models: dict[str, dict[str, Any]]) -> None:
    serving, _ = serve(*(ask(name, model) for name, model in models.items()))
    drain(serving)
    residency = serving._residency
    assert len(residency._bases) == 1
    assert len({id(variant.base.model) for variant in residency._variants.values()}) == 1


def test_a_pinned_model_is_not_evicted(
    models: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.model_cache.MOST_BASES", 2)
    others = [
        {**models["base"], "uri": f"anneal://{seed}", "ref": {**models["base"]["ref"], "path": str(path)}}
        for seed, path in ((n, make_tiny_model(tmp_path / str(n), seed=n)) for n in range(3))
    ]
    serving, _ = serve({"op": "load", "request_id": "p", "model": {**models["one"], "pinned": True}})
    drain(serving)
    for other in others:
        serving.take(ask("x", other, max_tokens=1))
        drain(serving)
    assert sorted(serving._residency.sizes()) == ["anneal://2", "anneal://one"]
    serving.take({"op": "load", "request_id": "p", "model": models["one"]})
    for other in others[:2]:
        serving.take(ask("x", other, max_tokens=1))
        drain(serving)
    assert sorted(serving._residency.sizes()) == ["anneal://0", "anneal://1"]


def test_scarce_memory_evicts_the_least_recently_used(
    models: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.model_cache.free_memory", lambda: 0)
    path = str(make_tiny_model(tmp_path / "other", seed=5))
    other = {**models["base"], "uri": "anneal://other", "ref": {**models["base"]["ref"], "path": path}}
    serving, heard = serve(ask("a", models["base"]))
    drain(serving)
    serving.take(ask("b", other))
    drain(serving)
    assert heard.finished() == [("a", 0), ("b", 0)]
    assert sorted(serving._residency.sizes()) == ["anneal://other"]


def test_log_probabilities_are_those_of_the_model(models: dict[str, dict[str, Any]]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    serving, heard = serve(ask("a", models["base"], logprobs=3, max_tokens=6), ask("b", models["base"], max_tokens=6))
    drain(serving)
    deltas = [delta for message in heard.messages for delta in message.get("deltas", ())]
    told = [entry for delta in deltas for entry in delta.get("logprobs", ()) if delta["request_id"] == "a"]
    assert not any("logprobs" in delta for delta in deltas if delta["request_id"] == "b")
    path = models["base"]["ref"]["path"]
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path)
    ids = list(tokenizer("The train").input_ids)
    assert len(told) == 6
    with torch.inference_mode():
        for entry in told:
            likely = model.float()(torch.tensor([ids])).logits[0, -1].log_softmax(-1).topk(3)
            assert [other["logprob"] for other in entry["top"]] == pytest.approx(likely.values.tolist(), abs=1e-4)
            assert (entry["token"], entry["logprob"]) == (entry["top"][0]["token"], entry["top"][0]["logprob"])
            assert entry["token"] == tokenizer.decode([likely.indices[0]])
            ids.append(int(likely.indices[0]))


@pytest.fixture(scope="module")
def mixture(models: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Adapters over one base that differ in rank, in the layers that they change, and in kind."""
    base, folder = models["base"]["ref"], tmp_path_factory.mktemp("mixture")
    kinds: dict[str, dict[str, Any]] = {
        "wide": {"r": 9, "lora_alpha": 3},
        "attention": {"target_modules": ["q_proj", "v_proj"]},
        "dora": {"use_dora": True},
        "head": {"modules_to_save": ["lm_head"]},
    }
    made = {
        name: make_tiny_adapter(Path(base["path"]), folder / name, seed=seed, **changes)
        for seed, (name, changes) in enumerate(kinds.items(), 10)
    }
    refs = {name: {"path": str(path), "kind": "adapter", "base": base} for name, path in made.items()}
    return models | {name: {**models["base"], "uri": f"anneal://{name}", "ref": ref} for name, ref in refs.items()}


def test_adapters_of_one_base_are_one_batch(mixture: dict[str, dict[str, Any]]) -> None:
    """Those with more to them than plain LoRA have a batch of their own, and all answer as they do alone."""
    alone = {}
    for name, model in mixture.items():
        serving, heard = serve(ask(name, model))
        drain(serving)
        alone |= heard.texts()
    assert len(set(alone.values())) == len(mixture)
    serving, together = serve(*(ask(name, model) for name, model in mixture.items()))
    for _ in mixture:
        serving.round()
    assert sorted(lane.live for lane in serving._lanes.values()) == [1, 1, len(mixture) - 2]
    drain(serving)
    assert together.texts() == alone


@pytest.mark.parametrize(
    "names",
    [
        ["one", "wide", None, "attention", "one"],  # moved for the products, and back
        [None, None, None, "one", "wide"],
        ["attention", "attention", "one", "one"],
        ["one", "attention"],
    ],
)
def test_mixed_rows_are_pefts_own_logits(mixture: dict[str, dict[str, Any]], names: list[str | None]) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from services.inference.engine.model_cache import Base

    paths = [mixture[name]["ref"]["path"] if name else None for name in names]
    base = Base(mixture["base"]["ref"], "float32")
    for path in {path for path in paths if path}:
        base.attach(path, ())
    ids = torch.arange(20, 20 + len(names) * 7).reshape(-1, 7)
    with torch.inference_mode():
        mixed = base(input_ids=ids, adapters=paths).logits
        for row, path in enumerate(paths):
            plain = AutoModelForCausalLM.from_pretrained(mixture["base"]["ref"]["path"], dtype=torch.float32)
            model = PeftModel.from_pretrained(plain, path) if path else plain
            assert torch.allclose(mixed[row], model.eval()(input_ids=ids[row : row + 1]).logits[0], atol=1e-4)


def test_a_model_that_is_unloaded_while_it_answers_goes_afterwards(models: dict[str, dict[str, Any]]) -> None:
    serving, heard = serve(ask("a", models["one"]), ask("b", models["two"], max_tokens=40))
    for _ in range(3):
        serving.round()
    serving.take({"op": "unload", "uri": models["one"]["uri"]})
    assert "anneal://one" in serving._residency.sizes()
    drain(serving)
    assert heard.finished() == [("a", 0), ("b", 0)]
    assert sorted(serving._residency.sizes()) == ["anneal://two"]


@pytest.mark.parametrize("hash", ["", "0" * 64])
def test_a_model_without_the_hash_of_its_template_is_not_served(models: dict[str, dict[str, Any]], hash: str) -> None:
    serving, heard = serve(ask("a", {**models["one"], "template_hash": hash}))
    drain(serving)
    assert [(m["code"], m["expected"]) for m in heard.messages if m["kind"] == "refused"] == [
        ("template_mismatch", hash)
    ]


def test_a_merged_model_is_its_adapter_over_its_base(mixture: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """What vLLM gets in place of an adapter that it cannot apply."""
    import torch

    from services.inference.engine.merge import main
    from shared.engine.loading.load import load_model

    ref = mixture["dora"]["ref"]
    assert main({"ref": ref, "folder": str(tmp_path), "parameters": 1}, None, None) == {}  # type: ignore[arg-type]
    merged = load_model({"path": str(tmp_path), "kind": "full", "base": None}, dtype="float32")
    beside = load_model(ref, dtype="float32", merge=False)
    ids = torch.arange(20, 40)[None]
    with torch.inference_mode():
        assert torch.allclose(merged(input_ids=ids).logits, beside(input_ids=ids).logits, atol=1e-4)
