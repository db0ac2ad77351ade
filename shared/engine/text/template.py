"""Renders and tokenizes conversations, identically for training and for serving."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from shared.engine.process.protocol import EngineError
from shared.engine.text.feature_probes import PROBES, TEXT, Probe
from shared.engine.text.features import row_features
from shared.engine.text.literal_specials import MARK, LiteralSpecials, Rendered
from shared.engine.text.rendering import CHATML, MAX_RENDERED, PLAIN, Conversation, Renderer
from shared.engine.text.samples import EncodedSample, RenderedSample, Span
from shared.engine.text.template_cache import ContentRead, SlottedText, TemplateCache
from shared.engine.text.tokenize import BoundaryTokenizer
from shared.engine.text.tokenizer import MODEL_EOS_IDS

Row = Mapping[str, Any]
"""{"messages": [{role, content, ...}], "tools"?, "chat_template_kwargs"?, "train_from"?: index} or {"text": str}.

`train_from` is the index of the first message that may be trained; without it every assistant turn is trained. A turn
with `train: false` is not, nor are the [start, end) character ranges of its content in `untrained`.
"""

_PROBE = "anneal"
_ASKED = {"role": "user", "content": "?"}
_PROBE_CALLS = [
    {"type": "function", "id": f"call0000{i}", "function": {"name": _PROBE, "arguments": {"a": "b"}}} for i in range(2)
]


class ChatTemplate:
    """A model's chat template, or a default one for a base model without any.

    Token ids are those of the whole text, except that an assistant turn never shares a token with the prompt
    before it: where a merge would cross that boundary, the text is tokenized in two parts, in training and in
    serving alike. The token ids of every prompt are therefore a prefix of the training sample's.
    """

    def __init__(self, tokenizer: Any, source: str) -> None:
        self.source = source
        self._tokenizer = tokenizer
        self._renderer = Renderer(source, tokenizer.special_tokens_map)
        self._backend = tokenizer.backend_tokenizer
        self._bos = tokenizer.bos_token or "" if _adds_bos(tokenizer) else ""
        self._boundary_tokenizer = BoundaryTokenizer(self._backend)
        self._literal_specials = LiteralSpecials.of(tokenizer)
        model_eos: Sequence[int] = getattr(tokenizer, MODEL_EOS_IDS, ())
        eos = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self._hashed_stop_ids = list(dict.fromkeys([*self._token_after_answer(), *eos]))
        self.stop_ids: list[int] = list(dict.fromkeys([*self._hashed_stop_ids, *self._token_after_calls(), *model_eos]))
        """Every token that ends a turn: the template's, the tokenizer's, and those of the model's configuration."""
        self._cache = TemplateCache(self._render_slotted, self._literal_specials)
        self._stop_texts = tuple(tokenizer.convert_ids_to_tokens(token) for token in self.stop_ids)
        self._end = tokenizer.eos_token or next(iter(self._stop_texts), "")

    @classmethod
    def of(cls, tokenizer: Any) -> ChatTemplate:
        """The tokenizer's own template; without one, ChatML if its tokens are in the vocabulary, else plain text.

        Raises EngineError `tokenizer_unsupported` for a tokenizer without a tokenizer.json.
        """
        if getattr(tokenizer, "backend_tokenizer", None) is None:
            raise EngineError(
                "tokenizer_unsupported",
                "the tokenizer reports no character offsets",
                remedy="convert it to a tokenizer.json",
            )
        return cls(tokenizer, _source(tokenizer))

    @property
    def hash(self) -> str:
        """sha256 over the files that decide token ids and the end of a turn; equal hashes are interchangeable."""
        parts = [self.source, self._backend.to_str(), self._tokenizer.special_tokens_map, self._hashed_stop_ids]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def render(
        self,
        messages: Sequence[Row],
        tools: Sequence[Row] | None = None,
        add_generation_prompt: bool = False,
        options: Row | None = None,
    ) -> str:
        """Render a conversation as text. Raises EngineError `template_refused` with the template's own message.

        `options` (chat_template_kwargs) set variables of the template.
        """
        return self._renderer.render(messages, tools, add_generation_prompt, options)

    def prompt_ids(
        self, messages: Sequence[Row], tools: Sequence[Row] | None = None, options: Row | None = None
    ) -> list[int]:
        """Token ids of the prompt for the assistant's next turn."""
        row = {"messages": messages, "tools": tools, "chat_template_kwargs": options}
        conversation = self._conversation(row)
        assert conversation
        text = conversation.prompt(len(messages))
        self._check_specials_are_copied(row, text, add_generation_prompt=True)
        rendered = self._literal_specials.restore(text, [], _boundaries(text, conversation))
        return self._boundary_tokenizer.encode(*rendered).input_ids

    @property
    def options(self) -> frozenset[str]:
        """The variables that `chat_template_kwargs` may set."""
        return self._renderer.options

    @property
    def message_fields(self) -> frozenset[str]:
        """The names that the template reads of a message, or of anything else."""
        return self._renderer.read_names

    @cached_property
    def shows_text(self) -> bool:
        """Whether the template shows the texts of a question and its answer."""
        return self._shows(TEXT)

    @cached_property
    def shown_features(self) -> frozenset[str]:
        """The features of rows (features.py) that the template shows; found by rendering a probe of each."""
        shown = {feature for feature, probe in PROBES.items() if self._shows(probe)}
        return frozenset(shown | ({"template_kwargs"} if self.options else set()))

    def missing_features(self, row: Row) -> frozenset[str]:
        """The features of a row that the template would not show."""
        if not (features := row_features(row)):
            return features
        missing, options = features - self.shown_features, row.get("chat_template_kwargs") or {}
        return missing if options.keys() <= self.options else missing | {"template_kwargs"}

    def _shows(self, probe: Probe) -> bool:
        """Whether the template renders a probe, with all the texts that it must show."""
        try:
            samples = self.render_samples(probe.row)
        except EngineError:
            return False
        return all(any(text.encode() in sample.data for sample in samples) for text in probe.texts)

    def render_samples(self, row: Row) -> list[RenderedSample]:
        """The training samples of a row as text: one, or one per assistant turn (see `expand`)."""
        cached = self._cache.get(row)
        if cached and len(cached.data) <= MAX_RENDERED:
            return [cached]
        conversation = self._conversation(row)
        samples = self._expand(row, conversation)
        if samples == [row]:
            return [RenderedSample.from_text(*self._render_row(row, conversation))]
        return [RenderedSample.from_text(*self._render_row(part, self._conversation(part))) for part in samples]

    def encode_all(self, samples: Sequence[RenderedSample]) -> list[EncodedSample]:
        """Tokenize rendered samples, many at a time."""
        return self._boundary_tokenizer.encode_all(samples)

    def expand(self, row: Row) -> list[Row]:
        """The training samples of a row: the row itself, or one per assistant turn if the template rewrites history.

        For example, a template that drops past reasoning renders a turn differently once a later turn exists.
        """
        return self._expand(row, self._conversation(row))

    def spans(self, row: Row) -> list[tuple[str, bool]]:
        """The rendered text in pieces, each with whether it is trained.

        Every assistant turn is trained, from the end of its prompt to its end token. Raises EngineError
        `template_rewrites_history` for a row that must be expanded first.
        """
        text, trained, *_ = self._render_row(row, self._conversation(row))
        pieces: list[tuple[str, bool]] = []
        position = 0
        for start, end in trained:
            pieces += [(text[position:start], False), (text[start:end], True)]
            position = end
        pieces.append((text[position:], False))
        return [piece for piece in pieces if piece[0]]

    def encode(self, row: Row, max_length: int | None = None) -> EncodedSample:
        """Tokenize a row, truncated on the right to `max_length` tokens."""
        return self._boundary_tokenizer.encode(*self._render_row(row, self._conversation(row))).slice(0, max_length)

    def _conversation(self, row: Row) -> Conversation | None:
        if "messages" not in row:
            return None
        messages, tools = self._literal_specials.mark(row["messages"]), self._literal_specials.mark(row.get("tools"))
        return Conversation(self._renderer, messages, tools, row.get("chat_template_kwargs"))

    def _expand(self, row: Row, conversation: Conversation | None) -> list[Row]:
        turns = _trained_turns(row) if conversation else []
        if conversation is None or all(self._has_span(conversation, turn) for turn in turns):
            return [row]
        first = next((i for i, turn in enumerate(turns) if conversation.renders(turn + 1)), 0)
        parts = [(turns[0], turns[first]), *((turn, turn) for turn in turns[first + 1 :])]
        return [{**row, "messages": list(row["messages"][: last + 1]), "train_from": start} for start, last in parts]

    def _render_row(self, row: Row, conversation: Conversation | None) -> Rendered:
        """The text of a row with its trained spans, its boundaries and its special tokens that are plain text."""
        if conversation:
            self._check_specials_are_copied(row, conversation.text)
        text, spans = self._turn_spans(row, conversation)
        boundaries = {start for start, _ in spans} | set(_boundaries(text, conversation) if conversation else ())
        text, spans, positions, literals = self._literal_specials.restore(text, spans, sorted(boundaries))
        if conversation is None:
            return text, spans, positions, literals
        turns = [row["messages"][turn] for turn in _trained_turns(row)]
        for turn, (start, end) in zip(turns, spans, strict=True):
            _check_is_shown(turn, text[start:end])
        trained = [part for turn, span in zip(turns, spans, strict=True) for part in _trained_parts(text, span, turn)]
        return text, trained, positions, literals

    def _check_specials_are_copied(self, row: Row, marked: str, *, add_generation_prompt: bool = False) -> None:
        """Raise EngineError `template_refused` where the template does more with the special tokens in texts.

        It may refuse them, or cut a text at one; of the `marked` texts, it did not see them.
        """
        if MARK not in marked:
            return
        plain = self.render(row["messages"], row.get("tools"), add_generation_prompt, row.get("chat_template_kwargs"))
        if plain != self._literal_specials.restore(marked, [], [])[0]:
            raise EngineError(
                "template_refused",
                "the chat template interprets special tokens that a message contains as text",
                remedy="remove the special tokens from the message",
            )

    def _render_slotted(self, messages: list[dict[str, Any]]) -> SlottedText | None:
        """Render messages with opaque contents; None if the text, a span or a boundary depends on the contents."""
        renderer = self._renderer.for_opaque_contents()
        if renderer is None:
            return None
        conversation = Conversation(renderer, messages, None)
        try:
            text, trained, boundaries, _ = self._render_row({"messages": messages}, conversation)
        except (EngineError, ContentRead):
            return None
        ends_known = all(text[:end].endswith(self._stop_texts) for _, end in trained)
        is_unchanged = text == conversation.text  # no EOS was added and no generation prompt was kept
        slotted = SlottedText.parse(text, trained, boundaries)
        is_complete = {index for index, _ in slotted.slots} == set(range(len(messages)))
        return slotted if ends_known and is_unchanged and is_complete else None

    def _turn_spans(self, row: Row, conversation: Conversation | None) -> tuple[str, list[Span]]:
        """The text of a row and the [start, end) span of each trained turn, in characters."""
        if conversation is None:
            text = f"{self._bos}{row['text']}{self._end}"
            return text, [(len(self._bos), len(text))]
        turns, text = _trained_turns(row), conversation.text
        if turns and turns[-1] == len(conversation.messages) - 1:
            text = self._with_end(conversation.text_as_served)
        return text, [self._span(text, conversation, turn) for turn in turns]

    def _span(self, text: str, conversation: Conversation, turn: int) -> Span:
        """From the end of the turn's prompt to the end of its last stop token, without line breaks after it.

        Where the token that begins the next turn is what ends this one (GLM), it is trained, too.
        """
        prompt = conversation.prompt(turn)
        is_last = turn == len(conversation.messages) - 1
        up_to_turn = text if is_last else self._up_to_end(conversation, turn)
        if not (text.startswith(prompt) and text.startswith(up_to_turn)):
            raise EngineError(
                "template_rewrites_history",
                "the chat template shows an earlier turn differently once a later one exists",
                remedy="expand the row into one sample per assistant turn",
            )
        end = len(up_to_turn.rstrip())
        if not up_to_turn[:end].endswith(self._stop_texts):
            following = (stop for stop in self._stop_texts if text.startswith(stop, len(up_to_turn)))
            end = len(up_to_turn) + len(next(following, ""))
        return len(prompt), end

    def _up_to_end(self, conversation: Conversation, turn: int) -> str:
        """The text up to the end of a turn, or up to its end token where the template does not render it alone."""
        try:
            return conversation.up_to(turn + 1)
        except EngineError:
            if not conversation.is_opening(turn + 1):
                raise
        text, start = conversation.header(turn + 1), len(conversation.prompt(turn))
        end = re.compile("|".join(map(re.escape, self._stop_texts))).search(text, start)
        if not (end and self._stop_texts):
            raise EngineError(
                "template_unsupported",
                "the chat template does not mark the end of an assistant turn before the first user turn",
                remedy="begin the conversation with a user turn",
            )
        return text[: end.end()]

    def _has_span(self, conversation: Conversation, turn: int) -> bool:
        is_last = turn == len(conversation.messages) - 1
        try:
            self._span(conversation.text_as_served if is_last else conversation.text, conversation, turn)
        except EngineError as error:
            if error.code != "template_rewrites_history":
                raise
            return False
        return True

    def _with_end(self, text: str) -> str:
        """Append a stop token if the template does not end the last turn with one; else the model would never stop."""
        if not self._stop_texts or text.rstrip().endswith(self._stop_texts):
            return text
        return text + self._end

    def _token_after_answer(self) -> list[int]:
        """The special token that follows the content of an answer."""
        try:
            _, answer, tail = self.render([_ASKED, {"role": "assistant", "content": _PROBE}]).rpartition(_PROBE)
        except EngineError:
            return []
        ids = self._backend.encode(tail.lstrip(), add_special_tokens=False).ids
        return [token for token in ids[:1] if answer and token in self._tokenizer.added_tokens_decoder]

    def _token_after_calls(self) -> list[int]:
        """The special token at the end of two calls, unless it ends each of them; of one call if only one is shown."""
        for calls in (_PROBE_CALLS, _PROBE_CALLS[:1]):
            try:
                text = self.render([_ASKED, {"role": "assistant", "content": "", "tool_calls": calls}]).rstrip()
            except EngineError:
                continue
            ids = self._backend.encode(text[text.find(_PROBE) :], add_special_tokens=False).ids
            added = self._tokenizer.added_tokens_decoder
            return [token for token in ids[-1:] if token in added and added[token].special and ids.count(token) == 1]
        return []


def _boundaries(text: str, conversation: Conversation) -> list[int]:
    """Where in `text` the prompts of assistant turns end; a prompt that the template has rewritten is left out."""
    turns = [turn for turn, message in enumerate(conversation.messages) if message["role"] == "assistant"]
    return [len(prompt) for prompt in map(conversation.prompt, turns) if text.startswith(prompt)]


def _trained_turns(row: Row) -> list[int]:
    """The assistant turns that are trained."""
    turns = range(row.get("train_from", 0), len(row["messages"]))
    return [
        i for i in turns if row["messages"][i]["role"] == "assistant" and row["messages"][i].get("train") is not False
    ]


def _check_is_shown(message: Row, trained: str) -> None:
    """Raise EngineError where the template leaves out text or reasoning of an answer.

    Some do so only beside calls, or only beside the second call of a conversation. A template may write a leading
    `<think>…</think>` apart from the text behind it, if it writes both.
    """
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    thought, end, rest = text.partition("</think>")
    parts = {"text": [text], "reasoning": [message.get("reasoning_content") or ""]}
    if end and thought.lstrip().startswith("<think>"):
        parts["text"] = [thought.lstrip().removeprefix("<think>"), rest]
    left_out = [name for name, texts in parts.items() if not all(part.strip() in trained for part in texts)]
    if left_out:
        detail = f"the chat template leaves out the {' and '.join(left_out)} of an answer"
        raise EngineError("template_unsupported", detail, remedy="remove this part, or choose another base model")


def _trained_parts(text: str, span: Span, message: Row) -> list[Span]:
    """The span of a turn without the ranges of its content that are not trained.

    Raises EngineError `template_unsupported` where the template does not write the content as it is.
    """
    if not message.get("untrained"):
        return [span]
    content = message["content"].strip()
    start = text.find(content, *span)
    if start < 0:
        detail = "the chat template rewrites an answer of which only a part is trained"
        raise EngineError("template_unsupported", detail, remedy="mark whole turns instead of parts")
    origin = start - message["content"].index(content)
    edges = [span[0], *(origin + edge for part in sorted(message["untrained"]) for edge in part), span[1]]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(max(start, span[0]), min(end, span[1])) for start, end in pairs if start < end]


def _adds_bos(tokenizer: Any) -> bool:
    ids = tokenizer("").input_ids
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def _merge_named(named: Mapping[str, str]) -> str | None:
    """Merge named templates into one: like transformers, use the one named tool_use if there are tools."""
    default = named.get("default") or next(iter(named.values()), None)
    tool_use = named.get("tool_use")
    return f"{{% if tools %}}{tool_use}{{% else %}}{default}{{% endif %}}" if tool_use else default


def _source(tokenizer: Any) -> str:
    own = tokenizer.chat_template
    if isinstance(own, dict):
        own = _merge_named(own)
    if own:
        return str(own)
    vocabulary = tokenizer.get_vocab()
    if "<|im_start|>" in vocabulary and "<|im_end|>" in vocabulary:
        return CHATML
    return ("{{ bos_token }}" if _adds_bos(tokenizer) else "") + PLAIN
