"""Hostile base models: one field of a sound model's files is changed in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.security.items import ModelItem

WEIGHTS, CONFIG, TEMPLATE = "model.safetensors", "config.json", "chat_template.jinja"
INDEX, GENERATION, TOKENIZER = "model.safetensors.index.json", "generation_config.json", "tokenizer_config.json"
EMBEDDING = "model.embed_tokens.weight"
Files = Mapping[str, bytes | None]
Change = Callable[[dict[str, bytes]], Files]
HUB_KERNEL = "someone/kernel"


def replaced(**files: bytes | None) -> Change:
    """Files by name, with `__` for each dot."""
    return lambda sound: {name.replace("__", "."): data for name, data in files.items()}


def fields(file: str, **values: Any) -> Change:
    """Set fields of a JSON file."""
    return lambda sound: {file: json.dumps({**json.loads(sound.get(file, b"{}")), **values}).encode()}


def deep(file: str) -> Change:
    """A JSON file that is nested a hundred thousand times."""
    return lambda sound: {file: b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"}


def header(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Change the header of the weights."""

    def changed(sound: dict[str, bytes]) -> Files:
        found, data = split_weights(sound[WEIGHTS])
        change(found)
        return {WEIGHTS: join_weights(json.dumps(found).encode(), data)}

    return changed


def tensor(**values: Any) -> Change:
    """Change the embedding's entry in the header."""
    return header(lambda found: found[EMBEDDING].update(values))


def split_weights(weights: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a safetensors file."""
    end = 8 + int.from_bytes(weights[:8], "little")
    return json.loads(weights[8:end]), weights[end:]


def join_weights(header: bytes, data: bytes) -> bytes:
    """A safetensors file."""
    return len(header).to_bytes(8, "little") + header + data


def weights(value: bytes) -> Change:
    """Replace the last number (float32) of the embedding."""

    def changed(sound: dict[str, bytes]) -> Files:
        found, data = split_weights(sound[WEIGHTS])
        end = found[EMBEDDING]["data_offsets"][1]
        assert found[EMBEDDING]["dtype"] == "F32"
        return {WEIGHTS: join_weights(json.dumps(found).encode(), data[: end - 4] + value + data[end:])}

    return changed


def overlap(found: dict[str, Any]) -> None:
    """Let another tensor use the embedding's bytes."""
    other = next(name for name in found if name not in ("__metadata__", EMBEDDING))
    found[other] = found[EMBEDDING]


def raw_header(text: Callable[[dict[str, Any]], bytes]) -> Change:
    """Write the header's text."""

    def changed(sound: dict[str, bytes]) -> Files:
        found, data = split_weights(sound[WEIGHTS])
        return {WEIGHTS: join_weights(text(found), data)}

    return changed


def template(extra: str, before: str = "") -> Change:
    """A sound template with something after each message, and before all."""
    text = (
        before + "{% for m in messages %}{{ m.role + ': ' + (m.content or '') + eos_token }}" + extra + "{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    return lambda sound: {TEMPLATE: text.encode()}


def item(name: str, change: Change, detail: str, cause: str = "model_incomplete") -> ModelItem:
    """A model that is refused."""
    return ModelItem(name, change, cause, detail)


def code(name: str, file: str, field: str, **values: Any) -> ModelItem:
    """A model that names code to run."""
    return ModelItem(name, fields(file, **values), "unsafe_model", f"{file}: {field} names")


LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
DOUBLING = "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
OUTPUT = "{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}"
HEADERS = [
    item("unknown data type", tensor(dtype="EVIL"), "data type 'EVIL' of model.embed_tokens.weight"),
    item("whole numbers as weights", tensor(dtype="I32"), "model.embed_tokens.weight holds I32 numbers"),
    item("overlapping tensors", header(overlap), "overlaps the tensor before it"),
    item("negative offset", tensor(data_offsets=[-8, 81920]), "offsets [-8, 81920] of model.embed_tokens.weight"),
    item("offset beyond the file", tensor(data_offsets=[0, 2**60]), "offsets of 1152921504606846976"),
    item(
        "bytes of no tensor",
        header(lambda found: found.pop("model.layers.0.input_layernorm.weight")),
        "bytes before it unused",
    ),
    item("shape larger than the file", tensor(shape=[2**40, 2**40]), "has the shape [1099511627776, 1099511627776]"),
    item("shape of texts", tensor(shape=["a"]), "the shape ['a'] of model.embed_tokens.weight"),
    item("shape with a million dimensions", tensor(shape=[1] * 10**6), "is no list of sizes"),
    item("shape unlike config.json", header(lambda found: found[EMBEDDING]["shape"].reverse()), "[64, 320] in the"),
    item("truncated weights", lambda sound: {WEIGHTS: sound[WEIGHTS][:-100]}, "its tensors need"),
    item("bytes after the weights", lambda sound: {WEIGHTS: sound[WEIGHTS] + b"more"}, "its tensors need"),
    item("empty weights", replaced(model__safetensors=b""), "header should have 0 bytes"),
    item("header of 2^63 bytes", replaced(model__safetensors=(1 << 63).to_bytes(8, "little")), "at most 33554432"),
    item("header that is no JSON", raw_header(lambda found: b"{" * 1000), "header is not JSON"),
    item("header nested too deeply", raw_header(lambda found: b'{"a":' + b"[" * 10**5), "header is not JSON"),
    item("header that is a list", raw_header(lambda found: b"[1, 2]"), "not a JSON object"),
    item(
        "tensor named twice",
        raw_header(lambda found: b'{"%s":{},' % EMBEDDING.encode() + json.dumps(found).encode()[1:]),
        "the key 'model.embed_tokens.weight' occurs twice",
    ),
    item("NaN in the weights", weights(b"\x00\x00\xc0\x7f"), "model.embed_tokens.weight holds NaN or infinite"),
    item("infinity in the weights", weights(b"\x00\x00\x80\x7f"), "model.embed_tokens.weight holds NaN or infinite"),
    item(
        "index that leaves the folder",
        lambda sound: {
            WEIGHTS: None,
            "a.safetensors": sound[WEIGHTS],
            INDEX: b'{"weight_map": {"a": "../other/model.safetensors"}}',
        },
        "names '../other/model.safetensors'",
    ),
    item("index without names", replaced(model__safetensors__index__json=b'{"weight_map": [1]}'), "weight_map names"),
]
CONFIGS = [
    item("config: layers", fields(CONFIG, num_hidden_layers=10**9), "num_hidden_layers is 1000000000"),
    item("config: one layer more", fields(CONFIG, num_hidden_layers=3), "weights are missing"),
    item("config: one layer less", fields(CONFIG, num_hidden_layers=1), "have no place in the model"),
    item("config: layers of an image encoder", fields(CONFIG, vision_config={"num_hidden_layers": 10**6}), "vision_"),
    item("config: hidden size", fields(CONFIG, hidden_size=10**9), "hidden_size is 1000000000"),
    item("config: negative hidden size", fields(CONFIG, hidden_size=-1), "hidden_size is -1"),
    item("config: no heads", fields(CONFIG, num_attention_heads=0), "num_attention_heads is 0"),
    item("config: too many heads", fields(CONFIG, num_attention_heads=10**9), "num_attention_heads is 1000000000"),
    item("config: key heads", fields(CONFIG, num_key_value_heads=4), "k_proj.weight has the shape"),
    item("config: smaller vocabulary", fields(CONFIG, vocab_size=10), "[320, 64] in the weights"),
    item("config: larger vocabulary", fields(CONFIG, vocab_size=10**9), "vocab_size is 1000000000"),
    item("config: experts", fields(CONFIG, num_local_experts=10**6), "num_local_experts is 1000000"),
    item("config: context of 400 digits", fields(CONFIG, max_position_embeddings=10**400), "a number of 1329 bits"),
    item("config: negative context", fields(CONFIG, max_position_embeddings=-1), "max_position_embeddings is -1"),
    item("config: text as a size", fields(CONFIG, hidden_size="a"), "hidden_size"),
    item("config: NaN", fields(CONFIG, rms_norm_eps=float("nan")), "rms_norm_eps is nan"),
    item("config: infinity", fields(CONFIG, rope_theta=float("inf")), "rope_theta is inf"),
    item("config: nested too deeply", deep(CONFIG), "config.json is nested too deeply"),
    item("config: a list", replaced(config__json=b"[]"), "config.json is not a JSON object"),
    item(
        "config: key given twice",
        lambda sound: {CONFIG: sound[CONFIG].rstrip()[:-1] + b', "vocab_size": 10}'},
        "the key 'vocab_size' occurs twice",
    ),
    item("generation config: nested too deeply", deep(GENERATION), "generation_config.json is nested too deeply"),
    item("end token beyond the embeddings", fields(GENERATION, eos_token_id=10**6), "eos_token_id is 1000000"),
    item("tokenizer of another model", lambda sound: {"tokenizer.json": with_more_tokens(sound)}, "320 rows"),
    item("tokenizer: not one", replaced(tokenizer__json=b"{}"), "the tokenizer cannot be read"),
    item("tokenizer: nested too deeply", replaced(tokenizer__json=b"[" * 100_000), "the tokenizer cannot be read"),
    item("tokenizer config: nested too deeply", deep(TOKENIZER), "tokenizer_config.json is nested too deeply"),
]
CODE = [
    code("auto_map of an unknown model", CONFIG, "auto_map", model_type="evil", auto_map={"AutoConfig": "evil.C"}),
    code("auto_map in text_config", CONFIG, "text_config.auto_map", text_config={"auto_map": {"AutoConfig": "e.C"}}),
    code("auto_map at any depth", CONFIG, "a.b[0].auto_map", a={"b": [{"auto_map": {"AutoConfig": "e.C"}}]}),
    code("auto_map of a tokenizer", TOKENIZER, "auto_map", auto_map={"AutoTokenizer": ["e.T", None]}),
    code("auto_map of generation", GENERATION, "auto_map", auto_map={"x": "e.X"}),
    code("custom_generate", GENERATION, "custom_generate", custom_generate="someone/code"),
    code("attention kernel of a hub", CONFIG, "attn_implementation", attn_implementation=HUB_KERNEL),
    code(
        "attention kernel, private name",
        CONFIG,
        "_attn_implementation_internal",
        _attn_implementation_internal=HUB_KERNEL,
    ),
    code(
        "attention kernel in text_config",
        CONFIG,
        "text_config.attn_implementation",
        text_config={"attn_implementation": HUB_KERNEL},
    ),
    code("expert kernel of a hub", CONFIG, "experts_implementation", experts_implementation=HUB_KERNEL),
    code("kernels by layer", CONFIG, "kernel_config", kernel_config={"RMSNorm": HUB_KERNEL}),
    code("all kernels of a hub", CONFIG, "use_kernels", use_kernels=True),
    ModelItem(
        "auto_map where transformers has the model",
        fields(CONFIG, auto_map={"AutoConfig": "e.C"}),
        "",
        "auto_map_ignored",
    ),
    ModelItem("an adapter instead of a base", fields("adapter_config.json", r=4), "unsafe_model", "this is an adapter"),
    ModelItem(
        "an adapter with code",
        fields("adapter_config.json", auto_map={"AutoModel": "e.M"}),
        "unsafe_model",
        "this is an adapter",
    ),
    ModelItem(
        "pickle weights alone",
        lambda sound: {WEIGHTS: None, "pytorch_model.bin": b"\x80\x04cos\nsystem\n."},
        "unsafe_model",
        "run code",
    ),
]


def with_more_tokens(sound: dict[str, bytes]) -> bytes:
    """The tokenizer with an ordinary token whose id the embeddings lack."""
    found = json.loads(sound["tokenizer.json"])
    found["model"]["vocab"]["\u0120surplus"] = 5_000
    return json.dumps(found).encode()


def bad(name: str, change: Change, detail: str, cause: str = "template_refused") -> ModelItem:
    """A model whose template is refused."""
    return ModelItem(name, change, cause, detail, "Templates")


TEMPLATES = [
    bad("random choice", template("{{ ['a', 'b'] | random }}"), "random gives another text"),
    bad("random choice, rarely", template("{% if 'x' in m.content %}{{ 'ab' | random }}{% endif %}"), "random"),
    bad("random choice, by name", template("{{ ['ab'] | map('random') | list }}"), "No filter named 'random'"),
    bad("random text", template("{{ lipsum() }}"), "lipsum gives another text"),
    bad("set without an order", template("{{ m.keys() - ['x'] }}"), "a set has no order"),
    bad("address of an object", template("{{ [1] | map('string') }}"), "differs", "template_unsupported"),
    bad("endless loop", template(LOOP), "computes for too long"),
    bad(
        "endless output",
        template(OUTPUT),
        "too long",
        "conversation_too_large",
    ),
    bad("endless recursion", template("{{ m() }}", "{% macro m() %}{{ m() }}{% endmacro %}"), "'dict' object"),
    bad("macro that calls itself", template("", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "recursion depth"),
    bad("2 GB by a product", template("{{ m.role * 500000000 }}"), "a product is too large"),
    bad("2 GB in a constant", template("{{ 'abcd' * 500000000 }}"), "a product is too large"),
    bad("2 GB by a filter", template("{{ m.role | center(2000000000) }}"), "bytes of memory"),
    bad("2 GB by a method", template("{{ m.role.ljust(2000000000) }}"), "bytes of memory"),
    bad("2 GB by a format", template("{{ '{:2000000000}'.format(1) }}"), "bytes of memory"),
    bad("1 GB by %", template("{{ '%1000000000d' % 1 }}"), "a format is too wide"),
    bad("1 GB by replace", template("{{ ('a' * 10000).replace('a', 'b' * 100000) }}"), "bytes of memory"),
    bad(
        "doubled sixty times",
        template(
            "{{ ns.s }}",
            "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        ),
        "bytes of memory",
    ),
    bad("power of a power", template("{{ 9 ** (9 ** 9) }}"), "a product is too large"),
    bad("class of a text", template("{{ ''.__class__.__mro__ }}"), "is unsafe"),
    bad("module globals", template("{{ cycler.__init__.__globals__.os.system('true') }}"), "is unsafe"),
    bad("messages are changed", template("{{ m.update({'content': 'EVIL'}) }}"), "is unsafe"),
    bad("include of a file", template("{% include '/etc/passwd' %}"), "no loader"),
    bad("not Jinja", template("{% if %}"), "does not compile"),
    bad("nested too deeply", template("{% if 1 %}" * 5_000 + "{% endif %}" * 5_000), "does not compile"),
    bad("a million characters", template("{# " + "a" * 10**6 + " #}"), "too large", "template_too_large"),
]
MODELS = [*HEADERS, *CONFIGS, *CODE, *TEMPLATES]
