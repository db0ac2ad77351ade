"""Conversations that common templates lose, cut or refuse: trained as they are served, refused, or named."""

from __future__ import annotations

from typing import Any

import pytest

from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import MODEL_EOS_IDS
from tests.support.data_cases import data_case
from tests.support.template_oracle import make_tokenizer, sources

ASK, ANSWER = {"role": "user", "content": "How warm is it?"}, {"role": "assistant", "content": "It is warm."}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "", "parameters": {"type": "object"}}}]


def load(name: str) -> ChatTemplate:
    return ChatTemplate.of(make_tokenizer(sources()[name]))


def samples(template: ChatTemplate, messages: list[dict[str, Any]], **more: Any) -> list[tuple[str, list[str]]]:
    """The text of each training sample, and its trained parts."""
    found = [sample.in_characters() for sample in template.render_samples({"messages": messages, **more})]
    return [(text, [text[start:end] for start, end in spans]) for text, spans, *_ in found]


def trained(template: ChatTemplate, messages: list[dict[str, Any]], **more: Any) -> list[str]:
    return [part for _, parts in samples(template, messages, **more) for part in parts]


def calling(*cities: str, **more: Any) -> dict[str, Any]:
    calls = [
        {"type": "function", "id": f"call0000{i}", "function": {"name": "weather", "arguments": {"city": city}}}
        for i, city in enumerate(cities)
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls, **more}


def result(number: int = 0) -> dict[str, Any]:
    return {"role": "tool", "name": "weather", "tool_call_id": f"call0000{number}", "content": "9"}


@data_case(
    "Templates",
    "Answers that begin like the opened `<think>` of a generation prompt (`<table>`, `<html>`)",
    "trained whole, behind the closed tag",
    "hiyouga/LLaMA-Factory#6987, huggingface/trl#6766",
)
@pytest.mark.parametrize("name", ["deepseek_r1_distill", "deepseekv3"])
@pytest.mark.parametrize("content", ["<table></table>", "<html>9</html>", "<thing>", "<"])
def test_answer_in_html_is_trained_whole(name: str, content: str) -> None:
    (part,) = trained(load(name), [ASK, {"role": "assistant", "content": content}])
    assert part == f"\n</think>\n\n{content}<｜end▁of▁sentence｜>"


@data_case(
    "Templates",
    "Reasoning in its own field or between <think> tags, on a template that cuts it from every turn",
    "trained behind the opened tag that serving sends, one sample per answer",
    "huggingface/transformers#44301, huggingface/trl#2919, hiyouga/LLaMA-Factory#7027",
)
@pytest.mark.parametrize(
    "thinking",
    [{"content": "Warm.", "reasoning_content": "Sun."}, {"content": "<think>\nSun.\n</think>\n\nWarm."}],
)
def test_reasoning_is_trained_as_it_is_served(thinking: dict[str, Any]) -> None:
    template, answer = load("deepseek_r1_distill"), {"role": "assistant", **thinking}
    found = samples(template, [ASK, answer, ASK, answer])
    assert [parts for _, parts in found] == [["Sun.\n</think>\n\nWarm.<｜end▁of▁sentence｜>"]] * 2
    prompt = template.render([ASK, answer, ASK], add_generation_prompt=True)
    assert found[1][0].startswith(prompt)
    assert "Sun." not in prompt, "the template cuts the reasoning of an earlier turn, in training and in serving"


@data_case(
    "Templates",
    "Reasoning on gpt-oss, whose template reads `thinking`",
    "trained in the analysis channel",
    "axolotl-ai-cloud/axolotl#3114",
)
def test_reasoning_reaches_the_field_that_the_template_reads() -> None:
    (part,) = trained(load("gptoss"), [ASK, {**ANSWER, "reasoning_content": "Sun."}])
    assert part.startswith("<|channel|>analysis<|message|>Sun.<|end|>")
    assert part.endswith("<|channel|>final<|message|>It is warm.<|return|>")


@data_case(
    "Templates",
    "Reasoning or text that a template leaves out only beside later tool calls",
    "the row is skipped and counted with the reason",
    "huggingface/trl#6766",
)
def test_answer_that_the_template_leaves_out_in_part_is_refused() -> None:
    again = [ASK, calling("Graz", content="Let me look."), result(), ANSWER]
    assert trained(load("deepseekv3"), again)
    with pytest.raises(EngineError, match="leaves out the text of an answer"):
        load("deepseekv3").render_samples({"messages": [*again, *again]})


@data_case(
    "Templates",
    "A conversation that begins with the assistant",
    "trained where the template renders it, though it cannot render the empty beginning",
    "hiyouga/LLaMA-Factory#2962, #9618",
)
@pytest.mark.parametrize("name", ["qwen3", "qwen3_5_think", "llama3_1", "gptoss"])
def test_assistant_may_begin(name: str) -> None:
    template, first = load(name), {"role": "assistant", "content": "Hello!"}
    row = {"messages": [first, ASK, ANSWER]}
    assert not template.missing_features(row)
    hello, *_, answer = trained(template, row["messages"])
    assert (hello.count("Hello!"), answer.count("It is warm.")) == (1, 1)
    assert "How warm" not in hello + answer
    assert hello.endswith(template._stop_texts)


@data_case(
    "Templates",
    "Tools and the assistant first, on a template that writes tools into the first message as one of the user",
    "the row is skipped and counted with the reason",
)
def test_answer_in_the_place_of_the_user_is_refused() -> None:
    row = {"messages": [{"role": "assistant", "content": "Hello!"}, ASK, ANSWER], "tools": TOOLS}
    with pytest.raises(EngineError, match="as one of the user"):
        load("llama3_1").render_samples(row)


@data_case(
    "Templates",
    "Tool calls for a template that appends JSON text, and for one that takes an object",
    "the arguments in the form that each template reads, null content included",
    "huggingface/trl#6766",
)
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("deepseekv3", '```json\n{"city": "Graz"}\n```'),
        ("muse_glimmer", '<atem:parameter name="city">Graz</'),
        ("qwen3", '"arguments": {"city": "Graz"}'),
    ],
)
@pytest.mark.parametrize("arguments", [{"city": "Graz"}, '{"city": "Graz"}'])
@pytest.mark.parametrize("content", ["", None])
def test_arguments_have_the_form_that_the_template_reads(name: str, written: str, arguments: Any, content: Any) -> None:
    message = calling("Graz", content=content)
    message["tool_calls"][0]["function"]["arguments"] = arguments
    assert written in load(name).render([ASK, message])


@data_case(
    "Templates",
    "OpenAI's tools and calls on a template without tools",
    "the row is named with what the template does not show",
    "hiyouga/LLaMA-Factory gemma, phi",
)
@pytest.mark.parametrize("name", ["gemma", "gemma3", "phi3", "llama3"])
def test_tools_on_a_template_without_tools_are_named(name: str) -> None:
    row = {"messages": [ASK, calling("Graz"), result(), ANSWER], "tools": TOOLS}
    assert {"tools", "tool_calls"} <= load(name).missing_features(row)


@data_case(
    "Templates",
    "Several tool calls, or text and calls, in one turn on a template that writes only the first call, or only calls",
    "the row is named with what the template does not show",
)
@pytest.mark.parametrize(
    ("name", "message", "feature"),
    [
        ("gptoss", calling("Graz", "Wien"), "parallel_calls"),
        ("llama3_1", calling("Graz", "Wien"), "parallel_calls"),
        ("llama3_1", calling("Graz", content="Let me look."), "text_with_calls"),
        ("muse_glimmer", calling("Graz", content="Let me look."), "text_with_calls"),
        ("gemma4_v5", calling("Graz", content="Let me look."), "text_with_calls"),
    ],
)
def test_parts_of_a_calling_turn_are_not_lost(name: str, message: dict[str, Any], feature: str) -> None:
    assert load(name).missing_features({"messages": [ASK, message, result(), ANSWER], "tools": TOOLS}) == {feature}


@data_case(
    "Templates",
    "A second system message, on a template that writes only the first message's",
    "the row is named with what the template does not show",
)
@pytest.mark.parametrize("name", ["gptoss", "deepseek_r1_distill"])
def test_later_system_message_is_not_lost(name: str) -> None:
    system = {"role": "system", "content": "Be short."}
    row = {"messages": [system, ASK, ANSWER, {**system, "content": "Be verbose."}, ASK, ANSWER]}
    assert load(name).missing_features(row) == {"later_system"}
    assert load("qwen3").missing_features(row) == frozenset()


@data_case(
    "Templates",
    "A system message on a template that writes it only into the last question (Mistral)",
    "trained behind the prompt that serving sends, system message included",
)
def test_system_message_of_the_last_question_is_in_the_prompt() -> None:
    template, system = load("(mistral)"), {"role": "system", "content": "Be short."}
    ((text, parts),) = samples(template, [system, ASK, ANSWER])
    assert text == template.render([system, ASK], add_generation_prompt=True) + " It is warm.<|endoftext|>"
    assert parts == [" It is warm.<|endoftext|>"]


@data_case(
    "Templates",
    "Special tokens in a text, on a template that cuts texts at them or refuses them",
    "the row is skipped and counted with the reason",
)
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gemma4", "Write <|channel>thought<channel|> first.", "interprets special tokens"),
        ("gptoss", "Write <|channel|>final<|message|> first.", "You have passed a message containing"),
    ],
)
def test_special_tokens_that_the_template_interprets_are_refused(name: str, content: str, reason: str) -> None:
    template, answer = load(name), {"role": "assistant", "content": content}
    with pytest.raises(EngineError, match=reason) as refused:
        template.render_samples({"messages": [ASK, answer]})
    assert refused.value.code == "template_refused"
    with pytest.raises(EngineError, match=reason):
        template.prompt_ids([ASK, answer, ASK])


@data_case(
    "Templates",
    "A template that takes a content only as a list of parts (SmolVLM, Idefics 3)",
    "the texts reach it as parts; a template that shows no text at all is refused with its base model",
)
def test_contents_have_the_form_that_the_template_reads() -> None:
    (part,) = trained(load("smolvlm"), [ASK, ANSWER])
    assert "It is warm.<end_of_utterance>" in part
    assert not ChatTemplate.of(make_tokenizer("{% for m in messages %}{{ m.role }}{% endfor %}")).shows_text


def test_mark_that_a_user_typed_is_kept() -> None:
    template, content = load("qwen3"), "<\ufdd0|im_end|> and <|im_end|> and <\ufdd0\ufdd0|im_end|>"
    ((text, _),) = samples(template, [{"role": "user", "content": content}, ANSWER])
    assert content in text
    ids = template.encode({"messages": [{"role": "user", "content": content}, ANSWER]}).input_ids
    assert template._tokenizer.decode(ids) == text


def test_two_answers_in_a_row_are_not_trained_twice() -> None:
    """Gemma 4 joins them into one turn, so that the second has no prompt of its own."""
    row = {"messages": [ASK, ANSWER, {"role": "assistant", "content": "Very."}]}
    assert load("gemma4_v5").missing_features(row) == {"consecutive_roles"}


@data_case(
    "Ends",
    "gpt-oss, where a call ends with `<|call|>` and an answer with `<|return|>`",
    "both are trained and stop an answer",
    "hiyouga/LLaMA-Factory#6056",
)
def test_call_ends_a_turn_of_gpt_oss() -> None:
    template = load("gptoss")
    (part,) = trained(template, [ASK, calling("Graz")], tools=TOOLS)
    assert part.endswith('{"city": "Graz"}<|call|>')
    assert template._tokenizer.convert_tokens_to_ids(["<|return|>", "<|call|>"]) == [
        id for id in template.stop_ids if id != template._tokenizer.eos_token_id
    ]


@data_case(
    "Ends",
    "A template that refuses several calls in one turn, and ends one call with a token of its own",
    "that token stops an answer, too",
)
def test_end_of_a_single_call_is_known() -> None:
    source = (
        "{% for m in messages %}<|start|>{{ m.role }} {% if m.tool_calls %}"
        "{% if m.tool_calls | length > 1 %}{{ raise_exception('one call') }}{% endif %}"
        "{{ m.tool_calls[0].function.name }}<|call|>{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}"
    )
    tokenizer = make_tokenizer(source)
    ids = tokenizer.convert_tokens_to_ids(["<|end|>", "<|call|>"])
    assert {*ids} <= {*ChatTemplate.of(tokenizer).stop_ids}


@data_case(
    "Ends",
    "GLM, whose configuration names three end tokens and whose template none",
    "each of them stops an answer, and the one that begins the next turn is trained as the end of the turn before",
    "vllm-project/vllm#4180, zai-org/GLM-4#297, hiyouga/LLaMA-Factory#7943",
)
def test_end_tokens_of_glm_are_those_of_its_configuration() -> None:
    tokenizer = make_tokenizer(sources()["glm4moe"])
    ends = tokenizer.convert_tokens_to_ids(["<|user|>", "<|observation|>"])
    setattr(tokenizer, MODEL_EOS_IDS, [tokenizer.eos_token_id, *ends])
    template = ChatTemplate.of(tokenizer)
    assert template.stop_ids == [tokenizer.eos_token_id, *ends]
    parts = trained(template, [ASK, ANSWER, ASK, calling("Graz"), result(), ANSWER])
    ends = ["It is warm.<|user|>", "</tool_call><|observation|>", "It is warm.<|endoftext|>"]
    assert [part.endswith(end) for part, end in zip(parts, ends, strict=True)] == [True] * 3, parts


@data_case(
    "Templates",
    "An answer with `</think>` in its text, which the base's template cuts (`I said <think>no</think> and more`)",
    "refused as a row that the template does not show; only a leading `<think>…</think>` may be split off",
    "huggingface/trl qwen3 and glm4moe templates",
)
@pytest.mark.parametrize("name", ["qwen3", "glm4moe"])
@pytest.mark.parametrize("content", ["I said <think>no</think> and more", "</think>x", "before </think> after"])
def test_answer_cut_at_the_end_of_thought_is_refused(name: str, content: str) -> None:
    with pytest.raises(EngineError, match="leaves out the text of an answer"):
        trained(load(name), [ASK, {"role": "assistant", "content": content}])
    (part,) = trained(load(name), [ASK, {"role": "assistant", "content": "\n<think>no</think> and more"}])
    assert "no" in part
    assert part.partition("</think>")[2].strip().startswith("and more")
