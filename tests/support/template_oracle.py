"""Compares our rendering with transformers' `apply_chat_template`: TRL's templates on generated conversations.

`python -m tests.support.template_oracle` writes docs/reference/templates.md from the result; `--check` only compares.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from shared.engine.process.protocol import EngineError
from shared.engine.text.rendering import CHATML, PLAIN
from shared.engine.text.template import ChatTemplate
from shared.row_features import IN_WORDS
from tests.support.generated_page import write_or_check
from tests.support.template_formats import GRANITE, MISTRAL
from tests.support.tiny_model import make_tiny_tokenizer

Row = dict[str, Any]
PAGE = Path("docs/reference/templates.md")
HEAD = (
    "What the chat templates of common models show, and how many generated conversations were compared with "
    "transformers' `apply_chat_template`: with system prompts, tools, parallel calls, empty contents, reasoning, "
    "enable_thinking, HTML, several scripts, special tokens as text, consecutive roles, the assistant first. The "
    "templates are those of TRL {version}, two that write the formats of Mistral and Granite, "
    "and the two that Anneal uses for a base model "
    "without one. `make reference` generates this page.\n\n"
    "- **Same**: the same text, and the loss mask and tokens are right: every prompt's tokens begin the row's, every "
    "answer is trained with its end token, nothing of a user's text is, and a special token in a text is no control "
    "token.\n"
    "- **Not shown**: the template leaves out a part of the row; such a row is refused or skipped, and named.\n"
    "- **Refused**: transformers refuses the row, and so does Anneal.\n"
    "- **Special tokens**: the template cuts a text at a special token in it; Anneal refuses the row."
)
CONVERSATIONS, VARIANT_CONVERSATIONS = 24, 12
"""Conversations per template, and per template that TRL adapts for its own training."""
PARTS = ("idefics3", "llava_next", "smolvlm")
"""Prefixes of templates that take a content only as a list of parts."""
JSON_ARGUMENTS = ("deepseekv3", "deepseek_r1_distill", "deepseek_r1_distill_training")
"""Templates that append the arguments of a call to text, so that these must be JSON text."""
REASONING_FIELDS = {"gptoss": "thinking", "gptoss_training": "thinking", "lfm2_2_5": "thinking"}
"""Templates that do not read reasoning from `reasoning_content`."""
REASONS = {"leaves out the": "Not shown", "interprets special tokens": "Special tokens"}
"""Why Anneal refuses a row that transformers renders, and the outcome that counts such rows."""
TODAY = datetime(2024, 7, 26)
_SPECIAL = re.compile(
    r"<\|[^|>\s]+\|?>|<[a-z_]+\|>|<｜[^｜\s]+｜>|<(?:start|end)_of_turn>|\[/?[A-Z_]{3,}\]|\[gMASK\]|<sop>"
)
"""What looks like a special token in the source of a template."""
_USER = (
    "Wieviel kostet das?",
    "多少钱？请回答。",
    "How many?",
    "<b>Fett</b> & <i>kursiv</i>",
    "a < b > c",
    "Привет {{ x }}",
)
_ANSWER = (
    "Neun Euro.",
    "九欧元。",
    "<html><body>9</body></html>",
    "<table></table>",
    "x = 1\n",
    " padded \n",
    "<thinner>",
)
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Looks up the {name}.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "名"}}},
        },
    }
    for name in ("weather", "clock")
]
_WORD = re.compile(r"[a-z]+\d+q")
"""The word that tells where a text comes from."""


@cache
def sources() -> dict[str, str]:
    """The templates by name."""
    folder = files("trl") / "chat_templates"
    found = {path.name.removesuffix(".jinja"): path.read_text() for path in folder.iterdir() if ".jinja" in path.name}
    own = {"(ChatML)": CHATML, "(plain text)": PLAIN, "(granite)": GRANITE, "(mistral)": MISTRAL}
    return own | dict(sorted(found.items()))


def conversation_count(name: str) -> int:
    """How many conversations a template is compared on."""
    return VARIANT_CONVERSATIONS if name.endswith("_training") else CONVERSATIONS


def make_tokenizer(source: str) -> Any:
    """A small tokenizer with this template and its special tokens."""
    tokenizer = make_tiny_tokenizer()
    found = dict.fromkeys(["<|im_start|>", "<|im_end|>", *_SPECIAL.findall(source)])
    tokenizer.add_special_tokens({"additional_special_tokens": list(found)})
    tokenizer.bos_token = "<|pad|>"
    tokenizer.chat_template = source
    return tokenizer


def conversation(seed: int, special: Sequence[str], options: Collection[str] = ()) -> Row:
    """A normalized row of the kind `seed` mod 12. Every text has a word that tells its role, such as user3q.

    `special` are the tokenizer's special tokens, which texts of two kinds contain; `options` are the variables of the
    template, of which rows of two kinds set one.
    """
    rng, kind, number = random.Random(seed), seed % 12, iter(range(100))

    def text(role: str, choices: Sequence[str]) -> str:
        words = [f"{role}{next(number)}q", rng.choice(choices)]
        rng.shuffle(words)
        return " ".join([*words, *(rng.choices(special, k=2) if kind in (4, 10) else ())])

    def answer(**more: Any) -> Row:
        return {"role": "assistant", "content": text("answer", _ANSWER), **more}

    messages = [{"role": "system", "content": text("system", _USER)}] if rng.random() < 0.4 else []
    messages += [answer()] if kind == 7 else []
    for _ in range(rng.randint(1, 4)):
        messages += [{"role": "user", "content": text("user", _USER)} for _ in range(1 + (kind == 8))]
        if kind in (2, 3, 9):
            calls = [_call(i, rng) for i in range(1 + (kind == 3))]
            content = {"content": rng.choice(["", None])} if kind != 9 else {}
            reasoning = {"reasoning_content": text("reason", _USER)} if kind != 2 and rng.random() < 0.5 else {}
            messages += [answer(tool_calls=calls, **content, **reasoning)]
            if rng.random() < 0.2:
                break  # the row ends with the call
            for call in calls:
                result = {"role": "tool", "name": call["function"]["name"], "tool_call_id": call["id"]}
                messages.append({**result, "content": text("result", _USER)})
        messages.append(answer(reasoning_content=text("reason", _USER)) if kind in (5, 6) else answer())
        if kind == 11:
            messages[-1]["content"] = f"<think>\n{text('reason', _USER)}\n</think>\n\n{messages[-1]['content']}"
        messages += [answer()] if kind == 8 and rng.random() < 0.5 else []
    has_tools = rng.random() < (0.7 if kind in (2, 3, 9) else 0.1)
    row = {"messages": messages, "tools": _TOOLS} if has_tools else {"messages": messages}
    if kind in (1, 6) and "enable_thinking" in options:
        row["chat_template_kwargs"] = {"enable_thinking": rng.random() < 0.3}
    return row


def _call(index: int, rng: random.Random) -> Row:
    arguments = {
        "city": rng.choice(["Graz", "北京", "São <b>"]),
        "days": rng.randint(1, 9),
        "units": {"t": ["C", None]},
    }
    function = {"name": ("weather", "clock")[index], "arguments": arguments}
    return {"type": "function", "id": f"call{index:05}", "function": function}


class Oracle:
    """One template in both implementations."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokenizer = make_tokenizer(sources()[name])
        self.template = ChatTemplate.of(self.tokenizer)
        added = self.tokenizer.added_tokens_decoder.items()
        self.special = {id: token.content for id, token in added if token.special}

    def expected(self, row: Row, count: int | None = None, *, prompt: bool = False) -> str | None:
        """What transformers renders of the first `count` messages; None where it refuses them."""
        messages = [self._in_transformers_form(message) for message in row["messages"][:count]]
        options = {"tokenize": False, "add_generation_prompt": prompt, "strftime_now": TODAY.strftime}
        options |= row.get("chat_template_kwargs", {})
        try:
            return str(self.tokenizer.apply_chat_template(messages, tools=row.get("tools"), **options))
        except (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError):
            return None

    def _in_transformers_form(self, message: Row) -> Row:
        """The message as the template's authors document it."""
        shown = {**message, "content": message["content"] or ""}
        if "reasoning_content" in shown:
            shown[REASONING_FIELDS.get(self.name, "reasoning_content")] = shown.pop("reasoning_content")
        if self.name in JSON_ARGUMENTS and shown.get("tool_calls"):
            functions = [call["function"] for call in shown["tool_calls"]]
            texts = [json.dumps(function["arguments"], ensure_ascii=False) for function in functions]
            as_text = [{**function, "arguments": text} for function, text in zip(functions, texts, strict=True)]
            shown["tool_calls"] = [{"type": "function", "function": function} for function in as_text]
            shown["content"] = shown["content"] or None
        if self.name.startswith(PARTS):
            shown["content"] = [{"type": "text", "text": shown["content"]}]
        return shown

    def compare(self, row: Row) -> tuple[str, list[str]]:
        """The outcome of a row (`Same`, `Not shown`, `Refused` or `Special tokens`), and what differs."""
        expected = self.expected(row)
        try:
            rendered = self.template.render(row["messages"], row.get("tools"), options=row.get("chat_template_kwargs"))
        except EngineError:
            rendered = None
        found = [f"rendered {rendered!r} instead of {expected!r}"] if rendered != expected else []
        if expected is None:
            return "Refused", [*found, *self._accepted(row)]
        if self.template.missing_features(row):
            return "Not shown", found
        try:
            samples = self.template.render_samples(row)
        except EngineError as error:
            for reason, outcome in REASONS.items():
                if reason in error.detail:
                    return outcome, found
            return "Refused", [*found, f"only we refuse it: {error.detail}"]
        parts = self.template.expand(row)
        return "Same", [
            *found,
            *(problem for pair in zip(parts, samples, strict=True) for problem in self._check(*pair)),
        ]

    def _accepted(self, row: Row) -> Iterator[str]:
        """A row that transformers refuses is not trained."""
        if self.template.missing_features(row):
            return
        try:
            self.template.render_samples(row)
        except EngineError:
            return
        yield "transformers refuses the row"

    def _check(self, row: Row, sample: Any) -> Iterator[str]:
        """What is wrong with one sample: its text, its prompts, its loss mask or its special tokens."""
        text, spans, *_ = sample.in_characters()
        trained = "".join(text[start:end] for start, end in spans)
        (encoded,) = self.template.encode_all([sample])
        turns = [i for i, m in enumerate(row["messages"]) if m["role"] == "assistant" and i >= row.get("train_from", 0)]
        yield from self._check_text(row, text)
        for turn in turns:
            yield from self._check_turn(row["messages"][turn], trained)
            if any(message["role"] == "user" for message in row["messages"][:turn]):
                prompt = self.template.prompt_ids(
                    row["messages"][:turn], row.get("tools"), row.get("chat_template_kwargs")
                )
                if encoded.input_ids[: len(prompt)] != prompt:
                    yield f"the tokens of the prompt of turn {turn} do not begin those of {text!r}"
        context = json.dumps([message for i, message in enumerate(row["messages"]) if i not in turns])
        if leaked := set(_WORD.findall(trained)) & set(_WORD.findall(context)):
            yield f"{leaked} is trained in {trained!r}"
        if turns[-1:] == [len(row["messages"]) - 1]:
            ends = [id for id, is_trained in zip(encoded.input_ids, encoded.trained, strict=True) if is_trained][-1:]
            if not set(ends) & set(self.template.stop_ids):
                yield f"no end token after {trained!r}"
        if self._count_specials(row) != Counter(id for id in encoded.input_ids if id in self.special):
            yield f"special tokens of a text are control tokens in {text!r}"

    def _check_text(self, row: Row, text: str) -> Iterator[str]:
        """The text is transformers', behind the prompt that transformers would serve."""
        expected, prompt = self.expected(row), self.expected(row, -1, prompt=True)
        if row["messages"][-1]["role"] != "assistant" or (expected and prompt and expected.startswith(prompt)):
            if expected is None or text.removeprefix(expected).strip() not in ("", *self.special.values()):
                yield f"trained on {text!r} instead of {expected!r}"
        elif prompt and not text.startswith(prompt):
            yield f"trained on {text!r}, which does not begin with the prompt {prompt!r}"

    @staticmethod
    def _check_turn(message: Row, trained: str) -> Iterator[str]:
        thought, _, content = (message["content"] or "").rpartition("</think>")
        needed = [content, thought.removeprefix("<think>"), message.get("reasoning_content", "")]
        for call in message.get("tool_calls", []):
            needed += [call["function"]["name"], str(call["function"]["arguments"]["days"])]
        yield from (f"{part!r} is missing in {trained!r}" for part in needed if part.strip() not in trained)

    def _count_specials(self, row: Row) -> Counter[int]:
        """The special tokens in the same row with none in its texts."""
        plain = json.dumps(row, ensure_ascii=False)
        for token in sorted(self.special.values(), key=len, reverse=True):
            plain = plain.replace(json.dumps(token, ensure_ascii=False)[1:-1], "@")
        ids = self.template.encode(json.loads(plain)).input_ids
        return Counter(id for id in ids if id in self.special)


@dataclass
class Comparison:
    """The result for one template."""

    shown: frozenset[str]
    outcomes: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)


@cache
def compare(name: str) -> Comparison:
    """Compare all conversations of a template."""
    oracle = Oracle(name)
    result = Comparison(oracle.template.shown_features)
    for seed in range(conversation_count(name)):
        row = conversation(seed, list(oracle.special.values()), oracle.template.options)
        outcome, mismatches = oracle.compare(row)
        result.outcomes["Mismatch" if mismatches else outcome] += 1
        result.mismatches += [f"conversation {seed}: {mismatch}" for mismatch in mismatches]
    return result


def render_page() -> str:
    """Return the page."""
    features = [name for name in IN_WORDS if name != "template_kwargs"]
    outcomes = ("Same", "Not shown", "Refused", "Special tokens", "Mismatch")
    compared = {name: compare(name) for name in sources()}
    total = Counter[str]()
    for result in compared.values():
        total.update(result.outcomes)
    rows = [
        [name, *("✓" if each in found.shown else "" for each in features)]
        + [str(count or "") for count in (conversation_count(name), *(found.outcomes[each] for each in outcomes))]
        for name, found in compared.items()
    ]
    summary = f"{len(compared)} templates, {total.total()} conversations, {total['Mismatch']} mismatches."
    head = ["Template", *(name.replace("_", " ") for name in features), "Conversations", *outcomes]
    table = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(["# Chat templates", "", HEAD.format(version=version("trl")), "", summary, "", *table, ""])


def main() -> None:
    """Write the page, or with --check exit with a message where it is out of date."""
    write_or_check(PAGE, render_page())


if __name__ == "__main__":
    main()
