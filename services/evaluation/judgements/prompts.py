"""What a judge is asked. Adapted from MT-Bench's `pair-v2` (Zheng et al. 2023), with a verdict in a line of its own."""

from services.evaluation.errors import MissingAnswers
from services.evaluation.graders.templates import variables

_RULES = """\
Compare the two answers to the question below, and decide which one is better. Judge whether an answer is correct, does
what was asked, and is helpful, complete and no longer than it needs to be. Neither the order of the answers nor their
length may decide."""
_QUESTION = """

[Question]
{{ item.question }}
[End of the question]"""
_REFERENCE = """

[Reference answer, which is correct]
{{ item.reference }}
[End of the reference answer]"""
_ANSWERS = """

[Answer 1]
{{ item.answer_1 }}
[End of answer 1]

[Answer 2]
{{ item.answer_2 }}
[End of answer 2]

Explain your comparison in a few sentences. Then end with one of these three lines, and nothing after it:
VERDICT: 1
VERDICT: 2
VERDICT: TIE"""
PROMPT = _RULES + _QUESTION + _ANSWERS
PROMPT_WITH_REFERENCE = _RULES + _QUESTION + _REFERENCE + _ANSWERS
NAMES = ("question", "reference", "answer_1", "answer_2")
SCHEMA = {"type": "object", "properties": {name: {"type": "string"} for name in NAMES}}


def check_prompt(prompt: str) -> None:
    """Raise InvalidTemplate for a name that rows do not have, and MissingAnswers for a prompt without both answers."""
    found = list(variables(prompt, "prompt"))
    for variable in found:
        variable.check(SCHEMA, with_sample=False, field="prompt")
    needed = ["item.answer_1", "item.answer_2"]
    if missing := [name for name in needed if name not in {variable.text for variable in found}]:
        detail = f"The judge would not see {' and '.join(missing)}."
        raise MissingAnswers(
            detail, field="prompt", limit=needed, remedy="Write {{ item.answer_1 }} and {{ item.answer_2 }}."
        )
