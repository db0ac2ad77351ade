"""What a model's chat template would not show is refused before anything is generated, by both engines."""

from typing import Any

import pytest

from services.inference.engine.chat_prompt import chat_prompt
from services.inference.errors import error_from_engine
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from tests.support.data_cases import data_case
from tests.support.tiny_model import CHATML, HERMES, make_tiny_tokenizer

ASKED = {"role": "user", "content": "How warm is it?"}
SYSTEM = {"role": "system", "content": "Be brief."}
ANSWERED = {"role": "assistant", "content": "5 degrees."}
CALL = {"type": "function", "id": "call00001", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call00001", "content": "5 degrees"}
FIRST_SYSTEM_ONLY = (
    "{% for message in messages %}{% if message.role != 'system' or loop.first %}"
    "{{ message.role + ':' + message.content + '\n' }}{% endif %}{% endfor %}"
)
NO_TOOLS = FIRST_SYSTEM_ONLY.replace("message.content", "(message.content if message.role != 'tool' else '')")
THINKING = (
    "{% for message in messages %}{{ message.role + ':' + message.content + '\n' }}{% endfor %}assistant:"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
)


CALL_END = HERMES.replace(
    "{% endfor %}{{ '<|im_end|>\n' }}", "{% endfor %}{{ '<|call|>' if message.tool_calls else '<|im_end|>\n' }}"
)


def template_of(source: str, *special_tokens: str) -> ChatTemplate:
    tokenizer = make_tiny_tokenizer()
    tokenizer.add_special_tokens({"extra_special_tokens": list(special_tokens)}, replace_extra_special_tokens=False)
    tokenizer.chat_template = source
    return ChatTemplate.of(tokenizer)


def prompt(source: str, *messages: dict[str, Any], **more: Any) -> str:
    tokenizer = make_tiny_tokenizer()
    return str(tokenizer.decode(chat_prompt(template_of(source), {"messages": list(messages), **more})))


def refusal(source: str, *messages: dict[str, Any], **more: Any) -> EngineError:
    with pytest.raises(EngineError) as refused:
        prompt(source, *messages, **more)
    return refused.value


@data_case("Serving", "Tool calls and results in the history, a template without tools", "400 `template_unsupported`")
@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ([ASKED, ANSWERED, RESULT], "content of this tool message (number 2)"),
        ([ASKED, CALLING, RESULT], "tool calls of this assistant message (number 1)"),
        ([ASKED, {**CALLING, "content": "Let me look."}, ASKED], "tool calls"),
        ([ASKED, {**ANSWERED, "reasoning_content": "Hm."}, ASKED], "reasoning"),
    ],
)
def test_history_that_the_template_does_not_show_is_refused(messages: list[dict[str, Any]], what: str) -> None:
    error = refusal(
        FIRST_SYSTEM_ONLY.replace("message.content", "(message.content if message.role != 'tool' else '')"), *messages
    )
    assert (error.code, what in error.detail, bool(error.fields["remedy"])) == ("template_unsupported", True, True)


def test_second_call_that_the_template_leaves_out_is_refused() -> None:
    second = {**CALL, "id": "call00002", "function": {"name": "weather", "arguments": '{"city": "Lima"}'}}
    messages = [ASKED, {**CALLING, "tool_calls": [CALL, second]}, RESULT]
    assert "Lima" in prompt(HERMES, *messages)
    error = refusal(HERMES.replace("message.tool_calls or []", "(message.tool_calls or [])[:1]"), *messages)
    assert (error.code, error.fields["field"]) == ("template_unsupported", "messages.1")


def test_reasoning_before_the_last_question_may_be_dropped_by_a_template_that_reads_it() -> None:
    """As Qwen3's does; a template that reads none is no such template."""
    source = CHATML.replace(
        "message.content", "(message.reasoning_content or '' if loop.last else '') + message.content"
    )
    thinking = {**ANSWERED, "reasoning_content": "Hm."}
    assert "5 degrees." in prompt(source, ASKED, thinking, ASKED)
    assert "Hm." in prompt(source, ASKED, thinking)
    assert "reasoning" in refusal(CHATML, ASKED, thinking, ASKED).detail


def test_history_that_the_template_shows_is_rendered() -> None:
    text = prompt(HERMES, SYSTEM, ASKED, CALLING, RESULT, tools=None)
    assert all(part in text for part in ("Be brief.", '{"city": "Oslo"}', "5 degrees"))


@data_case("Serving", "A second system message that the template leaves out", "400 with the index of the message")
def test_message_that_the_template_leaves_out_is_refused() -> None:
    assert "Be brief." in prompt(FIRST_SYSTEM_ONLY, SYSTEM, ASKED)
    error = refusal(FIRST_SYSTEM_ONLY, SYSTEM, ASKED, ANSWERED, {**SYSTEM, "content": "Be verbose."}, ASKED)
    assert (error.code, error.fields["field"]) == ("template_unsupported", "messages.3")


@data_case(
    "Serving", "Text beside a tool call that the template leaves out", "400 with the index, unless it is history"
)
def test_text_beside_a_call_is_not_dropped_in_the_current_turn() -> None:
    calling = {**CALLING, "content": "Let me look."}
    source = HERMES.replace("(message.content or '')", "(message.content if not message.tool_calls else '')")
    assert "Let me look." in prompt(HERMES, ASKED, calling, RESULT)
    error = refusal(source, ASKED, calling, RESULT)
    assert (error.code, error.fields["field"]) == ("template_unsupported", "messages.1")
    assert "Oslo" in prompt(source, ASKED, calling, RESULT, ANSWERED, ASKED)


def test_field_of_a_message_that_the_template_does_not_read_is_refused() -> None:
    assert prompt(CHATML, {**ASKED, "name": "ann"})
    error = refusal(CHATML, ASKED, {**ANSWERED, "prefix": True})
    assert (error.code, error.fields["field"]) == ("template_unsupported", "messages.1.prefix")
    assert prompt(
        CHATML.replace("message.content", "message.content + message.prefix | string"), {**ASKED, "prefix": 1}
    )


@data_case(
    "Serving", "`chat_template_kwargs`, such as `enable_thinking: false`", "Set in the template; 400 if it reads none"
)
def test_template_variables_are_set_or_refused() -> None:
    assert prompt(THINKING, ASKED).endswith("assistant:")
    off = {"enable_thinking": False}
    assert prompt(THINKING, ASKED, chat_template_kwargs=off).endswith("<think></think>")
    error = refusal(CHATML, ASKED, chat_template_kwargs=off)
    assert (error.code, error.fields["field"]) == ("option_unsupported", "chat_template_kwargs.enable_thinking")
    error = refusal(THINKING, ASKED, chat_template_kwargs={"enable_thinkin": False})
    assert error.fields["limit"] == ["enable_thinking"]


def test_reasoning_effort_is_the_callers_field() -> None:
    error = refusal(CHATML, ASKED, chat_template_kwargs={"reasoning_effort": "low"})
    shown = error_from_engine({"code": error.code, "detail": error.detail, **error.fields})
    assert (shown.status, shown.code, shown.field) == (400, "unsupported_parameter", "reasoning_effort")
    assert shown.remedy == "Remove reasoning_effort."


@data_case("Serving", "A template that ends tool calls with a token of their own", "It ends an answer, too", "gpt-oss")
def test_token_after_tool_calls_is_a_stop_token() -> None:
    assert CALL_END != HERMES
    template = template_of(CALL_END, "<|call|>")
    tokens = make_tiny_tokenizer()
    assert template.stop_ids == [tokens.convert_tokens_to_ids("<|im_end|>"), tokens.eos_token_id, len(tokens)]
