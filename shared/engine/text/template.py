"""One rendering of conversations for training and serving: text, trained spans, token ids, and a hash of it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.engine.process.protocol import EngineError
from shared.engine.text.rendering import CHATML, MAX_RENDERED, PLAIN, Conversation, Renderer
from shared.engine.text.template_cache import Looked, Skeleton, Skeletons
from shared.engine.text.tokenize import BoundaryTokenizer, Encoded, Marked, Span

Row = Mapping[str, Any]
"""{"messages": [{role, content, ...}], "tools"?: [...], "train_from"?: index} or {"text": str}.

`train_from` is the first message whose turn is trained; without it every assistant turn is.
"""

_PROBE = "anneal"


class ChatTemplate:
    """The chat template of a model, or a stand-in for a base that has none.

    Token ids are those of the whole text, except that an assistant turn never shares a token with the prompt
    before it: where a merge would straddle that boundary the text is tokenized in two parts there, in training
    and in serving alike. The prompt of any turn is thus a prefix of the training ids, which is what the model
    continues when it serves.
    """

    def __init__(self, tokenizer: Any, source: str) -> None:
        self.source = source
        self._tokenizer = tokenizer
        self._renderer = Renderer(source, tokenizer.special_tokens_map)
        self._backend = tokenizer.backend_tokenizer
        self._bos = tokenizer.bos_token or "" if _adds_bos(tokenizer) else ""
        self._boundary_tokenizer = BoundaryTokenizer(self._backend)
        self.stop_ids: list[int] = self._find_stop_ids()
        self._skeletons = Skeletons(self._skeleton)
        self._stop_texts = tuple(tokenizer.convert_ids_to_tokens(token) for token in self.stop_ids)

    @classmethod
    def of(cls, tokenizer: Any) -> ChatTemplate:
        """The tokenizer's own template; else ChatML if its tokens exist in the vocabulary, else plain text.

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
        """sha256 over everything that turns a conversation into ids and ends a turn: equal means interchangeable."""
        parts = [self.source, self._backend.to_str(), self._tokenizer.special_tokens_map, self.stop_ids]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def render(
        self, messages: Sequence[Row], tools: Sequence[Row] | None = None, add_generation_prompt: bool = False
    ) -> str:
        """The conversation as text; raises EngineError `template_refused` with the template's own words."""
        return self._renderer.render(messages, tools, add_generation_prompt)

    def prompt_ids(self, messages: Sequence[Row], tools: Sequence[Row] | None = None) -> list[int]:
        """The ids that the model continues with the assistant's next turn."""
        said = Conversation(self._renderer, messages, tools)
        text = said.prompt(len(messages))
        return self._boundary_tokenizer.ids(text, _boundaries(text, said))

    def marked(self, row: Row) -> list[Marked]:
        """What training sees of a row: itself, or one sample per assistant turn where `expand` says so."""
        quick = self._skeletons.filled(row)
        if quick and len(quick.data) <= MAX_RENDERED:
            return [quick]
        said = self._conversation(row)
        samples = self._expand(row, said)
        if samples == [row]:
            return [Marked.of(*self._mark(row, said))]
        return [Marked.of(*self._mark(sample, self._conversation(sample))) for sample in samples]

    def encode_all(self, texts: Sequence[Marked]) -> list[Encoded]:
        """Token ids of what `marked` found, of many rows at a time."""
        return self._boundary_tokenizer.encode_all(texts)

    def expand(self, row: Row) -> list[Row]:
        """The samples of a row: itself, or one per assistant turn where the template rewrites earlier turns.

        (A template that drops past reasoning, say, shows each turn differently once a later one exists.)
        """
        return self._expand(row, self._conversation(row))

    def spans(self, row: Row) -> list[tuple[str, bool]]:
        """The rendered text in pieces, each with whether it is trained.

        Every assistant turn is, from the end of its prompt to its end token. Raises EngineError
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

    def encode(self, row: Row, max_length: int | None = None) -> Encoded:
        """The row as token ids with their trained flags, cut on the right to `max_length` tokens."""
        return self._encode(row, self._conversation(row)).cut(0, max_length)

    def _conversation(self, row: Row) -> Conversation | None:
        return Conversation(self._renderer, row["messages"], row.get("tools")) if "messages" in row else None

    def _expand(self, row: Row, said: Conversation | None) -> list[Row]:
        turns = _assistant_turns(row) if said else []
        if said is None or all(self._holds(said, turn) for turn in turns):
            return [row]
        return [{**row, "messages": list(said.messages[: turn + 1]), "train_from": turn} for turn in turns]

    def _encode(self, row: Row, said: Conversation | None) -> Encoded:
        return self._boundary_tokenizer.encode(*self._mark(row, said))

    def _mark(self, row: Row, said: Conversation | None) -> tuple[str, list[Span], list[int]]:
        """The text of a row, its trained spans and its boundaries, in characters."""
        text, trained = self._trained_spans(row, said)
        boundaries = {start for start, _ in trained} | set(_boundaries(text, said) if said else ())
        return text, trained, sorted(boundaries)

    def _skeleton(self, messages: list[dict[str, Any]]) -> Skeleton | None:
        """What all conversations with these roles look like, if that does not depend on what is said."""
        blind = self._renderer.blind()
        if blind is None:
            return None
        said = Conversation(blind, messages, None)
        try:
            text, trained, boundaries = self._mark({"messages": messages}, said)
        except (EngineError, Looked):
            return None
        ended = all(text[:end].endswith(self._stop_texts) for _, end in trained)
        return Skeleton.of(text, trained, boundaries) if ended and text == said.whole else None

    def _trained_spans(self, row: Row, said: Conversation | None) -> tuple[str, list[Span]]:
        """The text of a row and the [start, end) characters in it that are trained."""
        if said is None:
            text = f"{self._bos}{row['text']}{self._tokenizer.eos_token or ''}"
            return text, [(len(self._bos), len(text))]
        turns, text = _assistant_turns(row), said.whole
        if turns and turns[-1] == len(said.messages) - 1:
            text = self._ended(said.continued)
        return text, [self._span(text, said, turn) for turn in turns]

    def _span(self, text: str, said: Conversation, turn: int) -> Span:
        """From the end of the turn's prompt to the end of its last stop token, line breaks after it left out."""
        start = said.prompt(turn)
        last = turn == len(said.messages) - 1
        upto = text if last else said.upto(turn + 1)
        if not (text.startswith(start) and text.startswith(upto)):
            raise EngineError(
                "template_rewrites_history",
                "the chat template shows an earlier turn differently once a later one exists",
                remedy="expand the row into one sample per assistant turn",
            )
        end = len(upto.rstrip())
        return len(start), end if upto[:end].endswith(self._stop_texts) else len(upto)

    def _holds(self, said: Conversation, turn: int) -> bool:
        text = said.continued if turn == len(said.messages) - 1 else said.whole
        try:
            self._span(text, said, turn)
        except EngineError as error:
            if error.code != "template_rewrites_history":
                raise
            return False
        return True

    def _ended(self, text: str) -> str:
        """The text with an EOS where the template forgets to end the last turn, or the model would never stop."""
        if not self._stop_texts or text.rstrip().endswith(self._stop_texts):
            return text
        return text + self._stop_texts[-1]

    def _find_stop_ids(self) -> list[int]:
        """The token that ends a turn, found behind a probe's answer, then EOS."""
        found = [self._turn_end(), self._tokenizer.eos_token_id]
        return list(dict.fromkeys(token for token in found if token is not None))

    def _turn_end(self) -> int | None:
        try:
            text = self.render([{"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE}])
        except EngineError:
            return None
        tail = self._backend.encode(text[text.rfind(_PROBE) + len(_PROBE) :].lstrip(), add_special_tokens=False)
        special = self._tokenizer.added_tokens_decoder
        return tail.ids[0] if tail.ids and tail.ids[0] in special and _PROBE in text else None


def _boundaries(text: str, said: Conversation) -> list[int]:
    """Where in `text` the assistant's turns begin, as far as their prompts stand there unchanged."""
    prompts = [said.prompt(turn) for turn in _assistant_turns({"messages": said.messages})]
    return [len(prompt) for prompt in prompts if text.startswith(prompt)]


def _assistant_turns(row: Row) -> list[int]:
    first = row.get("train_from", 0)
    return [i for i, message in enumerate(row["messages"]) if message["role"] == "assistant" and i >= first]


def _adds_bos(tokenizer: Any) -> bool:
    ids = tokenizer("").input_ids
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def _with_tool_use(named: Mapping[str, str]) -> str | None:
    """One template of several: transformers takes the one named tool_use where there are tools."""
    default = named.get("default") or next(iter(named.values()), None)
    tool_use = named.get("tool_use")
    return f"{{% if tools %}}{tool_use}{{% else %}}{default}{{% endif %}}" if tool_use else default


def _source(tokenizer: Any) -> str:
    own = tokenizer.chat_template
    if isinstance(own, dict):
        own = _with_tool_use(own)
    if own:
        return str(own)
    vocabulary = tokenizer.get_vocab()
    if "<|im_start|>" in vocabulary and "<|im_end|>" in vocabulary:
        return CHATML
    return ("{{ bos_token }}" if _adds_bos(tokenizer) else "") + PLAIN
