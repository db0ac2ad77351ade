"""Which parameters of OpenAI's and vLLM's requests are used, accepted without an effect, or refused: never ignored."""

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from services.inference.errors import UnknownParameter, UnsupportedParameter
from shared.runtime.errors import InvalidInput

WITHOUT_EFFECT = frozenset(
    (
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "cache_salt",
        "request_id",
    )
)
"""Accepted: they are the caller's own records, or concern a cache, and change no answer."""

UNSUPPORTED: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "functions": ([],),
    "function_call": (),
    "audio": (),
    "modalities": (["text"],),
    "moderation": (),
    "prediction": (),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "add_generation_prompt": (True,),
    "add_special_tokens": (),
    "allowed_token_ids": (),
    "bad_words": ([],),
    "chat_template": (),
    "continue_final_message": (False,),
    "documents": ([],),
    "guided_choice": (),
    "guided_decoding_backend": (),
    "guided_grammar": (),
    "guided_json": (),
    "guided_regex": (),
    "guided_whitespace_pattern": (),
    "ignore_eos": (False,),
    "include_reasoning": (True,),
    "include_stop_str_in_output": (False,),
    "kv_transfer_params": (),
    "length_penalty": (1,),
    "logits_processors": ([],),
    "min_p": (0,),
    "min_tokens": (0,),
    "mm_processor_kwargs": ({},),
    "priority": (0,),
    "prompt_logprobs": (),
    "return_token_ids": (False,),
    "return_tokens_as_token_ids": (False,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "stop_token_ids": ([],),
    "structural_tag": (),
    "structured_outputs": ({},),
    "thinking_token_budget": (),
    "truncate_prompt_tokens": (),
    "typical_p": (1,),
    "use_beam_search": (False,),
    "vllm_xargs": ({},),
}
"""Refused, except for the values that say what happens anyway."""

_TOOLS = "Use tools and tool_choice; calls are returned as tool_calls."
_JSON = "Use response_format with type json_schema (vLLM only)."
_TEXT = "Leave it out: models read and write text only."
REMEDIES = {
    "functions": _TOOLS,
    "function_call": _TOOLS,
    **dict.fromkeys(("guided_json", "structured_outputs"), _JSON),
    **dict.fromkeys(("audio", "modalities"), _TEXT),
    "frequency_penalty": "Use repetition_penalty.",
    "presence_penalty": "Use repetition_penalty.",
    "min_p": "Use top_p or top_k.",
    "stop_token_ids": "Use stop with the texts of the tokens; the template's and the model's own always end an answer.",
    "best_of": "Use n, and choose among the choices by their logprobs.",
    "chat_template": "Change the template in the model's tokenizer before training; it is part of the model.",
    "documents": "Write the documents into a message.",
    "service_tier": "Leave it out, or send auto.",
    "store": "Send messages to /v1/chat/completions, whose answers can be stored.",
}
OTHER_ENDPOINT = {
    "messages": "Send messages to /v1/chat/completions.",
    "chat_template_kwargs": "Send messages to /v1/chat/completions; here, no template is applied.",
    "reasoning_effort": "Send messages to /v1/chat/completions; here, no template is applied.",
    "tools": "Send messages and tools to /v1/chat/completions.",
    "response_format": "Send messages and response_format to /v1/chat/completions.",
    "prompt": "Send a prompt to /v1/completions, or messages here.",
    "max_completion_tokens": "Use max_tokens.",
    "top_logprobs": "Use logprobs, with the number of alternatives.",
}
"""Remedies for parameters of the other endpoint."""


def read_parameters(body: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the `known` parameters that have a value: null means absent, as at OpenAI.

    Raises UnsupportedParameter, UnknownParameter for a name that neither API has, and InvalidInput for broken Unicode.
    """
    given = {name: value for name, value in body.items() if value is not None}
    for name, value in given.items():
        if name in known or name in WITHOUT_EFFECT:
            continue
        if name not in UNSUPPORTED:
            raise _unknown(name, known)
        if value not in UNSUPPORTED[name]:
            raise _unsupported(name)
    for name, value in given.items():
        _require_unicode(name, value)
    return {name: value for name, value in given.items() if name in known}


def _require_unicode(name: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = ascii(error.object[error.start])
        remedy = "Send both halves of the surrogate pair, or remove it."
        raise InvalidInput(f"{name} has half a character, {found}.", field=name, remedy=remedy) from error


def _unsupported(name: str) -> UnsupportedParameter:
    neutral = list(UNSUPPORTED[name]) or None
    remedy = REMEDIES.get(name, f"Remove {name}.")
    return UnsupportedParameter(f"{name} is not supported.", field=name, limit=neutral, remedy=remedy)


def _unknown(name: str, known: Collection[str]) -> UnknownParameter:
    close = get_close_matches(name, [*known, *UNSUPPORTED], n=1, cutoff=0.75)
    remedy = OTHER_ENDPOINT.get(name) or (f"Did you mean {close[0]}?" if close else f"Remove {name}.")
    return UnknownParameter(
        f"{name} is not a parameter of this request.", field=name, limit=sorted(known), remedy=remedy
    )
