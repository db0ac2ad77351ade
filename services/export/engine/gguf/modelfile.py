"""The Modelfile of Ollama (https://docs.ollama.com/modelfile)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.export.engine.tuned_model import TunedModel
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate

ROLES = ("system", "user", "assistant")
_MARK = "\ue000"
_NO_TEMPLATE = """\
# No TEMPLATE: this model's chat template is more than a fixed text around each message, and Ollama does not
# run the one in the file. Serve the file with `llama-server --jinja`, or send rendered prompts with "raw": true.
"""


def modelfile(tuned: TunedModel, model: str, context: int, adapter: str | None = None) -> str:
    """FROM, ADAPTER for an adapter, PARAMETER for context, greedy decoding and ends; TEMPLATE where it is derived."""
    stops = tuned.tokenizer.convert_ids_to_tokens(tuned.template.stop_ids)
    lines = [
        f"FROM {model}",
        *([f"ADAPTER ./{adapter}"] if adapter else []),
        f"PARAMETER num_ctx {context}",
        "PARAMETER temperature 0",
        *(f'PARAMETER stop "{stop}"' for stop in stops if '"' not in stop),
    ]
    template = go_template(tuned.template, tuned.tokenizer.bos_token or "")
    return "\n".join(lines) + "\n" + (f'TEMPLATE """{template}"""\n' if template else _NO_TEMPLATE)


def go_template(template: ChatTemplate, bos: str) -> str | None:
    """The chat template in Go's language, where it is a fixed text around each message; None for any other.

    Ollama's messages have roles and contents, and it adds the beginning of a text itself. The texts around messages are
    found by rendering; they must explain a whole conversation.
    """
    try:
        around = {role: _around(template, role) for role in ROLES}
        prompt = template.render([_message("user", "a")], add_generation_prompt=True)
        tail = prompt.removeprefix(template.render([_message("user", "a")]))
        conversation = [_message(role, text) for role, text in zip((*ROLES, "user"), "suav", strict=True)]
        expected = template.render(conversation, add_generation_prompt=True)
    except (EngineError, ValueError):
        return None
    texts = [around[message["role"]][0] + message["content"] + around[message["role"]][1] for message in conversation]
    if "".join(texts) + tail != expected or any(bad in expected for bad in ("{{", "}}", '"""')):
        return None
    cases = "".join(
        f'{{{{ {"if" if role == "system" else "else if"} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
        for role, (before, after) in around.items()
    )
    return f"{{{{ range .Messages }}}}{cases}{{{{ end }}}}{{{{ end }}}}{tail}"


def _around(template: ChatTemplate, role: str) -> tuple[str, str]:
    """The texts before and after a message of this role. Raises ValueError where its content is not shown once."""
    messages = {"assistant": [_message("user", "a"), _message(role, _MARK)], "user": [_message("user", _MARK)]}
    shown = messages.get(role, [_message(role, _MARK), _message("user", "a")])
    text = template.render(shown)
    others = template.render([_message("user", "a")])
    text = text.removeprefix(others) if role == "assistant" else text.removesuffix(others) if role == "system" else text
    before, after = text.split(_MARK)
    return before, after


def _message(role: str, content: str) -> Mapping[str, Any]:
    return {"role": role, "content": content}
