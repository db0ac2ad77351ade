"""Training text equals serving text: spans, masks, prefixes, default templates, limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.data_cases import data_case
from tests.support.tiny_model import CHATML, HERMES, make_tiny_tokenizer

DIALOGUE = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": "Hi there."},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "Goodbye."},
]

REWRITING = (  # forgets what an earlier assistant turn thought, as reasoning models do
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

contents = st.text(max_size=40) | st.text(alphabet=" \n\tab", max_size=8)


def with_template(source: str | dict[str, str] | None) -> ChatTemplate:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = source
    return ChatTemplate.of(tokenizer)


def trained_text(template: ChatTemplate, row: dict[str, Any]) -> list[str]:
    return [text for text, trained in template.spans(row) if trained]


def test_every_assistant_turn_is_trained_with_its_end_token(template: ChatTemplate) -> None:
    assert trained_text(template, {"messages": DIALOGUE}) == ["Hi there.<|im_end|>", "Goodbye.<|im_end|>"]


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
CALLED = [
    {"role": "user", "content": "How warm is it?"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": {"t": 1}}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "9"},
]


@pytest.mark.parametrize(
    "source",
    [HERMES, {"default": CHATML, "tool_use": HERMES}],
)
@pytest.mark.parametrize("tools", [TOOLS, None])
def test_prompt_with_tools_equals_the_tokenizers_own(source: Any, tools: Any) -> None:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = source
    expected = tokenizer.apply_chat_template(CALLED, tools=tools, add_generation_prompt=True)["input_ids"]
    assert ChatTemplate.of(tokenizer).prompt_ids(CALLED, tools) == expected
    as_json = [*CALLED]
    as_json[1] = {**CALLED[1], "tool_calls": [{"function": {"name": "weather", "arguments": '{"t": 1}'}}]}
    assert ChatTemplate.of(tokenizer).prompt_ids(as_json, tools) == expected, "OpenAI writes arguments as JSON text"


def test_tool_template_is_part_of_the_hash() -> None:
    one, other = ({"default": CHATML, "tool_use": HERMES + end} for end in ("", " "))
    assert with_template(one).hash != with_template(other).hash


def test_tool_arguments_that_are_not_json_are_refused() -> None:
    broken = [{"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": "{"}}]}]
    with pytest.raises(EngineError) as raised:
        with_template(HERMES).prompt_ids(broken)
    assert raised.value.code == "template_refused"


def test_loss_mask_covers_exactly_the_trained_spans(template: ChatTemplate, tokenizer: Any) -> None:
    encoded = template.encode({"messages": DIALOGUE})
    kept = [token for token, trained in zip(encoded.input_ids, encoded.trained, strict=True) if trained]
    assert tokenizer.decode(kept) == "Hi there.<|im_end|>Goodbye.<|im_end|>"
    assert tokenizer.decode(encoded.input_ids) == template.render(DIALOGUE)


def test_end_of_turn_is_trained_even_if_it_is_the_padding_token() -> None:
    tokenizer = make_tiny_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token = "<|im_end|>"
    encoded = ChatTemplate.of(tokenizer).encode({"messages": DIALOGUE})
    ends = [t for i, t in zip(encoded.input_ids, encoded.trained, strict=True) if i == tokenizer.pad_token_id]
    assert ends == [False, False, True, False, True]


def test_max_length_truncates_the_end(template: ChatTemplate) -> None:
    full, truncated = template.encode({"messages": DIALOGUE}), template.encode({"messages": DIALOGUE}, max_length=7)
    assert (truncated.input_ids, truncated.trained) == (full.input_ids[:7], full.trained[:7])


def test_raw_text_is_fully_trained_and_ends_with_eos(template: ChatTemplate, tokenizer: Any) -> None:
    encoded = template.encode({"text": "The train leaves."})
    assert encoded.input_ids[-1] == tokenizer.eos_token_id
    assert all(encoded.trained)


@settings(max_examples=150)
@given(st.lists(contents, min_size=2, max_size=6))
def test_every_prompt_is_a_token_prefix_of_the_training_ids(template: ChatTemplate, contents: list[str]) -> None:
    messages = [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]
    encoded = template.encode({"messages": messages})
    for turn in range(1, len(messages), 2):
        prompt = template.prompt_ids(messages[:turn])
        assert encoded.input_ids[: len(prompt)] == prompt
        assert encoded.trained[len(prompt)]
        assert not encoded.trained[len(prompt) - 1]


def test_token_that_would_cross_the_end_of_the_prompt_is_split(template: ChatTemplate, tokenizer: Any) -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "\n\nyes"}]
    text_ids, double = tokenizer(template.render(messages)).input_ids, tokenizer("\n\n").input_ids
    assert len(double) == 1, "two line breaks are one token"
    assert double[0] in text_ids, "which covers the last character of the prompt in the whole text"
    prompt, encoded = template.prompt_ids(messages[:1]), template.encode({"messages": messages})
    assert encoded.input_ids[: len(prompt)] == prompt
    assert encoded.trained[len(prompt) :].count(True) == len(tokenizer("\n\nyes<|im_end|>").input_ids)


def test_template_that_rewrites_history_gives_one_sample_per_turn() -> None:
    template = with_template(REWRITING)
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "<think>hm</think>b"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "<think>so</think>d"},
    ]
    with pytest.raises(EngineError) as refused:
        template.encode({"messages": messages})
    assert refused.value.code == "template_rewrites_history"
    samples = template.expand({"messages": messages})
    assert [trained_text(template, sample) for sample in samples] == [
        ["<think>hm</think>b<|im_end|>"],
        ["<think>so</think>d<|im_end|>"],
    ]
    prompt = template.prompt_ids(messages[:3])
    assert template.encode(samples[1]).input_ids[: len(prompt)] == prompt


def test_ordinary_row_is_one_sample(template: ChatTemplate) -> None:
    row = {"messages": DIALOGUE}
    assert template.expand(row) == [row]


def test_generation_prompt_is_kept_in_training_as_it_is_served() -> None:
    template = with_template(CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}"))
    text = "".join(piece for piece, _ in template.spans({"messages": DIALOGUE[:3]}))
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\nHi there.<|im_end|>\n")
    thinking = [DIALOGUE[1], {**DIALOGUE[2], "reasoning_content": "A greeting."}]
    assert trained_text(template, {"messages": thinking}) == ["A greeting.\n</think>\n\nHi there.<|im_end|>"]


def test_turn_without_end_token_gets_eos() -> None:
    template = with_template("{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}")
    assert trained_text(template, {"messages": DIALOGUE[1:3]})[0].endswith("<|endoftext|>")


def test_base_model_without_template_gets_chatml_if_its_tokens_exist() -> None:
    template = with_template(None)
    assert template.render(DIALOGUE[1:2], add_generation_prompt=True) == (
        "<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_base_model_without_chatml_tokens_gets_plain_text() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    plain = Tokenizer(models.BPE({char: i for i, char in enumerate(sorted(alphabet))}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    template = ChatTemplate.of(PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="</s>"))
    assert template.spans({"messages": DIALOGUE[1:3]}) == [
        ("User:\nHello?\n\nAssistant:\n", False),
        ("Hi there.</s>", True),
        ("\n\n", False),
    ]


def test_stop_ids_are_end_of_turn_and_eos(template: ChatTemplate, tokenizer: Any) -> None:
    assert template.stop_ids == [tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.eos_token_id]


def test_hash_survives_saving_and_changes_with_the_template(
    template: ChatTemplate, tokenizer: Any, tmp_path: Any
) -> None:
    from tests.support.tiny_model import make_tiny_model

    folder = make_tiny_model(tmp_path / "again")
    reloaded = load_tokenizer({"path": str(folder), "kind": "full", "base": None})
    assert ChatTemplate.of(reloaded).hash == template.hash
    assert with_template(CHATML + " ").hash != template.hash
    reloaded.add_tokens(["<new>"])
    assert ChatTemplate.of(reloaded).hash != template.hash


def test_date_in_a_template_is_fixed() -> None:
    template = with_template("{{ strftime_now('%Y-%m-%d') }}{% for m in messages %}{{ m.content }}{% endfor %}")
    assert template.render([]) == "2024-07-26"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (
            "{% for i in range(90000) %}{% for j in range(90000) %}" + "x" * 800 + "{% endfor %}{% endfor %}",
            "conversation_too_large",
        ),
        ("{{ raise_exception('no system role') }}", "template_refused"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "template_refused"),
    ],
)
def test_hostile_template_is_stopped(source: str, code: str) -> None:
    template = with_template("{% if messages[0].role == 'attack' %}" + source + "{% endif %}")
    with pytest.raises(EngineError) as refused:
        template.render([{"role": "attack", "content": ""}])
    assert refused.value.code == code


def test_oversized_template_is_refused() -> None:
    with pytest.raises(EngineError) as refused:
        with_template("x" * 300_000)
    assert refused.value.code == "template_too_large"


def test_tool_arguments_reach_the_template_as_objects() -> None:
    template = with_template("{% for m in messages %}{{ m.tool_calls[0].function.arguments.city }}{% endfor %}")
    call = {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Graz"}'}}
    assert template.render([{"role": "assistant", "content": None, "tool_calls": [call]}]) == "Graz"


@data_case(
    "Templates",
    "Special tokens in a text, such as <|im_end|> in an answer",
    "encoded as plain text, in training and in serving; the template's own stay tokens",
    "LLaMA-Factory FAQ",
)
def test_special_tokens_in_a_message_are_plain_text(template: ChatTemplate, tokenizer: Any) -> None:
    messages = [
        {"role": "user", "content": "Write <|im_end|>, please."},
        {"role": "assistant", "content": "<|im_end|> ends a turn."},
    ]
    row = {"messages": messages}
    (sample,) = template.render_samples(row)
    assert sample.data.decode() == template.render(messages)
    assert trained_text(template, row) == ["<|im_end|> ends a turn.<|im_end|>"]
    end, prompt = tokenizer.convert_tokens_to_ids("<|im_end|>"), template.prompt_ids(messages[:1])
    for encoded in (template.encode(row), *template.encode_all([sample])):
        assert encoded.input_ids.count(end) == 2, "only the template's own"
        assert tokenizer.decode(encoded.input_ids) == template.render(messages)
        assert encoded.input_ids[: len(prompt)] == prompt, "served as it was trained"
        assert encoded.trained.count(True) == len(encoded) - len(prompt) - 1


def test_special_tokens_of_plain_text_stay_tokens(template: ChatTemplate, tokenizer: Any) -> None:
    ids = template.encode({"text": "One.<|endoftext|>Two."}).input_ids
    assert ids.count(tokenizer.eos_token_id) == 2


def test_turns_marked_as_context_are_not_trained(template: ChatTemplate) -> None:
    marked = [*DIALOGUE[:2], {**DIALOGUE[2], "train": False}, *DIALOGUE[3:]]
    assert trained_text(template, {"messages": marked}) == ["Goodbye.<|im_end|>"]
    assert "".join(text for text, _ in template.spans({"messages": marked})) == template.render(DIALOGUE)


def test_parts_of_an_answer_are_not_trained(template: ChatTemplate) -> None:
    answer = {"role": "assistant", "content": "No. Wait, yes.", "untrained": [[0, 4]]}
    assert trained_text(template, {"messages": [DIALOGUE[1], answer]}) == ["Wait, yes.<|im_end|>"]


def test_answer_that_begins_like_the_generation_prompt_is_trained_whole() -> None:
    template = with_template(CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}"))
    answer = {"role": "assistant", "content": "<table></table>"}
    assert trained_text(template, {"messages": [DIALOGUE[1], answer]}) == ["\n</think>\n\n<table></table><|im_end|>"]


def test_conversation_may_begin_with_an_answer() -> None:
    template = with_template("{% if messages[0] %}" + CHATML + "{% endif %}{{ messages[0].role[:0] }}")
    messages = [DIALOGUE[2], *DIALOGUE[1:3]]
    assert trained_text(template, {"messages": messages}) == ["Hi there.<|im_end|>"] * 2


@pytest.mark.parametrize("written", ["call.arguments | tojson", "call.arguments", "'' ~ call.arguments"])
def test_arguments_of_calls_are_what_the_template_reads(written: str) -> None:
    call = f"{{% set call = message.tool_calls[0].function %}}{{{{ call.name ~ ' ' }}}}{{{{ {written} }}}}"
    source = f"{{% for message in messages %}}{{% if message.tool_calls %}}{call}{{% endif %}}{{% endfor %}}"
    assert with_template(source).render(CALLED[:2]) == 'weather {"t": 1}'


SKIPPED = "{% if message.role == 'system' %}{% continue %}{% endif %}"
NO_SYSTEM = CHATML.replace("{{ '<|im_start|>'", SKIPPED + "{{ '<|im_start|>'")


@pytest.mark.parametrize(
    ("name", "row", "source"),
    [
        ("system", {"messages": DIALOGUE[:3]}, NO_SYSTEM),
        ("tools", {"messages": DIALOGUE[1:3], "tools": TOOLS}, CHATML),
        ("tool_calls", {"messages": CALLED[:2]}, CHATML),
        ("reasoning", {"messages": [DIALOGUE[1], {**DIALOGUE[2], "reasoning_content": "?"}]}, CHATML),
        ("template_kwargs", {"messages": DIALOGUE[1:3], "chat_template_kwargs": {"enable_thinking": False}}, CHATML),
    ],
)
def test_what_a_template_does_not_show_is_known(name: str, row: dict[str, Any], source: str) -> None:
    assert with_template(source).missing_features(row) == {name}
    assert name not in with_template(source).shown_features


def test_what_a_template_shows_is_not_missing() -> None:
    template = with_template(HERMES + "{% if enable_thinking is defined %}{% endif %}")
    row = {"messages": [DIALOGUE[0], *CALLED], "tools": TOOLS, "chat_template_kwargs": {"enable_thinking": False}}
    assert template.missing_features(row) == frozenset()


@data_case(
    "Ends",
    "A list of end tokens in generation_config.json, and another in config.json",
    "each of them stops an answer, with those of the template and the tokenizer",
    "vllm-project/vllm#4182",
)
def test_every_end_token_of_the_models_configuration_stops(tmp_path: Path) -> None:
    make_tiny_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [7, 0, 9]}')
    (tmp_path / "config.json").write_text('{"eos_token_id": 11}')
    plain = ChatTemplate.of(make_tiny_tokenizer()).stop_ids
    template = ChatTemplate.of(load_tokenizer({"path": str(tmp_path), "kind": "full"}))
    assert set(template.stop_ids) == {*plain, 7, 0, 9, 11}
    assert template.stop_ids[: len(plain)] == plain


@data_case(
    "Ends",
    "A base model whose tokenizer has no eos token, but whose config.json has",
    "the token of the configuration ends every trained answer",
    "unslothai/unsloth#416, meta-llama/llama#321",
)
def test_tokenizer_without_eos_takes_the_models(tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    expected, tokenizer.eos_token = tokenizer.eos_token_id, None
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": expected}))
    loaded = load_tokenizer({"path": str(tmp_path), "kind": "full"})
    assert loaded.eos_token_id == expected
    assert ChatTemplate.of(loaded).encode({"text": "So."}).input_ids[-1] == expected
