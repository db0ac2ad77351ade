"""What rows need from a chat template, in words: the features that shared/engine/text/features.py counts."""

IN_WORDS = {
    "system": "a system message",
    "later_system": "a system message after the first message",
    "tools": "tools",
    "tool_calls": "tool calls",
    "parallel_calls": "several tool calls in one turn",
    "text_with_calls": "text and tool calls in one turn",
    "tool_results": "results of tool calls",
    "reasoning": "reasoning",
    "consecutive_roles": "two turns of the same role in a row",
    "assistant_first": "an assistant turn before the first user turn",
    "template_kwargs": "chat_template_kwargs",
}
