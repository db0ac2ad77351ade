"""OpenAI's request and response schemas, as far as the engines support them."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.inference.openai.messages import Message, read_messages
from services.inference.openai.parameters import read_parameters
from services.inference.openai.tool_calls import HermesToolParser, JsonListToolParser, NamedToolParser, ToolCallParser
from services.inference.openai.tools import NamedTool, Tool, ToolChoice, forced_schema, tool_name
from services.inference.protocol import FinishReason, TokenLogprob
from shared.runtime.errors import InvalidInput

MAX_TOP_LOGPROBS = 20


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool | None = Field(default=None, description="send a last chunk with the token counts")
    include_obfuscation: bool | None = Field(default=None, description="without effect: chunks are not padded")


MAX_MESSAGES, MAX_PROMPTS = 2048, 128
"""In one request. OpenAI allows as many messages."""
TokenLimit = Annotated[int, Field(ge=1, le=1_000_000)]


class CompletionParams(BaseModel):
    """Parameters shared by chat and text completions. Null means absent."""

    model: str = Field(min_length=1, description="id or unique name of a model")
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: TokenLimit | None = Field(default=None, description="null: the rest of the context window")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 is greedy; null: 1")
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int = Field(default=0, ge=-1, description="0 and -1: all tokens")
    repetition_penalty: float = Field(default=1.0, gt=0, le=10)
    n: int = Field(default=1, ge=1, le=16, description="number of choices")
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = Field(default=None, description="up to 16 strings that end the output")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, body: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return read_parameters(body, known) if isinstance(body, Mapping) else body

    @field_validator("top_k")
    @classmethod
    def _read_top_k(cls, value: int) -> int:
        return max(value, 0)

    def max_new_tokens(self) -> int | None:
        """Maximum new tokens."""
        return self.max_tokens

    def logprob_count(self) -> int | None:
        """Number of top alternatives to report per token; None: no log-probabilities at all."""
        raise NotImplementedError

    def echoes(self) -> bool:
        """Whether the output begins with the prompt."""
        return False

    def output_format(self) -> dict[str, Any] | None:
        """The response_format, unless it is plain text."""
        return None

    def prompt_fields(self) -> dict[str, Any]:
        """The `messages` and `tools`, or the `prompts`, of the engine's request."""
        raise NotImplementedError

    def tool_call_parser(self) -> ToolCallParser | None:
        """A parser of tool calls for one choice; None: the output is text."""
        return None


class JsonSchema(BaseModel):
    """The JSON schema of the output."""

    model_config = ConfigDict(extra="forbid")
    name: str = "answer"
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """The format of the output. Only vLLM can guarantee JSON."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _check_schema(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("the type json_schema requires json_schema, and no other type allows it")
        return self


class ChatRequest(CompletionParams):
    """A request for a chat completion."""

    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    max_completion_tokens: TokenLimit | None = Field(default=None, description="the newer name of max_tokens")
    tools: list[Tool] | None = Field(default=None, max_length=128, description="functions that the model may call")
    tool_choice: ToolChoice | None = Field(default=None, description="null: auto if there are tools")
    parallel_tool_calls: bool = Field(default=True, description="false: at most one call per choice")
    reasoning_effort: str | None = Field(default=None, description="a variable of the chat template, if it reads one")
    chat_template_kwargs: dict[str, Any] | None = Field(
        default=None, description="variables of the chat template, such as enable_thinking"
    )
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MAX_TOP_LOGPROBS, description="requires logprobs: true")
    store: bool = Field(
        default=False, description="keep prompt and answer (not its logprobs), for GET by their id and for feedback"
    )

    @field_validator("messages", mode="before")
    @classmethod
    def _read_messages(cls, messages: Any) -> Any:
        if isinstance(messages, list) and len(messages) > MAX_MESSAGES:
            detail, remedy = f"There are {len(messages)} messages.", "Leave out or summarize the oldest."
            raise InvalidInput(detail, field="messages", limit=MAX_MESSAGES, remedy=remedy)
        return read_messages(messages)

    @model_validator(mode="after")
    def _check_max_tokens(self) -> "ChatRequest":
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            detail, remedy = "max_tokens differs from max_completion_tokens.", "Send max_completion_tokens only."
            raise InvalidInput(detail, field="max_tokens", remedy=remedy)
        return self

    @model_validator(mode="after")
    def _check_reasoning_effort(self) -> "ChatRequest":
        effort = (self.chat_template_kwargs or {}).get("reasoning_effort", self.reasoning_effort)
        if self.reasoning_effort and effort != self.reasoning_effort:
            raise InvalidInput(
                "reasoning_effort differs from the one in chat_template_kwargs.",
                field="reasoning_effort",
                remedy="Send one of them.",
            )
        return self

    @model_validator(mode="after")
    def _check_top_logprobs(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            remedy = "Send logprobs: true, too."
            raise InvalidInput("top_logprobs requires logprobs: true.", field="top_logprobs", remedy=remedy)
        return self

    @model_validator(mode="after")
    def _check_store(self) -> "ChatRequest":
        if self.store and self.n > 1:
            remedy = "Send several requests, or leave store out."
            raise InvalidInput("store keeps one answer for each id.", field="n", limit=1, remedy=remedy)
        return self

    @model_validator(mode="after")
    def _check_tools(self) -> "ChatRequest":
        choice, names = self._tool_choice, [tool_name(tool) for tool in self.tools or ()]
        if isinstance(choice, NamedTool) and choice.function.name not in names:
            detail = f"tool_choice names {choice.function.name}, which is not among the tools."
            raise InvalidInput(detail, field="tool_choice", limit=names, remedy="Name one of the tools.")
        if choice == "required" and not self.tools:
            remedy = "Send tools, or leave tool_choice out."
            raise InvalidInput("tool_choice required needs tools.", field="tool_choice", remedy=remedy)
        if self._offered_tools and self.response_format and self.response_format.type != "text":
            detail, remedy = "response_format cannot be combined with tool calls.", "Set tool_choice to none."
            raise InvalidInput(detail, field="response_format", remedy=remedy)
        self._forced_schema()  # raises on conflicting definitions
        return self

    @property
    def _tool_choice(self) -> ToolChoice:
        return self.tool_choice or "auto"

    @property
    def _offered_tools(self) -> list[Tool] | None:
        """The tools in the prompt: none for tool_choice `none`, so that the model cannot call one."""
        return None if self._tool_choice == "none" else self.tools or None

    def _forced_schema(self) -> dict[str, Any] | None:
        tools = self._offered_tools
        return forced_schema(tools, self._tool_choice, parallel=self.parallel_tool_calls) if tools else None

    def output_format(self) -> dict[str, Any] | None:
        """The requested JSON format, or that of a forced tool call."""
        if schema := self._forced_schema():
            return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}
        requested = self.response_format
        return (
            None
            if requested is None or requested.type == "text"
            else requested.model_dump(exclude_none=True, by_alias=True)
        )

    def tool_call_parser(self) -> ToolCallParser | None:
        """The parser that matches tool_choice."""
        if not self._offered_tools:
            return None
        if isinstance(self._tool_choice, NamedTool):
            return NamedToolParser(self._tool_choice.function.name)
        return (
            JsonListToolParser()
            if self._tool_choice == "required"
            else HermesToolParser(parallel=self.parallel_tool_calls)
        )

    def max_new_tokens(self) -> int | None:
        """Maximum new tokens."""
        return self.max_completion_tokens or self.max_tokens

    def logprob_count(self) -> int | None:
        """`top_logprobs` if `logprobs` is set."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def prompt_fields(self) -> dict[str, Any]:
        """The conversation, the offered tools, and the variables of the chat template."""
        effort = {"reasoning_effort": self.reasoning_effort} if self.reasoning_effort else {}
        return {
            "messages": [message.for_template() for message in self.messages],
            "tools": self._offered_tools,
            "chat_template_kwargs": {**effort, **(self.chat_template_kwargs or {})} or None,
        }


class CompletionRequest(CompletionParams):
    """A request for a text completion; no chat template is applied."""

    prompt_: str | list[str] | list[int] | list[list[int]] = Field(alias="prompt", description="text or token ids")
    logprobs: int | None = Field(default=None, ge=0, le=MAX_TOP_LOGPROBS, description="top alternatives per token")
    echo: bool = Field(default=False, description="begin the text, and the logprobs, with the prompt")
    max_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="null: the rest of the context window; 0 only with echo: nothing but the prompt"
    )

    @model_validator(mode="after")
    def _check_max_tokens(self) -> "CompletionRequest":
        if self.max_tokens == 0 and not self.echo:
            remedy = "Send at least 1, or echo: true."
            raise InvalidInput("max_tokens 0 would return nothing.", field="max_tokens", limit=1, remedy=remedy)
        return self

    def echoes(self) -> bool:
        """`echo` of the request."""
        return self.echo

    @field_validator("prompt_", mode="before")
    @classmethod
    def _check_prompt(cls, prompt: Any) -> Any:
        if isinstance(prompt, list) and len(prompt) > MAX_PROMPTS and not _is_token_ids(prompt):
            detail = f"There are {len(prompt)} prompts in one request."
            raise InvalidInput(detail, field="prompt", limit=MAX_PROMPTS, remedy="Send several requests.")
        if isinstance(prompt, str) or _is_list_of(str, prompt) or _is_token_ids(prompt):
            return prompt
        if isinstance(prompt, list) and prompt and all(ids == [] or _is_token_ids(ids) for ids in prompt):
            return prompt
        limit = "a text, a list of texts, token ids, or a list of lists of token ids; at least one"
        detail = "prompt is empty." if prompt == [] else "prompt has another form."
        raise InvalidInput(detail, field="prompt", limit=limit, remedy=f"Send {limit}.")

    def logprob_count(self) -> int | None:
        """`logprobs` of the request."""
        return self.logprobs

    def prompt_fields(self) -> dict[str, Any]:
        """A list of texts or of token id lists."""
        prompt = self.prompt_
        return {"prompts": prompt if isinstance(prompt, list) and not _is_token_ids(prompt) else [prompt]}


def _is_token_ids(prompt: Any) -> bool:
    return _is_list_of(int, prompt) and not _is_list_of(bool, prompt[:1])


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value)


class Usage(BaseModel):
    """Token counts of a request; stop tokens count as completion tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CalledFunction(BaseModel):
    """The function to call."""

    name: str
    arguments: str = Field(description="JSON object")


class ToolCallView(BaseModel):
    """A tool call of the assistant."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class AnswerMessage(BaseModel):
    """The assistant's message."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[ToolCallView] | None = None


class LikelyToken(BaseModel):
    """A token and its natural log-probability."""

    token: str
    logprob: float
    bytes: list[int] | None = Field(description="null: the token is only part of a character")


class ChatToken(LikelyToken):
    """A token of the output with its top alternatives."""

    top_logprobs: list[LikelyToken]


class ChatLogprobs(BaseModel):
    """The output tokens, without the stop token."""

    content: list[ChatToken]
    refusal: None = None

    @classmethod
    def of(cls, tokens: list[TokenLogprob]) -> Self:
        """Convert an engine's log-probabilities to OpenAI's format."""
        return cls(
            content=[
                ChatToken(**_likely_token(t), top_logprobs=[LikelyToken(**_likely_token(o)) for o in t.top])
                for t in tokens
            ]
        )


def _likely_token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}


def _by_text(token: TokenLogprob) -> dict[str, float] | None:
    """The alternatives by their text: of tokens with the same one, such as parts of characters, the likeliest."""
    if token.logprob is None:
        return None
    return {other.token: other.logprob for other in reversed(token.top) if other.logprob is not None}


class TextLogprobs(BaseModel):
    """The output tokens; a stop token only with `echo`, whose prompt is followed by each new token."""

    tokens: list[str]
    token_logprobs: list[float | None] = Field(description="null for the first token of an echoed prompt")
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int] = Field(description="start of each token in the choice's text, in characters")

    @classmethod
    def of(cls, tokens: list[TokenLogprob], offset: int = 0) -> Self:
        """Convert an engine's log-probabilities; `offset` is the length of the text before them, in characters."""
        lengths = [len(token.token) for token in tokens]
        return cls(
            tokens=[token.token for token in tokens],
            token_logprobs=[token.logprob for token in tokens],
            top_logprobs=[_by_text(token) for token in tokens],
            text_offset=list(accumulate(lengths[:-1], initial=offset)) if tokens else [],
        )


class ChatChoice(BaseModel):
    """One choice of a chat completion."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason


class ChatCompletion(BaseModel):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[ChatChoice]
    usage: Usage
    system_fingerprint: str | None = None


class DeletedCompletion(BaseModel):
    """A deletion, in OpenAI's format."""

    id: str
    object: Literal["chat.completion.deleted"] = "chat.completion.deleted"
    deleted: bool = True


class TextChoice(BaseModel):
    """One choice of a text completion."""

    index: int
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: FinishReason


class TextCompletion(BaseModel):
    """A text completion."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[TextChoice]
    usage: Usage
    system_fingerprint: str | None = None


class ServedModelView(BaseModel):
    """A model in OpenAI's format; `name` is an extension."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970")
    owned_by: str = Field(description="alias, base or custom")
    name: str


class ModelList(BaseModel):
    """The list of models."""

    object: Literal["list"] = "list"
    data: list[ServedModelView]
