"""Templates: `{{ item.name }}` and `{{ sample.output_text }}`, with nested names and indices, as OpenAI has them."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.runtime.errors import InvalidInput

VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_PATH = re.compile(r"(item|sample)((?:\.[\w-]+|\[\d{1,6}\])+)")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
SAMPLE_NAMES = ("output_text", "output_json")
"""What the sample namespace holds; `output_json` only where the output is JSON."""
REMEDY = "Write {{ item.name }} or {{ sample.output_text }}; nested values are {{ item.a.b[0] }}."


class InvalidTemplate(InvalidInput):
    """A template names what does not exist."""

    code = "invalid_template"


class UnknownName(Exception):
    """A row, or an answer, has no value of this name."""


@dataclass(frozen=True)
class Variable:
    """A reference: `item` or `sample`, and the names and indices below it."""

    text: str
    namespace: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str, field: str) -> "Variable":
        """The reference between the braces. Raises InvalidTemplate."""
        if not (match := _PATH.fullmatch(text.strip())):
            raise InvalidTemplate(f"{{{{{text}}}}} is no reference.", field=field, remedy=REMEDY)
        steps = tuple(name or int(index) for name, index in _STEP.findall(match[2]))
        return cls(match[0], match[1], steps)

    def value(self, namespaces: Mapping[str, Any]) -> Any:
        """The value. Raises UnknownName."""
        found = namespaces[self.namespace]
        for step in self.steps:
            try:
                if isinstance(step, int) != isinstance(found, list):
                    raise LookupError
                found = found[step]
            except (LookupError, TypeError) as error:
                raise UnknownName(f"There is no {self.text} in this row.") from error
        return found

    def check(self, schema: Mapping[str, Any], *, with_sample: bool, field: str) -> None:
        """Raise InvalidTemplate for what no row of the item schema, or no sample, can have."""
        if self.namespace == "item":
            self._check_item(schema, field)
        elif not with_sample:
            detail = f"{self.text} needs a sample, and the eval has none."
            remedy = "Set data_source_config.include_sample_schema to true."
            raise InvalidTemplate(detail, field=field, remedy=remedy)
        elif self.steps[0] not in SAMPLE_NAMES or (self.steps[0] == "output_text" and len(self.steps) > 1):
            limit = [f"sample.{name}" for name in SAMPLE_NAMES]
            remedy = f"Use {' or '.join(limit)}."
            raise InvalidTemplate(f"There is no {self.text}.", field=field, limit=limit, remedy=remedy)

    def _check_item(self, schema: Any, field: str) -> None:
        for step in self.steps:
            if isinstance(step, int):
                schema = schema.get("items", {})
            elif known := schema.get("properties"):
                if step not in known:
                    remedy = f"Use one of {', '.join(known)}, or add it to the item schema."
                    detail = f"The item schema has no {step!r}, which {self.text} needs."
                    raise InvalidTemplate(detail, field=field, limit=list(known), remedy=remedy)
                schema = known[step]
            else:
                return  # the schema leaves open what is below


def variables(template: str, field: str) -> Iterator[Variable]:
    """The references of a template. Raises InvalidTemplate, also for braces that hold none."""
    if "{{" in VARIABLE.sub("", template):
        raise InvalidTemplate("A {{ begins no reference.", field=field, remedy=REMEDY)
    for text in VARIABLE.findall(template):
        yield Variable.parse(text, field)


def resolve(template: str, item: Any, sample: Mapping[str, Any]) -> str:
    """Replace every reference; what is no text is written as JSON. Raises UnknownName."""
    namespaces = {"item": item, "sample": sample}

    def text(match: re.Match[str]) -> str:
        value = Variable.parse(match[1], "template").value(namespaces)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return VARIABLE.sub(text, template)


def sample_of(output_text: str) -> dict[str, Any]:
    """The sample namespace of an answer."""
    sample: dict[str, Any] = {"output_text": output_text}
    with suppress(ValueError, RecursionError):
        sample["output_json"] = json.loads(output_text)
    return sample
