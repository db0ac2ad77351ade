"""The scheduler of the transformers engine with a tiny model, without a process."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from services.inference.errors import error_from_engine
from shared.engine.process.protocol import Commands
from tests.support.data_cases import data_case
from tests.support.tiny_model import CHATML, HERMES, make_tiny_adapter, make_tiny_model, template_hash


class RecordingReporter:
    """A reporter that records its messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.computing: list[dict[str, Any]] = []
        self.signs_of_life = 0

    def emit(self, kind: str, **data: Any) -> None:
        (self.computing if kind == "computing" else self.messages).append({"kind": kind, **data})

    def alive(self) -> bool:
        self.signs_of_life += 1
        return True

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


def generate_command(id: str, model: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sampling = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "seed": None}
    command = {"op": "generate", "request_id": id, "model": model, "prompts": ["The train"], "n": 1, "stop": []}
    return {**command, **sampling, "max_tokens": 12, **changes}


def submit_all(*commands: dict[str, Any], reporter: RecordingReporter | None = None) -> tuple[Any, RecordingReporter]:
    from services.inference.engine.chat import Scheduler

    reporter = reporter or RecordingReporter()
    scheduler = Scheduler(reporter)  # type: ignore[arg-type]
    for command in commands:
        scheduler.submit(command)
    return scheduler, reporter


def drain(scheduler: Any) -> int:
    steps = 0
    while scheduler.busy:
        scheduler.step()
        steps += 1
        assert steps < 1000
    return steps


def test_requests_of_several_models_are_batched(models: dict[str, dict[str, Any]]) -> None:
    alone = {}
    for name, model in models.items():
        scheduler, reporter = submit_all(generate_command(name, model))
        drain(scheduler)
        alone |= reporter.texts()
    assert len(set(alone.values())) == 3
    scheduler, batched = submit_all(*(generate_command(name, model) for name, model in models.items()))
    steps = drain(scheduler)
    assert batched.texts() == alone
    assert steps < 20, "decoded one after another they would take 36"


def test_a_cancelled_request_stops_decoding(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(
        generate_command("a", models["one"], n=3, max_tokens=400), generate_command("b", models["base"])
    )
    for _ in range(3):
        scheduler.step()
    scheduler.submit({"op": "cancel", "request_id": "a"})
    length = len(reporter.texts()[("a", 0)])
    drain(scheduler)
    assert reporter.finished() == [("b", 0)]
    assert len(reporter.texts()[("a", 0)]) == length


def test_a_request_that_does_not_stream_is_answered_in_two_messages(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first text, and the rest; beside a stream, whose tokens are sent one by one. A cancelled one ends at once."""
    monkeypatch.setattr("services.inference.engine.joined_deltas.INTERVAL_S", float("inf"))
    whole = generate_command("whole", models["one"], stream=False, logprobs=0)
    left = generate_command("left", models["one"], stream=False, max_tokens=400)
    scheduler, reporter = submit_all(whole, generate_command("stream", models["one"], logprobs=0), left)
    while ("left", 0) not in reporter.texts():
        scheduler.step()
    scheduler.submit({"op": "cancel", "request_id": "left"})
    drain(scheduler)
    sent: dict[str, list[dict[str, Any]]] = {"whole": [], "stream": [], "left": []}
    for message in reporter.messages:
        for delta in message.get("deltas", ()):
            sent[delta["request_id"]].append(delta)
    assert (len(sent["whole"]), len(sent["left"])) == (2, 1)
    assert len(sent["stream"]) > 6
    assert sum(delta["joined"] for delta in sent["whole"]) == sent["whole"][-1]["tokens"] == 12
    assert sent["whole"][-1]["finish"] == sent["stream"][-1]["finish"]
    assert reporter.texts()["whole", 0] == reporter.texts()["stream", 0]
    scored = {id: [token for delta in sent[id] for token in delta.get("logprobs", ())] for id in ("whole", "stream")}
    assert scored["whole"] == scored["stream"]


def test_joined_deltas_are_sent_now_and_then() -> None:
    from services.inference.engine.joined_deltas import INTERVAL_S, JoinedDeltas

    now = 0.0
    joined = JoinedDeltas(lambda: now)
    assert joined.add({"text": ""}) is None
    assert joined.add({"text": "a"}) == {"text": "a", "joined": 2}
    assert joined.add({"text": "b"}) is None
    now = INTERVAL_S
    assert joined.add({"text": "c"}) == {"text": "bc", "joined": 2}
    assert joined.add({"text": "", "finish": "stop", "tokens": 5}) == {
        "text": "", "joined": 1, "finish": "stop", "tokens": 5
    }  # fmt: skip


def test_a_queued_request_can_be_cancelled(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(generate_command("a", models["base"]), generate_command("b", models["base"]))
    scheduler.submit({"op": "cancel", "request_id": "b"})
    drain(scheduler)
    assert reporter.finished() == [("a", 0)]


def test_a_request_is_cancelled_between_two_layers_of_its_prefill(models: dict[str, dict[str, Any]]) -> None:
    from services.inference.engine.chat import Scheduler

    reader, writer = os.pipe()
    commands = Commands(os.fdopen(reader, "rb"))
    reporter = RecordingReporter()

    def cancel() -> bool:
        """At the first layer, the client goes; its command has arrived before the second."""
        reporter.signs_of_life += 1
        if reporter.signs_of_life == 1:
            os.write(writer, json.dumps({"op": "cancel", "request_id": "a"}).encode() + b"\n")
        while reporter.signs_of_life == 1 and commands._queue.empty():
            time.sleep(0.001)
        return True

    scheduler = Scheduler(reporter, commands)  # type: ignore[arg-type]
    scheduler.submit(generate_command("b", models["base"], max_tokens=2))
    drain(scheduler)  # the model is loaded
    reporter.signs_of_life, reporter.alive = 0, cancel  # type: ignore[method-assign]
    scheduler.submit(generate_command("a", models["base"]))
    scheduler.step()
    assert reporter.signs_of_life == 1, "the pass ended at the layer that saw the command"
    os.close(writer)
    assert not scheduler.accept(), "its input is closed, which means stop"
    scheduler.submit(generate_command("c", models["base"], max_tokens=2))
    drain(scheduler)
    assert reporter.finished() == [("b", 0), ("c", 0)]


def test_what_is_computed_is_named_before(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(generate_command("a", models["one"], max_tokens=3))
    drain(scheduler)
    assert all(message["models"] == [models["one"]["uri"]] for message in reporter.computing)
    assert [sorted(message.keys() - {"kind", "models"}) for message in reporter.computing] == [
        [],
        ["weight_bytes"],
        ["prompt_tokens"],
        [],
    ]
    assert reporter.signs_of_life > 3, "each layer shows that the pass proceeds"


def test_requests_beyond_the_batch_size_are_queued(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(
        *(generate_command(str(number), models["base"], n=16, max_tokens=4) for number in range(5))
    )
    drain(scheduler)
    assert len(reporter.finished()) == 80
    assert len(set(reporter.texts().values())) == 1


def test_a_rejected_request_does_not_affect_others(models: dict[str, dict[str, Any]]) -> None:
    broken = {**models["one"], "uri": "anneal://broken", "template_hash": "0" * 64}
    long = generate_command("long", models["base"], prompts=["x " * 2000])
    scheduler, reporter = submit_all(generate_command("good", models["base"]), generate_command("bad", broken), long)
    drain(scheduler)
    refused = {message["request_id"]: message["code"] for message in reporter.messages if message["kind"] == "refused"}
    assert refused == {"bad": "template_mismatch", "long": "context_exceeded"}
    assert reporter.finished() == [("good", 0)]


def test_prompts_of_several_requests_and_adapters_are_computed_in_one_pass(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.PREFILL_SLICE_S", 60)
    names, prompts = ("two", "base", "one", "two"), ([7, 8, 9], [7, 8, 9, 10, 11], [20], [30, 31])
    commands = [
        generate_command(str(number), models[name], prompts=[prompt], max_tokens=4 + 3 * number)
        for number, (name, prompt) in enumerate(zip(names, prompts, strict=True))
    ]
    alone = {}
    for command in commands:
        scheduler, reporter = submit_all(command)
        drain(scheduler)
        alone |= reporter.texts()
    unusable = generate_command("empty", models["one"], prompts=[[]])
    scheduler, batched = submit_all(*commands[:2], unusable, *commands[2:])
    drain(scheduler)
    assert batched.texts() == alone
    refused = {message["request_id"]: message["code"] for message in batched.messages if message["kind"] == "refused"}
    assert refused == {"empty": "empty_prompt"}, "the others of its pass are answered"
    scheduler, batched = submit_all(*commands)
    drain(scheduler)
    assert batched.texts() == alone
    passes = [message["models"] for message in batched.computing if "prompt_tokens" in message]
    assert passes == [sorted(models[name]["uri"] for name in models)]


def started(reporter: RecordingReporter) -> list[str]:
    """The ids of the requests in the order in which they were started."""
    return [message["request_id"] for message in reporter.messages if message["kind"] == "started"]


def test_projects_take_turns(models: dict[str, dict[str, Any]]) -> None:
    many = [generate_command(f"many{number}", models["one"], project="many", max_tokens=2) for number in range(4)]
    scheduler, reporter = submit_all(*many, generate_command("other", models["two"], project="other"))
    drain(scheduler)
    assert started(reporter) == ["many0", "other", "many1", "many2", "many3"]


def test_many_prompts_of_one_request_are_computed_in_slices(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.PREFILL_SLICE_S", 0)
    prompts = [f"The train {number}" for number in range(20)]
    many = generate_command("many", models["base"], project="many", prompts=prompts)
    scheduler, reporter = submit_all(many, generate_command("other", models["two"], project="other", max_tokens=2))
    drain(scheduler)
    finished = [request_id for request_id, _ in reporter.finished()]
    assert finished[0] == "other"
    assert len(finished) == 21
    together, texts = submit_all(many)
    monkeypatch.setattr("services.inference.engine.chat.PREFILL_SLICE_S", 60)
    drain(together)
    assert {key: text for key, text in reporter.texts().items() if key[0] == "many"} == texts.texts()


def test_a_long_prompt_is_computed_in_chunks_while_others_decode_and_projects_take_turns(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.PREFILL_SLICE_S", 0)
    prompt = [5 + number % 200 for number in range(400)]
    long = [
        generate_command(f"long{number}", models["one"], project="long", prompts=[prompt], max_tokens=4)
        for number in range(3)
    ]
    scheduler, reporter = submit_all(generate_command("running", models["base"], project="other", max_tokens=40))
    scheduler.step()
    for command in long:
        scheduler.submit(command)
        scheduler.step()
    scheduler.submit(generate_command("short", models["two"], project="third", max_tokens=4))
    before = len(reporter.texts()["running", 0])
    scheduler.step()
    assert set(reporter.texts()) == {("running", 0), ("short", 0)}, "a project's long prompts delay no other's"
    assert len(reporter.texts()["running", 0]) > before
    scheduler.submit({"op": "cancel", "request_id": "long1"})
    drain(scheduler)
    sizes = [message["prompt_tokens"] for message in reporter.computing if "prompt_tokens" in message]
    assert max(sizes) == 64
    monkeypatch.setattr("services.inference.engine.batch.MIN_CHUNK_TOKENS", 4096)
    whole, expected = submit_all(long[0], long[2])
    drain(whole)
    assert 400 in [message.get("prompt_tokens") for message in expected.computing]
    assert {key: text for key, text in reporter.texts().items() if key[0].startswith("long")} == expected.texts()


def test_a_request_is_cancelled_between_two_of_its_prompts(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.PREFILL_SLICE_S", 0)
    scheduler, reporter = submit_all(generate_command("a", models["base"], prompts=["The train"] * 9))
    scheduler.step()
    scheduler.submit({"op": "cancel", "request_id": "a"})
    scheduler.submit(generate_command("b", models["base"]))
    drain(scheduler)
    assert reporter.finished() == [("b", 0)]


def test_one_project_leaves_room_in_the_batch(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.MAX_PER_PROJECT", 4)
    many = [generate_command(f"many{number}", models["one"], project="many", n=4) for number in range(2)]
    scheduler, reporter = submit_all(*many, generate_command("other", models["two"], project="other"))
    for _ in range(3):
        scheduler.step()
    assert started(reporter) == ["many0", "other"]
    drain(scheduler)
    assert started(reporter)[2:] == ["many1"]


def test_a_request_that_waits_for_memory_holds_up_no_other_project(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.chat.admit", lambda rows, *_: rows < 8)
    large = generate_command("large", models["one"], project="many", n=8)
    small = generate_command("small", models["one"], project="many", max_tokens=2)
    scheduler, reporter = submit_all(large, small, generate_command("other", models["two"], project="other"))
    for _ in range(3):
        scheduler.step()
    assert started(reporter) == ["other"], "the project's next request waits behind its large one"
    monkeypatch.setattr("services.inference.engine.chat.admit", lambda *_: True)
    drain(scheduler)
    assert started(reporter) == ["other", "large", "small"]


def test_a_reloaded_model_generates_the_same_text(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(*(generate_command(f"{name}1", model) for name, model in models.items()))
    drain(scheduler)
    for name in ("one", "two"):
        scheduler.submit({"op": "unload", "uri": models[name]["uri"]})
    scheduler.submit({"op": "load", "request_id": "load", "model": models["two"]})
    for name, model in models.items():
        scheduler.submit(generate_command(f"{name}2", model))
    drain(scheduler)
    texts = reporter.texts()
    assert all(texts[(f"{name}1", 0)] == texts[(f"{name}2", 0)] for name in models)
    assert [message["request_id"] for message in reporter.messages if message["kind"] == "loaded"] == ["load"]
    for model in models.values():
        scheduler.submit({"op": "unload", "uri": model["uri"]})
    assert not scheduler._models._bases


def test_rendering_loads_no_weights(models: dict[str, dict[str, Any]]) -> None:
    """vLLM gets the prompt of the custom model's own template, and its stop token ids."""
    from transformers import AutoTokenizer

    conversation = [{"role": "user", "content": "Where is my order?"}]
    command = {"op": "render", "model": models["one"]}
    scheduler, reporter = submit_all(
        {**command, "request_id": "chat", "messages": conversation},
        {**command, "request_id": "text", "prompts": ["a", [5]]},
    )
    drain(scheduler)
    tokenizer = AutoTokenizer.from_pretrained(models["one"]["ref"]["path"])
    prompt = tokenizer.apply_chat_template(conversation, add_generation_prompt=True)["input_ids"]
    chat, text = reporter.messages
    assert (chat["request_id"], chat["prompts"]) == ("chat", [prompt])
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in chat["stop_ids"]
    assert text["prompts"] == [tokenizer("a").input_ids, [5]]
    assert not scheduler._models._bases


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
def test_tools_need_a_template_that_renders_them_and_writes_parsable_calls(
    models: dict[str, dict[str, Any]], tmp_path: Path, source: str, call_format: str | None, refused: bool
) -> None:
    folder = shutil.copytree(models["base"]["ref"]["path"], tmp_path / "calling")
    (folder / "chat_template.jinja").write_text(source)
    model = {"uri": "anneal://calling", "ref": {**models["base"]["ref"], "path": str(folder)}}
    model |= {"id": "calling", "template_hash": template_hash(folder), "parameters": models["base"]["parameters"]}
    command = {"op": "render", "request_id": "chat", "model": model, "tools": TOOLS, "call_format": call_format}
    scheduler, reporter = submit_all({**command, "messages": [{"role": "user", "content": "Hello"}]})
    drain(scheduler)
    (reply,) = reporter.messages
    assert (reply["kind"], reply.get("code")) == (("refused", "tools_unsupported") if refused else ("rendered", None))
    assert refused == bool(reply.get("remedy"))


def test_sampling_defaults_do_not_come_from_generation_config(
    models: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    folder = shutil.copytree(models["base"]["ref"]["path"], tmp_path / "with_defaults")
    (folder / "generation_config.json").write_text(
        '{"do_sample": true, "temperature": 9.0, "repetition_penalty": 9.0, "max_new_tokens": 2}'
    )
    with_defaults = {**models["base"], "uri": "anneal://x", "ref": {**models["base"]["ref"], "path": str(folder)}}
    scheduler, reporter = submit_all(
        generate_command("plain", models["base"]), generate_command("with_defaults", with_defaults)
    )
    drain(scheduler)
    assert reporter.texts()[("plain", 0)] == reporter.texts()[("with_defaults", 0)]


@data_case("Serving", "A base whose configuration lists several end tokens", "Each ends an answer", "GLM-4")
@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_any_end_token_of_the_configuration_ends_an_answer(
    models: dict[str, dict[str, Any]], tmp_path: Path, file: str
) -> None:
    """In the engine's own decoding, and in the stop tokens that vLLM gets."""
    whole = generate_command("whole", models["base"], logprobs=0)
    scheduler, reporter = submit_all(whole)
    drain(scheduler)
    deltas = [delta for message in reporter.messages for delta in message.get("deltas", ())]
    texts = [entry["token"] for delta in deltas for entry in delta["logprobs"]]
    last = next(index for index, text in enumerate(texts) if index >= 3 and text not in texts[:index])
    folder = shutil.copytree(models["base"]["ref"]["path"], tmp_path / "ends")
    end = _token_ids(folder, texts[last])
    config = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**config, "eos_token_id": [0, 1, end]}))
    model = {**models["base"], "uri": "anneal://ends", "ref": {**models["base"]["ref"], "path": str(folder)}}
    scheduler, reporter = submit_all(
        generate_command("cut", model), {**generate_command("sent", model), "op": "render"}
    )
    drain(scheduler)
    assert reporter.texts() == {("cut", 0): "".join(texts[:last])}
    (rendered,) = [message for message in reporter.messages if message["kind"] == "rendered"]
    assert {0, 1, end} <= set(rendered["stop_ids"])


def _token_ids(folder: Path, text: str) -> int:
    from transformers import AutoTokenizer

    (id,) = AutoTokenizer.from_pretrained(folder)(text).input_ids
    return int(id)


@data_case("Serving", "An empty prompt, or token ids that the model does not have", "400 with the caller's field")
@pytest.mark.parametrize(
    ("prompts", "code"), [([""], "empty_prompt"), ([[5], []], "empty_prompt"), ([[5, 100_000]], "unknown_token")]
)
def test_prompts_that_cannot_be_decoded_are_refused(
    models: dict[str, dict[str, Any]], prompts: list[Any], code: str
) -> None:
    scheduler, reporter = submit_all(generate_command("a", models["base"], prompts=prompts))
    drain(scheduler)
    refused = reporter.messages[-1]
    assert (refused["kind"], refused["code"], refused["field"]) == ("refused", code, "prompt")
    error = error_from_engine(refused)
    assert (error.status, error.field, bool(error.remedy)) == (400, "prompt", True)


def test_loaded_models_are_reported(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(generate_command("a", models["one"]), generate_command("b", models["base"]))
    drain(scheduler)
    scheduler.submit({"op": "unload", "uri": models["one"]["uri"]})
    reports = [message for message in reporter.messages if message["kind"] == "resident"]
    assert [sorted(message["models"]) for message in reports] == [
        ["anneal://one"],
        ["anneal://base", "anneal://one"],
        ["anneal://base"],
    ]
    sizes = reports[1]["models"]
    assert 0 < sizes["anneal://one"] < sizes["anneal://base"] < reports[1]["memory"]


def test_adapters_share_their_base_model(models: dict[str, dict[str, Any]]) -> None:
    scheduler, _ = submit_all(*(generate_command(name, model) for name, model in models.items()))
    drain(scheduler)
    cache = scheduler._models
    assert len(cache._bases) == 1
    assert len({id(model.base.model) for model in cache._models.values()}) == 1


def test_a_pinned_model_is_not_evicted(
    models: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.model_cache.MAX_BASES", 2)
    others = [
        {**models["base"], "uri": f"anneal://{seed}", "ref": {**models["base"]["ref"], "path": str(path)}}
        for seed, path in ((n, make_tiny_model(tmp_path / str(n), seed=n)) for n in range(3))
    ]
    scheduler, _ = submit_all({"op": "load", "request_id": "p", "model": {**models["one"], "pinned": True}})
    drain(scheduler)
    for other in others:
        scheduler.submit(generate_command("x", other, max_tokens=1))
        drain(scheduler)
    assert sorted(scheduler._models.sizes()) == ["anneal://2", "anneal://one"]
    scheduler.submit({"op": "load", "request_id": "p", "model": models["one"]})
    for other in others[:2]:
        scheduler.submit(generate_command("x", other, max_tokens=1))
        drain(scheduler)
    assert sorted(scheduler._models.sizes()) == ["anneal://0", "anneal://1"]


def test_the_least_recently_used_model_is_evicted_when_memory_is_short(
    models: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.engine.model_cache.free_memory", lambda: 0)
    path = str(make_tiny_model(tmp_path / "other", seed=5))
    other = {**models["base"], "uri": "anneal://other", "ref": {**models["base"]["ref"], "path": path}}
    scheduler, reporter = submit_all(generate_command("a", models["base"]))
    drain(scheduler)
    scheduler.submit(generate_command("b", other))
    drain(scheduler)
    assert reporter.finished() == [("a", 0), ("b", 0)]
    assert sorted(scheduler._models.sizes()) == ["anneal://other"]


def test_a_stop_token_after_an_echoed_prompt_has_its_log_probability(models: dict[str, dict[str, Any]]) -> None:
    """lm-eval drops the last entry as that of the new token: without one, it would drop a token of the prompt."""
    echo = {"echo": ["The train"], "logprobs": 0}
    scheduler, reporter = submit_all(generate_command("whole", models["base"], **echo, max_tokens=1))
    drain(scheduler)
    [whole] = [delta for message in reporter.messages for delta in message.get("deltas", ())]
    scheduler, reporter = submit_all(generate_command("cut", models["base"], **echo, max_tokens=1))
    loaded = scheduler._models.get(models["base"], set())
    loaded.template.stop_ids[:] = range(len(loaded.tokenizer))
    drain(scheduler)
    [cut] = [delta for message in reporter.messages for delta in message.get("deltas", ())]
    assert (cut["finish"], cut["text"], cut["logprobs"]) == ("stop", "The train", whole["logprobs"])


def test_log_probabilities_match_the_model(models: dict[str, dict[str, Any]]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    scheduler, reporter = submit_all(
        generate_command("a", models["base"], logprobs=3, max_tokens=6),
        generate_command("b", models["base"], max_tokens=6),
    )
    drain(scheduler)
    deltas = [delta for message in reporter.messages for delta in message.get("deltas", ())]
    logprobs = [entry for delta in deltas for entry in delta.get("logprobs", ()) if delta["request_id"] == "a"]
    assert not any("logprobs" in delta for delta in deltas if delta["request_id"] == "b")
    path = models["base"]["ref"]["path"]
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path)
    ids = list(tokenizer("The train").input_ids)
    assert len(logprobs) == 6
    with torch.inference_mode():
        for entry in logprobs:
            likely = model.float()(torch.tensor([ids])).logits[0, -1].log_softmax(-1).topk(3)
            assert [other["logprob"] for other in entry["top"]] == pytest.approx(likely.values.tolist(), abs=1e-4)
            assert (entry["token"], entry["logprob"]) == (entry["top"][0]["token"], entry["top"][0]["logprob"])
            assert entry["token"] == tokenizer.decode([likely.indices[0]])
            ids.append(int(likely.indices[0]))


@pytest.fixture(scope="module")
def adapter_mix(
    models: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Adapters over one base model that differ in rank, adapted layers, and kind."""
    base, folder = models["base"]["ref"], tmp_path_factory.mktemp("adapter_mix")
    kinds: dict[str, dict[str, Any]] = {
        "wide": {"r": 9, "lora_alpha": 3},
        "attention": {"target_modules": ["q_proj", "v_proj"]},
        "dora": {"use_dora": True},
        "head": {"modules_to_save": ["lm_head"]},
    }
    folders = {
        name: make_tiny_adapter(Path(base["path"]), folder / name, seed=seed, **changes)
        for seed, (name, changes) in enumerate(kinds.items(), 10)
    }
    folders["gaussian"] = make_tiny_adapter(Path(base["path"]), folder / "gaussian", seed=20)
    config = folders["gaussian"] / "adapter_config.json"  # as after training, which B is zero before
    config.write_text(json.dumps({**json.loads(config.read_text()), "init_lora_weights": "gaussian"}))
    refs = {name: {"path": str(path), "kind": "adapter", "base": base} for name, path in folders.items()}
    return models | {name: {**models["base"], "uri": f"anneal://{name}", "ref": ref} for name, ref in refs.items()}


def test_plain_lora_adapters_of_one_base_share_a_batch(adapter_mix: dict[str, dict[str, Any]]) -> None:
    """Other adapters get a batch of their own. Every model generates the same text as alone."""
    alone = {}
    for name, model in adapter_mix.items():
        scheduler, reporter = submit_all(generate_command(name, model))
        drain(scheduler)
        alone |= reporter.texts()
    assert len(set(alone.values())) == len(adapter_mix)
    scheduler, batched = submit_all(*(generate_command(name, model) for name, model in adapter_mix.items()))
    for _ in adapter_mix:
        scheduler.step()
    assert sorted(batch.size for batch in scheduler._batches.values()) == [1, 1, len(adapter_mix) - 2]
    drain(scheduler)
    assert batched.texts() == alone


@pytest.mark.parametrize(
    "names",
    [
        ["one", "wide", None, "attention", "one"],  # rows are regrouped by adapter
        [None, None, None, "one", "wide"],
        ["attention", "attention", "one", "one"],
        ["one", "attention"],
        ["wide"],
        ["attention", "attention"],
    ],
)
def test_multi_lora_logits_match_peft(adapter_mix: dict[str, dict[str, Any]], names: list[str | None]) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from services.inference.engine.model_cache import LoadedBase

    paths = [adapter_mix[name]["ref"]["path"] if name else None for name in names]
    base = LoadedBase(adapter_mix["base"]["ref"], "float32")
    for path in {path for path in paths if path}:
        base.attach(path, ())
    ids = torch.arange(20, 20 + len(names) * 7).reshape(-1, 7)
    with torch.inference_mode():
        logits = base(input_ids=ids, adapters=paths).logits
        for row, path in enumerate(paths):
            plain = AutoModelForCausalLM.from_pretrained(adapter_mix["base"]["ref"]["path"], dtype=torch.float32)
            model = PeftModel.from_pretrained(plain, path) if path else plain
            assert torch.allclose(logits[row], model.eval()(input_ids=ids[row : row + 1]).logits[0], atol=1e-4)


def test_layers_with_the_same_input_share_one_product(adapter_mix: dict[str, dict[str, Any]]) -> None:
    import torch
    from torch.profiler import profile

    from services.inference.engine.model_cache import LoadedBase

    base, path = LoadedBase(adapter_mix["base"]["ref"], "float32"), adapter_mix["wide"]["ref"]["path"]
    base.attach(path, ())

    def products(adapter: str | None) -> int:
        with profile() as recorded, torch.inference_mode():
            base(input_ids=torch.arange(20, 30)[None], adapters=[adapter])
        return sum(each.count for each in recorded.key_averages() if each.key == "aten::mm")

    # of q, k, v; o; gate, up; down
    assert products(path) - products(None) == 4 * base.config.num_hidden_layers


def test_a_layer_that_shares_its_input_with_no_other_has_no_shared_matrix(
    models: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    from services.inference.engine.model_cache import LoadedBase

    ref = models["base"]["ref"]
    base = LoadedBase(ref, "float32")
    path = str(make_tiny_adapter(Path(ref["path"]), tmp_path / "queries", seed=3, target_modules=["q_proj"]))
    base.attach(path, ())
    updates = base.multi_lora._adapters[path].values()
    assert [update.shared for update in updates] == [None] * base.config.num_hidden_layers


def test_a_model_in_use_is_unloaded_after_its_last_request(models: dict[str, dict[str, Any]]) -> None:
    scheduler, reporter = submit_all(
        generate_command("a", models["one"]), generate_command("b", models["two"], max_tokens=40)
    )
    for _ in range(3):
        scheduler.step()
    scheduler.submit({"op": "unload", "uri": models["one"]["uri"]})
    assert "anneal://one" in scheduler._models.sizes()
    drain(scheduler)
    assert reporter.finished() == [("a", 0), ("b", 0)]
    assert sorted(scheduler._models.sizes()) == ["anneal://two"]


@pytest.mark.parametrize("hash", ["", "0" * 64])
def test_a_model_with_a_wrong_template_hash_is_rejected(models: dict[str, dict[str, Any]], hash: str) -> None:
    scheduler, reporter = submit_all(generate_command("a", {**models["one"], "template_hash": hash}))
    drain(scheduler)
    assert [(m["code"], m["expected"]) for m in reporter.messages if m["kind"] == "refused"] == [
        ("template_mismatch", hash)
    ]


def test_merged_weights_match_the_adapter_over_its_base(adapter_mix: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """vLLM serves these weights instead of an adapter that it cannot apply."""
    import torch

    from services.inference.engine.merge import main
    from shared.engine.loading.load import load_model

    ref = adapter_mix["dora"]["ref"]
    assert main({"ref": ref, "folder": str(tmp_path), "parameters": 1}, None, None) == {}  # type: ignore[arg-type]
    merged = load_model({"path": str(tmp_path), "kind": "full", "base": None}, dtype="float32")
    unmerged = load_model(ref, dtype="float32", merge=False)
    ids = torch.arange(20, 40)[None]
    with torch.inference_mode():
        assert torch.allclose(merged(input_ids=ids).logits, unmerged(input_ids=ids).logits, atol=1e-4)


def _kv_bytes(model: dict[str, Any], rows: int, length: int) -> int:
    """The free memory that admits exactly so many rows."""
    from services.inference.engine.kv_memory import MEMORY_SHARE
    from services.inference.engine.model_cache import ModelCache
    from shared.engine.decoding.generate import kv_bytes_per_token
    from shared.engine.decoding.kv_cache import peak_bytes

    per_token = kv_bytes_per_token(ModelCache().get(model, ()).base)
    return int(peak_bytes(per_token, rows, length) / MEMORY_SHARE) + 1


def _limit_memory(monkeypatch: pytest.MonkeyPatch, scheduler: Any, total: int) -> None:
    """Let the machine have `total` bytes for the caches of this scheduler."""

    def free_memory() -> int:
        return total - sum(batch.cache_bytes for batch in scheduler._batches.values())

    monkeypatch.setattr("services.inference.engine.kv_memory.free_memory", free_memory)


def test_requests_wait_for_memory_and_start_in_order(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = {"max_tokens": 300, "prompts": [[5] * 100]}, {"max_tokens": 8, "prompts": [[6] * 4]}
    free = _kv_bytes(models["base"], 2, 400)
    scheduler, reporter = submit_all(*(generate_command(id, models["base"], **long) for id in "abc"))
    scheduler.submit(generate_command("d", models["base"], **short))
    _limit_memory(monkeypatch, scheduler, free)
    peak = 0
    for _ in range(20):
        scheduler.step()
        peak = max(peak, sum(batch.cache_bytes for batch in scheduler._batches.values()))
    assert [batch.request_ids for batch in scheduler._batches.values()] == [{"a", "b"}]
    scheduler.submit({"op": "cancel", "request_id": "a"})
    scheduler.step()
    assert [batch.request_ids for batch in scheduler._batches.values()] == [{"b", "c"}]
    scheduler.submit({"op": "cancel", "request_id": "d"})
    drain(scheduler)
    assert {id for id, _ in reporter.finished()} == {"b", "c"}
    assert 0 < peak <= free
    for id in "ef":  # short ones: many fit where two long ones do
        scheduler.submit(generate_command(id, models["base"], **{**short, "n": 5}))
    scheduler.step()
    scheduler.step()
    assert sum(batch.size for batch in scheduler._batches.values()) == 10


def test_a_request_that_fits_no_memory_is_refused_with_the_limit(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = _kv_bytes(models["base"], 1, 200)
    scheduler, reporter = submit_all(generate_command("a", models["base"], max_tokens=300))
    _limit_memory(monkeypatch, scheduler, free)
    drain(scheduler)
    refused = reporter.messages[-1]
    assert (refused["kind"], refused["code"], refused["field"]) == ("refused", "kv_cache_exceeded", "max_tokens")
    error = error_from_engine(refused)
    assert error.status == 400
    assert str(refused["limit"]) in str(error.remedy)
    for id, tokens in (("b", refused["limit"] - 4), ("c", 8)):
        scheduler.submit(generate_command(id, models["base"], prompts=[[5] * 4], max_tokens=tokens))
        drain(scheduler)
    assert {id for id, _ in reporter.finished()} == {"b", "c"}


@pytest.mark.parametrize("free_rows", [1, 100])
def test_an_answer_without_a_limit_ends_where_memory_ends(
    models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, free_rows: int
) -> None:
    monkeypatch.setattr("services.inference.engine.batch.OPEN_ANSWER_TOKENS", 20)
    free = _kv_bytes(models["base"], free_rows, 24)
    scheduler, reporter = submit_all(generate_command("a", models["base"], prompts=[[5] * 4], max_tokens=None))
    _limit_memory(monkeypatch, scheduler, free)
    drain(scheduler)
    last = reporter.messages[-1]["deltas"][-1]
    assert (last["tokens"], last["finish"]) == (20, "length") if free_rows == 1 else last["tokens"] > 20
