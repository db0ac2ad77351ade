"""Renders and tokenizes conversations, identically for training and for serving."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.engine.process.protocol import EngineError
from shared.engine.text.rendering import CHATML, MAX_RENDERED, PLAIN, Conversation, Renderer
from shared.engine.text.samples import EncodedSample, RenderedSample, Span
from shared.engine.text.template_cache import ContentRead, SlottedText, TemplateCache
from shared.engine.text.tokenize import BoundaryTokenizer

Row = Mapping[str, Any]
"""{"messages": [{role, content, ...}], "tools"?: [...], "train_from"?: index} or {"text": str}.

`train_from` is the index of the first message that may be trained; without it every assistant turn is trained.
"""

_PROBE = "anneal"


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
        self.stop_ids: list[int] = self._find_stop_ids()
        self._cache = TemplateCache(self._render_slotted)
        self._stop_texts = tuple(tokenizer.convert_ids_to_tokens(token) for token in self.stop_ids)

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
        """sha256 over everything that decides token ids and the end of a turn; equal hashes are interchangeable."""
        parts = [self.source, self._backend.to_str(), self._tokenizer.special_tokens_map, self.stop_ids]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def render(
        self, messages: Sequence[Row], tools: Sequence[Row] | None = None, add_generation_prompt: bool = False
    ) -> str:
        """Render a conversation as text. Raises EngineError `template_refused` with the template's own message."""
        return self._renderer.render(messages, tools, add_generation_prompt)

    def prompt_ids(self, messages: Sequence[Row], tools: Sequence[Row] | None = None) -> list[int]:
        """Token ids of the prompt for the assistant's next turn."""
        conversation = Conversation(self._renderer, messages, tools)
        text = conversation.prompt(len(messages))
        return self._boundary_tokenizer.ids(text, _boundaries(text, conversation))

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
        text, trained = self._trained_spans(row, self._conversation(row))
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
        return Conversation(self._renderer, row["messages"], row.get("tools")) if "messages" in row else None

    def _expand(self, row: Row, conversation: Conversation | None) -> list[Row]:
        turns = _assistant_turns(row) if conversation else []
        if conversation is None or all(self._has_span(conversation, turn) for turn in turns):
            return [row]
        return [{**row, "messages": list(conversation.messages[: turn + 1]), "train_from": turn} for turn in turns]

    def _render_row(self, row: Row, conversation: Conversation | None) -> tuple[str, list[Span], list[int]]:
        """The text of a row, its trained spans and its boundaries, in characters."""
        text, trained = self._trained_spans(row, conversation)
        boundaries = {start for start, _ in trained} | set(_boundaries(text, conversation) if conversation else ())
        return text, trained, sorted(boundaries)

    def _render_slotted(self, messages: list[dict[str, Any]]) -> SlottedText | None:
        """Render messages with opaque contents; None if the text, a span or a boundary depends on the contents."""
        renderer = self._renderer.for_opaque_contents()
        if renderer is None:
            return None
        conversation = Conversation(renderer, messages, None)
        try:
            text, trained, boundaries = self._render_row({"messages": messages}, conversation)
        except (EngineError, ContentRead):
            return None
        ends_known = all(text[:end].endswith(self._stop_texts) for _, end in trained)
        is_unchanged = text == conversation.text  # no EOS was added and no generation prompt was kept
        return SlottedText.parse(text, trained, boundaries) if ends_known and is_unchanged else None

    def _trained_spans(self, row: Row, conversation: Conversation | None) -> tuple[str, list[Span]]:
        """The text of a row and its trained [start, end) spans in characters."""
        if conversation is None:
            text = f"{self._bos}{row['text']}{self._tokenizer.eos_token or ''}"
            return text, [(len(self._bos), len(text))]
        turns, text = _assistant_turns(row), conversation.text
        if turns and turns[-1] == len(conversation.messages) - 1:
            text = self._with_end(conversation.text_as_served)
        return text, [self._span(text, conversation, turn) for turn in turns]

    def _span(self, text: str, conversation: Conversation, turn: int) -> Span:
        """From the end of the turn's prompt to the end of its last stop token, without line breaks after it."""
        prompt = conversation.prompt(turn)
        is_last = turn == len(conversation.messages) - 1
        up_to_turn = text if is_last else conversation.up_to(turn + 1)
        if not (text.startswith(prompt) and text.startswith(up_to_turn)):
            raise EngineError(
                "template_rewrites_history",
                "the chat template shows an earlier turn differently once a later one exists",
                remedy="expand the row into one sample per assistant turn",
            )
        end = len(up_to_turn.rstrip())
        return len(prompt), end if up_to_turn[:end].endswith(self._stop_texts) else len(up_to_turn)

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
        return text + self._stop_texts[-1]

    def _find_stop_ids(self) -> list[int]:
        """The token that ends a turn, then EOS."""
        found = [self._find_turn_end(), self._tokenizer.eos_token_id]
        return list(dict.fromkeys(token for token in found if token is not None))

    def _find_turn_end(self) -> int | None:
        """Render a probe answer; the special token that follows it ends a turn."""
        try:
            text = self.render([{"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE}])
        except EngineError:
            return None
        tail = self._backend.encode(text[text.rfind(_PROBE) + len(_PROBE) :].lstrip(), add_special_tokens=False)
        special = self._tokenizer.added_tokens_decoder
        return tail.ids[0] if tail.ids and tail.ids[0] in special and _PROBE in text else None


def _boundaries(text: str, conversation: Conversation) -> list[int]:
    """Where in `text` the prompts of assistant turns end; a prompt that the template has rewritten is left out."""
    prompts = [conversation.prompt(turn) for turn in _assistant_turns({"messages": conversation.messages})]
    return [len(prompt) for prompt in prompts if text.startswith(prompt)]


def _assistant_turns(row: Row) -> list[int]:
    first = row.get("train_from", 0)
    return [i for i, message in enumerate(row["messages"]) if message["role"] == "assistant" and i >= first]


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
