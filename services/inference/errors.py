"""The errors of the inference service, and their mapping from engine error codes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.runtime.errors import AnnealError


class ModelNotFound(AnnealError):
    """No model in the project has this id, and no custom model has this name."""

    status = 404
    code = "model_not_found"


class UnsupportedParameter(AnnealError):
    """An OpenAI API parameter that the engine does not support."""

    status = 400
    code = "unsupported_parameter"


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


class OutOfMemory(AnnealError):
    """The model and its KV cache do not fit into memory."""

    status = 503
    code = "out_of_memory"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "30"}


OPENAI_CODES = {"context_exceeded": "context_length_exceeded", "empty_prompt": "empty_prompt"}


def error_from_engine(message: Mapping[str, Any]) -> AnnealError:
    """Convert an engine's `refused` message into an error that keeps the engine's code."""
    code, detail = str(message["code"]), str(message["detail"])
    fields = {name: value for name, value in message.items() if name in ("remedy", "limit", "expected", "found")}
    error: AnnealError
    if code in OPENAI_CODES or code == "template_refused":
        fields.setdefault("remedy", "Shorten or change the messages.")
        error = PromptRefused(detail, field="messages", **fields)
        code = OPENAI_CODES.get(code, code)
    elif code == "tools_unsupported":
        return UnsupportedParameter(detail, field="tools", **fields)
    elif code == "out_of_memory":
        return OutOfMemory(detail, remedy="Undeploy other models, or serve a smaller model.")
    elif code == "engine_crashed":
        return AnnealError(f"The engine failed: {detail}", remedy="Check the log and report the problem.")
    else:
        error = ModelRefused(detail, field="model", **fields)
    error.code = code  # type: ignore[misc]
    return error
