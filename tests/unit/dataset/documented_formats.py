"""A row of every format that LLaMA-Factory, TRL, OpenAI, Axolotl and ms-swift document, and what becomes of it.

docs/guides/datasets.md lists them; test_documented_formats.py compares the two. A text as the outcome is the reason for
which the row is rejected.
"""

import json
from typing import Any

ASK, ANSWER = {"role": "user", "content": "Is tea hot?"}, {"role": "assistant", "content": "Mostly."}
WORSE = {"role": "assistant", "content": "Never."}
TALK = [ASK, ANSWER]
RULES = {"role": "system", "content": "Be brief."}
HUMAN, GPT = {"from": "human", "value": "Is tea hot?"}, {"from": "gpt", "value": "Mostly."}
WRONG = {"from": "gpt", "value": "Never."}
PAIR = {"messages": [ASK], "chosen": [ANSWER], "rejected": [WORSE]}
FUNCTION = {"name": "boil", "parameters": {"type": "object", "properties": {"cups": {"type": "integer"}}}}
TOOL = {"type": "function", "function": FUNCTION}
CALL = {"type": "function", "function": {"name": "boil", "arguments": {"cups": 2}}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "done"}
THINKING = {"role": "assistant", "reasoning_content": "Kettles boil.", "content": "Mostly."}
CALL_TEXT = '{"name": "boil", "arguments": {"cups": 2}}'
TEXT_ONLY = "models are trained on text only"
NO_LAYOUT = "match no layout"

FORMATS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any] | str]] = {
    ("LLaMA-Factory", "alpaca"): (
        {"instruction": "Is it hot?", "input": "Tea", "output": "Mostly.", "system": "Be brief."},
        {"messages": [RULES, {"role": "user", "content": "Is it hot?\n\nTea"}, ANSWER]},
    ),
    ("LLaMA-Factory", "alpaca with history"): (
        {"instruction": "Is tea hot?", "input": "", "output": "Mostly.", "history": [["Is ice hot?", "No."]]},
        {"messages": [{"role": "user", "content": "Is ice hot?"}, {"role": "assistant", "content": "No."}, *TALK]},
    ),
    ("LLaMA-Factory", "alpaca preference"): (
        {"instruction": "Is tea hot?", "input": "", "chosen": "Mostly.", "rejected": "Never."},
        PAIR,
    ),
    ("LLaMA-Factory", "alpaca KTO"): (
        {"instruction": "Is tea hot?", "output": "Never.", "kto_tag": False},
        {"messages": [ASK], "completion": [WORSE], "label": False},
    ),
    ("LLaMA-Factory", "pre-training"): ({"text": "Tea is mostly hot."}, {"text": "Tea is mostly hot."}),
    ("LLaMA-Factory", "sharegpt"): (
        {"conversations": [HUMAN, GPT], "system": "Be brief."},
        {"messages": [RULES, *TALK]},
    ),
    ("LLaMA-Factory", "sharegpt with tools"): (
        {
            "conversations": [
                HUMAN,
                {"from": "function_call", "value": CALL_TEXT},
                {"from": "observation", "value": "done"},
                GPT,
            ],
            "tools": json.dumps([FUNCTION]),
        },
        {"messages": [ASK, CALLING, RESULT, ANSWER], "tools": [TOOL]},
    ),
    ("LLaMA-Factory", "sharegpt preference"): ({"conversations": [HUMAN], "chosen": GPT, "rejected": WRONG}, PAIR),
    ("LLaMA-Factory", "sharegpt KTO"): (
        {"messages": [ASK, ANSWER], "kto_tag": True},
        {"messages": [ASK], "completion": [ANSWER], "label": True},
    ),
    ("LLaMA-Factory", "openai"): ({"messages": [RULES, *TALK]}, {"messages": [RULES, *TALK]}),
    ("LLaMA-Factory", "images, videos, audios"): (
        {"messages": [{"role": "user", "content": "<image>Is it tea?"}, ANSWER], "images": ["cup.jpg"]},
        TEXT_ONLY,
    ),
    ("LLaMA-Factory", "v1 messages"): (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "value": "Is tea hot?"}], "loss_weight": 0.0},
                {"role": "assistant", "content": [{"type": "text", "value": "Never."}], "loss_weight": 0.0},
                {"role": "user", "content": [{"type": "text", "value": "Sure?"}], "loss_weight": 0.0},
                {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "value": "Kettles boil."}, {"type": "text", "value": "Mostly."}],
                    "loss_weight": 1.0,
                },
            ]
        },
        {"messages": [ASK, {**WORSE, "train": False}, {"role": "user", "content": "Sure?"}, THINKING]},
    ),
    ("LLaMA-Factory", "v1 messages with tools"): (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "value": "Is tea hot?"}]},
                {"role": "assistant", "content": [{"type": "tool_call", "value": CALL_TEXT}]},
                {"role": "tool", "content": [{"type": "text", "value": "done"}]},
                {"role": "assistant", "content": [{"type": "text", "value": "Mostly."}]},
            ],
            "tools": json.dumps([FUNCTION]),
        },
        {"messages": [ASK, CALLING, RESULT, ANSWER], "tools": [TOOL]},
    ),
    ("TRL", "language modeling"): ({"text": "Tea is mostly hot."}, {"text": "Tea is mostly hot."}),
    ("TRL", "conversational language modeling"): ({"messages": TALK}, {"messages": TALK}),
    ("TRL", "prompt-completion"): ({"prompt": "Is tea hot?", "completion": "Mostly."}, {"messages": TALK}),
    ("TRL", "conversational prompt-completion"): (
        {"prompt": [ASK, WORSE, {"role": "user", "content": "Sure?"}], "completion": [ANSWER]},
        {"messages": [ASK, {**WORSE, "train": False}, {"role": "user", "content": "Sure?"}, ANSWER]},
    ),
    ("TRL", "preference"): ({"prompt": "Is tea hot?", "chosen": "Mostly.", "rejected": "Never."}, PAIR),
    ("TRL", "conversational preference, implicit prompt"): ({"chosen": [ASK, ANSWER], "rejected": [ASK, WORSE]}, PAIR),
    ("TRL", "unpaired preference"): (
        {"prompt": "Is tea hot?", "completion": "Never.", "label": False},
        {"messages": [ASK], "completion": [WORSE], "label": False},
    ),
    ("TRL", "conversational unpaired preference"): (
        {"prompt": [ASK], "completion": [ANSWER], "label": True},
        {"messages": [ASK], "completion": [ANSWER], "label": True},
    ),
    ("TRL", "tool calling"): ({"messages": [ASK, CALLING, RESULT, ANSWER], "tools": [TOOL]},) * 2,
    ("TRL", "thinking"): ({"messages": [ASK, {**ANSWER, "thinking": "Kettles boil."}]}, {"messages": [ASK, THINKING]}),
    ("TRL", "chat_template_kwargs"): (
        {"messages": TALK, "chat_template_kwargs": {"enable_thinking": False}},
        {"messages": TALK, "chat_template_kwargs": {"enable_thinking": False}},
    ),
    ("TRL", "implicit prompt as text"): (
        {"chosen": "Is tea hot? Mostly.", "rejected": "Is tea hot? Never."},
        "there is no prompt",
    ),
    ("TRL", "prompt-only"): ({"prompt": "Is tea hot?"}, NO_LAYOUT),
    ("TRL", "stepwise supervision"): (
        {"prompt": "Is tea hot?", "completions": ["Kettles boil.", "So it is."], "labels": [True, True]},
        NO_LAYOUT,
    ),
    ("OpenAI", "chat"): ({"messages": [RULES, *TALK]}, {"messages": [RULES, *TALK]}),
    ("OpenAI", "chat with weights"): (
        {"messages": [ASK, {**WORSE, "weight": 0}, {"role": "user", "content": "Sure?"}, {**ANSWER, "weight": 1}]},
        {"messages": [ASK, {**WORSE, "train": False}, {"role": "user", "content": "Sure?"}, ANSWER]},
    ),
    ("OpenAI", "tools"): (
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "boil", "arguments": '{"cups": 2}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
                ANSWER,
            ],
            "parallel_tool_calls": False,
            "tools": [TOOL],
        },
        {
            "messages": [
                ASK,
                {**CALLING, "tool_calls": [{"id": "c1", **CALL}]},
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
                ANSWER,
            ],
            "tools": [TOOL],
        },
    ),
    ("OpenAI", "functions (former)"): (
        {
            "messages": [
                ASK,
                {"role": "assistant", "content": None, "function_call": {"name": "boil", "arguments": '{"cups": 2}'}},
                {"role": "function", "name": "boil", "content": "done"},
                ANSWER,
            ],
            "functions": [FUNCTION],
        },
        {"messages": [ASK, CALLING, {"role": "tool", "name": "boil", "content": "done"}, ANSWER], "tools": [TOOL]},
    ),
    ("OpenAI", "preference"): (
        {"input": {"messages": [ASK], "tools": []}, "preferred_output": [ANSWER], "non_preferred_output": [WORSE]},
        PAIR,
    ),
    ("OpenAI", "prompt and completion (former)"): (
        {"prompt": "Is tea hot?", "completion": "Mostly."},
        {"messages": TALK},
    ),
    ("OpenAI", "images"): (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, ANSWER]},
        TEXT_ONLY,
    ),
    ("Axolotl", "chat_template"): (
        {"conversations": [{"role": "user", "content": "Is tea hot?"}, {"role": "assistant", "content": "Mostly."}]},
        {"messages": TALK},
    ),
    ("Axolotl", "chat_template with train"): (
        {
            "conversations": [
                {**HUMAN, "train": False},
                {**WRONG, "train": False},
                {"from": "human", "value": "Sure?"},
                {**GPT, "train": True},
            ]
        },
        {"messages": [ASK, {**WORSE, "train": False}, {"role": "user", "content": "Sure?"}, ANSWER]},
    ),
    ("Axolotl", "chat_template with train_detail"): (
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": "Er, mostly.",
                    "train_detail": [
                        {"begin_offset": 0, "end_offset": 3, "train": False},
                        {"begin_offset": 4, "end_offset": 10, "train": True},
                    ],
                },
            ]
        },
        {"messages": [ASK, {"role": "assistant", "content": "Er, mostly.", "untrained": [[0, 4]]}]},
    ),
    ("Axolotl", "pygmalion"): (
        {"conversations": [{"role": "user", "value": "Is tea hot?"}, {"role": "model", "value": "Mostly."}]},
        {"messages": TALK},
    ),
    ("Axolotl", "alpaca"): ({"instruction": "Is tea hot?", "output": "Mostly."}, {"messages": TALK}),
    ("Axolotl", "gpteacher, alpaca_chat"): (
        {"instruction": "Is it hot?", "input": "Tea", "response": "Mostly."},
        {"messages": [{"role": "user", "content": "Is it hot?\n\nTea"}, ANSWER]},
    ),
    ("Axolotl", "oasst"): ({"INSTRUCTION": "Is tea hot?", "RESPONSE": "Mostly."}, {"messages": TALK}),
    ("Axolotl", "alpaca_chat.load_qa"): ({"question": "Is tea hot?", "answer": "Mostly."}, {"messages": TALK}),
    ("Axolotl", "alpaca_w_system.load_open_orca"): (
        {"system_prompt": "Be brief.", "question": "Is tea hot?", "response": "Mostly."},
        {"messages": [RULES, *TALK]},
    ),
    ("Axolotl", "context_qa"): (
        {"article": "Tea is brewed hot.", "question": "Is tea hot?", "answer": "Mostly."},
        {"messages": [{"role": "user", "content": "Is tea hot?\n\nTea is brewed hot."}, ANSWER]},
    ),
    ("Axolotl", "metharme"): ({"prompt": "Is tea hot?", "generation": "Mostly."}, {"messages": TALK}),
    ("Axolotl", "completion"): ({"text": "Tea is mostly hot."}, {"text": "Tea is mostly hot."}),
    ("Axolotl", "input_output"): ({"segments": [{"label": True, "text": "Tea"}]}, NO_LAYOUT),
    ("Axolotl", "tokenized"): ({"input_ids": [1, 2], "attention_mask": [1, 1], "labels": [1, 2]}, NO_LAYOUT),
    ("ms-swift", "messages with loss"): (
        {"messages": [ASK, {**WORSE, "loss": False}, {"role": "user", "content": "Sure?"}, {**ANSWER, "loss": True}]},
        {"messages": [ASK, {**WORSE, "train": False}, {"role": "user", "content": "Sure?"}, ANSWER]},
    ),
    ("ms-swift", "messages with rejected_response"): (
        {"messages": TALK, "rejected_response": "Never."},
        PAIR,
    ),
    ("ms-swift", "messages with rejected_messages"): (
        {"messages": TALK, "rejected_messages": [ASK, WORSE]},
        PAIR,
    ),
    ("ms-swift", "query and response"): (
        {"system": "Be brief.", "query": "Is tea hot?", "response": "Mostly.", "history": []},
        {"messages": [RULES, *TALK]},
    ),
    ("ms-swift", "tool_call and tool_response"): (
        {
            "messages": [
                ASK,
                {"role": "tool_call", "content": CALL_TEXT},
                {"role": "tool_response", "content": "done"},
                ANSWER,
            ]
        },
        {"messages": [ASK, CALLING, RESULT, ANSWER]},
    ),
}
