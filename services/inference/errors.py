"""The errors of the inference service, and their mapping from engine error codes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.runtime.errors import AnnealError


class ModelNotFound(AnnealError):
    """No model in the project has this id, and no custom model has this name."""

    status = 404
    code = "model_not_found"


class AmbiguousModel(ModelNotFound):
    """Several custom models have this name. Not a 409, which OpenAI's clients send again."""

    code = "ambiguous_model"


class UnsupportedParameter(AnnealError):
    """An OpenAI API parameter that the engine does not support."""

    status = 400
    code = "unsupported_parameter"


class UnknownParameter(AnnealError):
    """A parameter that neither OpenAI's API nor vLLM's has: usually a misspelt one."""

    status = 400
    code = "unknown_parameter"


class PromptRefused(AnnealError):
    """The prompt does not fit the model's context or its chat template."""

    status = 400
    code = "prompt_refused"


class ModelRefused(AnnealError):
    """The model cannot be served in its current form."""

    status = 409
    code = "model_refused"


class EngineBusy(AnnealError):
    """The request queue is full, or no server is free."""

    status = 503
    code = "engine_busy"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class EngineLost(AnnealError):
    """The engine crashed or stopped responding during this request. The next request restarts it."""

    status = 503
    code = "engine_lost"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class ModelQuarantined(AnnealError):
    """The engine hung or crashed with this model a short while ago."""

    status = 503
    code = "model_quarantined"

    def __init__(self, reason: str, seconds: int) -> None:
        remedy = f"Use another model, wait {seconds} seconds, or delete and create the model's deployment."
        super().__init__(reason, field="model", remedy=remedy)
        self.headers = {"Retry-After": str(seconds)}  # type: ignore[misc]


class OutOfMemory(AnnealError):
    """The model and its KV cache do not fit into memory."""

    status = 503
    code = "out_of_memory"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "30"}


OPENAI_CODES = {"context_exceeded": "context_length_exceeded"}
PROMPT_REMEDIES = {
    "context_exceeded": "Shorten the {field}, or choose a model with a longer context.",
    "kv_cache_exceeded": "Reduce max_tokens or n, or shorten the prompt: both may have {limit} tokens now.",
    "empty_prompt": "Send at least one token in the {field}.",
    "unknown_token": "Send token ids of this model's own tokenizer, or text.",
    "template_refused": "Change the {field} as the template demands, or choose a model with another chat template.",
    "template_unsupported": "Change the {field}, or choose a model with another chat template.",
    "conversation_too_large": "Shorten the {field}.",
}
"""The remedy of each code that concerns the prompt, if the engine gives none; `field` is the caller's."""
UNSUPPORTED_CODES = ("tools_unsupported", "option_unsupported")


def error_from_engine(message: Mapping[str, Any]) -> AnnealError:
    """Convert an engine's `refused` message into an error that keeps the engine's code.

    Its `field` is the caller's: `messages` or `prompt`, or what the engine names.
    """
    code, detail, field = str(message["code"]), _sentence(message["detail"]), str(message.get("field", "messages"))
    fields = {name: value for name, value in message.items() if name in ("limit", "expected", "found") and value}
    remedy = (
        _sentence(message.get("remedy") or PROMPT_REMEDIES.get(code, "").format(field=field, limit=fields.get("limit")))
        or None
    )
    error: AnnealError
    if code in UNSUPPORTED_CODES:
        return UnsupportedParameter(detail, field=field, remedy=remedy, **fields)
    if code == "out_of_memory":
        return OutOfMemory(detail, remedy="Undeploy other models, or serve a smaller model.")
    if code == "engine_crashed":
        return AnnealError(f"The engine failed: {message['detail']}", remedy="Check the log and report the problem.")
    if code in PROMPT_REMEDIES:
        error = PromptRefused(detail, field=field, remedy=remedy, **fields)
    else:
        error = ModelRefused(detail, field="model", remedy=remedy, **fields)
    error.code = OPENAI_CODES.get(code, code)  # type: ignore[misc]
    return error


def _sentence(text: str) -> str:
    """The text as a sentence: engines begin in lower case, without a full stop."""
    return text and text[:1].upper() + text[1:].removesuffix(".") + "."
