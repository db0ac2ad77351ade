"""The inference room's coded failures, and what an engine's refusal becomes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.runtime.errors import AnnealError


class ModelNotFound(AnnealError):
    """No manifest of this id in the project, and no custom model of this name."""

    status = 404
    code = "model_not_found"


class Unsupported(AnnealError):
    """A parameter of OpenAI's API that this engine does not offer."""

    status = 400
    code = "unsupported_parameter"


class PromptRefused(AnnealError):
    """The prompt does not fit the model or its template."""

    status = 400
    code = "prompt_refused"


class ModelRefused(AnnealError):
    """The model cannot be served as it is."""

    status = 409
    code = "model_refused"


class EngineBusy(AnnealError):
    """Too many requests wait."""

    status = 503
    code = "engine_busy"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class EngineLost(AnnealError):
    """The engine died or went silent under this request; the next one starts it again."""

    status = 503
    code = "engine_lost"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class OutOfMemory(AnnealError):
    """The model and its requests do not fit into memory."""

    status = 503
    code = "out_of_memory"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "30"}


PROMPT_CODES = {"context_exceeded": "context_length_exceeded", "empty_prompt": "empty_prompt"}


def refusal(message: Mapping[str, Any]) -> AnnealError:
    """The failure that an engine's `refused` message stands for; it keeps the engine's code."""
    code, detail = str(message["code"]), str(message["detail"])
    rest = {name: value for name, value in message.items() if name in ("remedy", "limit", "expected", "found")}
    error: AnnealError
    if code in PROMPT_CODES or code == "template_refused":
        rest.setdefault("remedy", "Shorten or change the messages.")
        error = PromptRefused(detail, field="messages", **rest)
        code = PROMPT_CODES.get(code, code)
    elif code == "tools_unsupported":
        return Unsupported(detail, field="tools", **rest)
    elif code == "out_of_memory":
        return OutOfMemory(detail, remedy="Undeploy other models, or serve a smaller one.")
    elif code == "engine_crashed":
        return AnnealError(f"The engine failed: {detail}", remedy="Look into the log, and report it.")
    else:
        error = ModelRefused(detail, field="model", **rest)
    error.code = code  # type: ignore[misc]
    return error
