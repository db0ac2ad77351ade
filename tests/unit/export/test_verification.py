"""The export gate: what its figures are, and what exceeds their limits."""

import math

import pytest

from services.export.engine.prompts import Prompts
from services.export.engine.runtimes import Outputs
from services.export.engine.verification import _kl_divergence, compare

PROMPTS = Prompts([[1], [2]], [[7], []], "two rows")
TUNED = Outputs([[5, 6], [7]], [[{5: -0.1, 9: -3.0}, {6: -0.2, 9: -2.0}], [{7: -0.3, 9: -1.5}]], [-0.5])


def outputs(first: float = -0.1, answers: list[list[int]] | None = None, reference: float = -0.5) -> Outputs:
    return Outputs(answers or [[5, 6], [7]], [[{5: first}, {6: -0.2}], [{7: -0.3}]], [reference])


def test_equal_outputs_are_verified() -> None:
    check = compare(TUNED, outputs(), PROMPTS, "float32", "test")
    assert (check["verdict"], check["agreement"], check["max_difference"]) == ("verified", 1.0, 0.0)
    assert check["perplexity"] == pytest.approx(math.exp(0.5))


@pytest.mark.parametrize(
    ("export", "cause"),
    [
        (outputs(first=-0.2), "max difference"),
        (outputs(first=math.nan), "max difference"),
        (outputs(answers=[[5, 9], [7]]), "agreement"),
        (outputs(reference=-0.7), "perplexity ratio"),
    ],
)
def test_each_figure_can_drift(export: Outputs, cause: str) -> None:
    check = compare(TUNED, export, PROMPTS, "float32", "test")
    assert (check["verdict"], check["passed"]) == ("drifted", False)
    assert any(found.startswith(cause) for found in check["causes"])


@pytest.mark.parametrize(
    ("export", "divergence"),
    [
        ({5: 0.5, 9: 0.25}, 0.0),
        ({5: 0.5}, 0.0),  # the other half is the rest in both
        ({5: 0.25, 9: 0.5}, 0.5 * math.log(2) - 0.25 * math.log(2)),
        ({7: 0.5, 8: 0.4}, 0.514),  # 7 and 8 are at most as likely as 9 in the tuned model, so the rest has a half
    ],
)
def test_divergence_of_the_next_token(export: dict[int, float], divergence: float) -> None:
    expected = {5: math.log(0.5), 9: math.log(0.25)}
    found = {token: math.log(value) for token, value in export.items()}
    assert _kl_divergence(expected, found) == pytest.approx(divergence, abs=1e-4)


def test_steps_after_another_token_are_not_compared() -> None:
    export = Outputs([[9, 8], [7]], [[{5: -0.1}, {8: -50.0}], [{7: -0.3}]], [-0.5])
    check = compare(TUNED, export, PROMPTS, "q8_0", "test")
    assert (check["max_difference"], check["agreement"]) == (0.0, pytest.approx(1 / 3))


def test_few_answers_of_a_quantized_export_may_disagree() -> None:
    few, many = (Prompts([[1]] * count, [[]] * count, "rows") for count in (15, 16))
    tuned, export = (Outputs([[5, token, token]] * 16, [[{5: -0.1}]] * 16, []) for token in (6, 9))
    assert compare(tuned, export, few, "q8_0", "test")["verdict"] == "verified"
    assert compare(tuned, export, many, "q8_0", "test")["causes"] == ["agreement 0.3333 (limit 0.5)"]


def test_answers_that_end_at_once_agree() -> None:
    ends = Outputs([[]], [[{0: -0.01}]], [])
    check = compare(ends, ends, PROMPTS, "float32", "test")
    assert (check["verdict"], check["agreement"]) == ("verified", 1.0)
