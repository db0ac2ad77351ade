"""Arithmetic on the scores of graders: the `calculate_output` of a multi grader, evaluated without Python's `eval`."""

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping

MAX_LENGTH = 1_000
MAX_NODES = 200
MAX_NUMBER = 1e15
OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
SIGNS: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
ARGUMENTS = {"min": (2, MAX_NODES), "max": (2, MAX_NODES), "log": (1, 2)}
"""Fewest and most arguments; the other functions have one. The second one of log is its base."""
SYNTAX = f"numbers, names of graders, + - * / ^, parentheses, and {', '.join(FUNCTIONS)}"


class FormulaError(Exception):
    """The formula cannot be read, or has no finite value."""


class Formula:
    """A formula over `names`. `^` and `**` are powers. Raises FormulaError for anything but SYNTAX."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        if len(text) > MAX_LENGTH:
            raise FormulaError(f"It is longer than {MAX_LENGTH} characters.")
        try:
            self._root = ast.parse(text.replace("^", "**").strip(), mode="eval").body
            nodes = sum(1 for _ in ast.walk(self._root))
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise FormulaError("It is no arithmetic expression.") from error
        if nodes > MAX_NODES:
            raise FormulaError(f"It has more than {MAX_NODES} parts.")
        self._names = names
        self._check(self._root)

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                parts = [left, right]
            case ast.UnaryOp(op, operand) if type(op) in SIGNS:
                parts = [operand]
            case ast.Call(ast.Name(name), arguments, []) if name in FUNCTIONS:
                fewest, most = ARGUMENTS.get(name, (1, 1))
                if not fewest <= len(arguments) <= most:
                    needed = "one argument" if most == 1 else f"{fewest} arguments or more" if fewest > 1 else "1 or 2"
                    raise FormulaError(f"{name} takes {needed}, not {len(arguments)}.")
                parts = arguments
            case ast.Name(name) if name in self._names:
                parts = []
            case ast.Name(name):
                raise FormulaError(f"There is no grader {name!r}.")
            case ast.Constant(int() | float() as value) if not isinstance(value, bool) and abs(value) < MAX_NUMBER:
                parts = []
            case _:
                raise FormulaError(f"{ast.unparse(node)[:80]!r} is not allowed.")
        for part in parts:
            self._check(part)

    def evaluate(self, scores: Mapping[str, float]) -> float:
        """The value for these scores. Raises FormulaError where there is no finite one."""
        try:
            value = self._value(self._root, scores)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise FormulaError(f"It has no value: {error}.") from error
        if isinstance(value, complex) or not math.isfinite(value):
            raise FormulaError("Its value is not a finite number.")
        return value

    def _value(self, node: ast.expr, scores: Mapping[str, float]) -> float:
        match node:
            case ast.BinOp(left, op, right):
                return OPERATORS[type(op)](self._value(left, scores), self._value(right, scores))
            case ast.UnaryOp(op, operand):
                return SIGNS[type(op)](self._value(operand, scores))
            case ast.Call(ast.Name(name), arguments):
                return float(FUNCTIONS[name](*(self._value(argument, scores) for argument in arguments)))
            case ast.Name(name):
                return float(scores[name])
        assert isinstance(node, ast.Constant)
        return float(node.value)  # type: ignore[arg-type]
