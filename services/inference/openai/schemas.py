"""OpenAI's request and response shapes, as far as the engines offer them."""

from itertools import accumulate
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.inference.openai.tool_calls import HermesCalls, ListedCalls, NamedCall, Reader
from services.inference.openai.tools import NamedTool, Tool, ToolChoice, name_of, schema_of
from services.inference.protocol import Finish, TokenLogprob

MOST_LIKELIEST = 20


class TextPart(BaseModel):
    """A piece of a message."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A turn of a conversation."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None

    def plain(self) -> dict[str, Any]:
        """What the chat template gets: text content, and OpenAI's newer name for system messages undone."""
        content = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content or ())
        role = "system" if self.role == "developer" else self.role
        return {**(self.model_extra or {}), "role": role, "content": content}


class StreamOptions(BaseModel):
    """What a stream carries beside the text."""

    include_usage: bool = Field(default=False, description="a last chunk with the token counts")


Tokens = Annotated[int, Field(ge=1, le=1_000_000)]


class Sampled(BaseModel):
    """Parameters that both kinds of completion share."""

    model: str = Field(min_length=1, description="a model id, or the unique name of a custom model")
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = Field(default=None, description="null: what the context has left")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 is greedy; null: 1")
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int = Field(default=0, ge=0, description="0: all tokens")
    repetition_penalty: float = Field(default=1.0, gt=0, le=10)
    n: int = Field(default=1, ge=1, le=16, description="answers")
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = Field(default=None, description="up to 16 strings at which the answer ends")
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None

    def refused(self) -> dict[str, bool]:
        """Parameters that we know of and do not offer, by whether this request needs them."""
        return {
            "frequency_penalty": bool(self.frequency_penalty),
            "presence_penalty": bool(self.presence_penalty),
            "logit_bias": bool(self.logit_bias),
        }

    def limit(self) -> int | None:
        """Most new tokens."""
        return self.max_tokens

    def likeliest(self) -> int | None:
        """How many likeliest tokens to report at each place; None: not even the chosen one's log-probability."""
        raise NotImplementedError

    def form(self) -> dict[str, Any] | None:
        """The response_format, if it is more than text."""
        return None

    def prompt(self) -> dict[str, Any]:
        """The generation's `messages` and `tools`, or `prompts`."""
        raise NotImplementedError

    def reader(self) -> Reader | None:
        """What reads tool calls out of one answer; None: the answer is text."""
        return None


class JsonSchema(BaseModel):
    """The schema of an answer."""

    name: str = "answer"
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """The form of an answer; JSON is what vLLM alone can promise."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _schema_where_it_belongs(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with the type json_schema, and that type needs one")
        return self


class ChatRequest(Sampled):
    """A chat completion."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: Tokens | None = Field(default=None, description="the newer name of max_tokens")
    tools: list[Tool] | None = Field(default=None, max_length=128, description="functions that may be called")
    tool_choice: ToolChoice | None = Field(default=None, description="null: auto where there are tools")
    parallel_tool_calls: bool = Field(default=True, description="false: at most one call in an answer")
    functions: list[dict[str, Any]] | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MOST_LIKELIEST, description="needs logprobs: true")

    @model_validator(mode="after")
    def _likeliest_of_something(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self

    @model_validator(mode="after")
    def _tools_fit(self) -> "ChatRequest":
        choice = self._choice
        if isinstance(choice, NamedTool) and choice.function.name not in map(name_of, self.tools or ()):
            raise ValueError(f"tool_choice names {choice.function.name}, which is not among the tools")
        if choice == "required" and not self.tools:
            raise ValueError("tool_choice required needs tools")
        if self._callable and self.response_format and self.response_format.type != "text":
            raise ValueError("an answer cannot be a tool call and keep response_format; set tool_choice to none")
        self._forced()
        return self

    @property
    def _choice(self) -> ToolChoice:
        return self.tool_choice or "auto"

    @property
    def _callable(self) -> list[Tool] | None:
        """The tools that the model is shown: with the choice `none` it is not, so that it cannot call one."""
        return None if self._choice == "none" else self.tools or None

    def _forced(self) -> dict[str, Any] | None:
        tools = self._callable
        return schema_of(tools, self._choice, parallel=self.parallel_tool_calls) if tools else None

    def refused(self) -> dict[str, bool]:
        """Also what came before tools."""
        return {**super().refused(), "functions": bool(self.functions)}

    def form(self) -> dict[str, Any] | None:
        """The JSON that is wanted, or that a forced call is."""
        if schema := self._forced():
            return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}
        wanted = self.response_format
        return None if wanted is None or wanted.type == "text" else wanted.model_dump(exclude_none=True, by_alias=True)

    def reader(self) -> Reader | None:
        """By what the answer may be."""
        if not self._callable:
            return None
        if isinstance(self._choice, NamedTool):
            return NamedCall(self._choice.function.name)
        return ListedCalls() if self._choice == "required" else HermesCalls(parallel=self.parallel_tool_calls)

    def limit(self) -> int | None:
        """Most new tokens."""
        return self.max_completion_tokens or self.max_tokens

    def likeliest(self) -> int | None:
        """`top_logprobs`, once `logprobs` is wanted."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def prompt(self) -> dict[str, Any]:
        """The conversation, and the tools that it shows."""
        return {"messages": [message.plain() for message in self.messages], "tools": self._callable}


class CompletionRequest(Sampled):
    """A plain text completion: no template is applied."""

    prompt_: str | list[str] | list[int] | list[list[int]] = Field(alias="prompt", description="text or token ids")
    echo: bool = False
    suffix: str | None = None
    best_of: int | None = None
    logprobs: int | None = Field(default=None, ge=0, le=MOST_LIKELIEST, description="likeliest tokens at each place")

    def refused(self) -> dict[str, bool]:
        """Also what concerns the prompt's own text."""
        return {
            **super().refused(),
            "echo": self.echo,
            "suffix": bool(self.suffix),
            "best_of": bool(self.best_of and self.best_of > 1),
        }

    def likeliest(self) -> int | None:
        """`logprobs`."""
        return self.logprobs

    def prompt(self) -> dict[str, Any]:
        """A list of texts or of token ids."""
        given = self.prompt_
        return {"prompts": given if isinstance(given, list) and not _is_ids(given) else [given]}


def _is_ids(given: list[Any]) -> bool:
    return bool(given) and isinstance(given[0], int)


class Usage(BaseModel):
    """Tokens of a request; an answer's stop token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CalledFunction(BaseModel):
    """What is to be called."""

    name: str
    arguments: str = Field(description="JSON")


class ToolCallView(BaseModel):
    """A call that the assistant asks for."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class AnswerMessage(BaseModel):
    """What the assistant said."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[ToolCallView] | None = None


class LikelyToken(BaseModel):
    """A token and its natural log-probability."""

    token: str
    logprob: float
    bytes: list[int] | None = Field(description="null: the token is part of a character")


class ChatToken(LikelyToken):
    """A token of an answer."""

    top_logprobs: list[LikelyToken]


class ChatLogprobs(BaseModel):
    """The tokens of an answer, its stop token left out."""

    content: list[ChatToken]
    refusal: None = None

    @classmethod
    def of(cls, tokens: list[TokenLogprob]) -> Self:
        """OpenAI's shape of an engine's."""
        return cls(
            content=[ChatToken(**_likely(t), top_logprobs=[LikelyToken(**_likely(o)) for o in t.top]) for t in tokens]
        )


def _likely(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}


class TextLogprobs(BaseModel):
    """The tokens of a text, its stop token left out."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int] = Field(description="where each token begins in the choice's text")

    @classmethod
    def of(cls, tokens: list[TokenLogprob], offset: int = 0) -> Self:
        """OpenAI's shape of an engine's, of tokens before which the choice has `offset` characters."""
        lengths = [len(token.token) for token in tokens]
        return cls(
            tokens=[token.token for token in tokens],
            token_logprobs=[token.logprob for token in tokens],
            top_logprobs=[{other.token: other.logprob for other in token.top} for token in tokens],
            text_offset=list(accumulate(lengths[:-1], initial=offset)) if tokens else [],
        )


class ChatChoice(BaseModel):
    """One answer of a chat completion."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: Finish


class ChatCompletion(BaseModel):
    """A whole chat completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[ChatChoice]
    usage: Usage
    system_fingerprint: str | None = None


class TextChoice(BaseModel):
    """One answer of a text completion."""

    index: int
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: Finish


class TextCompletion(BaseModel):
    """A whole text completion."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[TextChoice]
    usage: Usage
    system_fingerprint: str | None = None


class ServedModelView(BaseModel):
    """A model in OpenAI's list; `name` is ours."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970")
    owned_by: str
    name: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ServedModelView]
