"""Mutation tests: changes one operator, number or condition of a module at a time; a unit test should fail.

    python -m tools.mutants [loss optimizer ...] [--limit 60]

cosmic-ray makes the mutants (requirements/mutants.txt). Each runs in a forked child that imports the mutated module in
place of the file, so nothing on disk changes and the libraries are imported once. Not part of CI;
docs/reference/mutants.md has the scores and the reasons of survivors.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

IMPORTED = Path(tempfile.gettempdir()) / f"anneal-mutants-{os.getpid()}"
"""The libraries that the tests import, for the next children to start with."""
ENVIRONMENT = Path(".venv-mutants")
ENGINE, ENGINE_TESTS = "services/training/engine", "tests/unit/training/engine"
TARGETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "loss": (f"{ENGINE}/model/loss.py", (f"{ENGINE_TESTS}/test_loss.py", f"{ENGINE_TESTS}/test_batches.py")),
    "optimizer": (
        f"{ENGINE}/model/optimizer.py",
        tuple(
            f"{ENGINE_TESTS}/test_{name}.py" for name in ("optimizer", "schedule", "batches", "mathematics", "resume")
        ),
    ),
    "stopping": (f"{ENGINE}/loop/stopping.py", (f"{ENGINE_TESTS}/test_stopping.py",)),
    "batches": (f"{ENGINE}/data/batches.py", (f"{ENGINE_TESTS}/test_batches.py", f"{ENGINE_TESTS}/test_packing.py")),
    "packing": (f"{ENGINE}/data/packing.py", (f"{ENGINE_TESTS}/test_packing.py", f"{ENGINE_TESTS}/test_batches.py")),
    "masks": (
        f"{ENGINE}/data/token_store.py",
        (f"{ENGINE_TESTS}/test_token_store.py", f"{ENGINE_TESTS}/test_tokenization.py"),
    ),
    "checkpoint": (
        f"{ENGINE}/loop/checkpoint.py",
        (f"{ENGINE_TESTS}/test_checkpoint.py", f"{ENGINE_TESTS}/test_resume.py"),
    ),
    "evaluation": (
        f"{ENGINE}/loop/evaluation.py",
        (f"{ENGINE_TESTS}/test_train.py", f"{ENGINE_TESTS}/test_mathematics.py"),
    ),
    "preference": (
        f"{ENGINE}/preference/trainer.py",
        (f"{ENGINE_TESTS}/test_mathematics.py", f"{ENGINE_TESTS}/test_dpo.py", f"{ENGINE_TESTS}/test_kto.py"),
    ),
    "fused": (f"{ENGINE}/kernels/cpu_fused.py", (f"{ENGINE_TESTS}/test_cpu_fused.py",)),
    "spec": (
        f"{ENGINE}/spec.py",
        tuple(f"{ENGINE_TESTS}/test_{name}.py" for name in ("spec", "dtype", "schedule")),
    ),
    "defaults": ("services/training/jobs/defaults.py", ("tests/unit/training/test_defaults.py",)),
    "memory": ("services/training/estimates/memory.py", ("tests/unit/training/test_memory_estimate.py",)),
    "feasibility": (
        "services/training/estimates/feasibility.py",
        ("tests/unit/training/test_feasibility.py", "tests/unit/training/test_memory_estimate.py"),
    ),
    "sampling": ("shared/engine/decoding/sampling.py", ("tests/unit/engine/test_generate.py",)),
    "leases": (
        "shared/runtime/jobs/leases.py",
        ("tests/unit/runtime/test_leases.py", "tests/unit/runtime/test_work.py"),
    ),
    "outbox": (
        "shared/runtime/jobs/outbox.py",
        ("tests/unit/runtime/test_outbox.py", "tests/unit/runtime/test_metrics.py"),
    ),
    "retry": ("shared/bus/delivery.py", ("tests/unit/runtime/test_delivery.py",)),
    "bus": ("shared/bus/local.py", ("tests/unit/runtime/test_local_bus.py", "tests/contracts/test_bus.py")),
    "auth": ("services/gateway/auth/credentials.py", ("tests/unit/gateway/test_credentials.py",)),
}
"""By name: the module, and its tests, the fastest first."""
_COMPARISONS = ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is")
_ARITHMETIC = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul", "BitOr_BitAnd")
OPERATORS = (
    *("NumberReplacer", "AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse"),
    *("ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer"),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub", "ZeroIterationForLoop"),
    *(f"ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
    *(f"ReplaceBinaryOperator_{name}" for name in (*_ARITHMETIC, "BitAnd_BitOr")),
)
"""cosmic-ray's, one replacement for each operator: its full set has eleven."""
MIN_TIMEOUT_S, TIMEOUT_FACTOR = 20.0, 4.0


@dataclass(frozen=True)
class Mutant:
    """A module's code with one change, in `line` from `before` to `after`."""

    code: str
    line: int
    before: str
    after: str


def mutants_of(source: str) -> list[Mutant]:
    """All mutants whose meaning differs, in an order that does not depend on their place in the file."""
    mutate_code = importlib.import_module("cosmic_ray.mutating").mutate_code
    get_operator = importlib.import_module("cosmic_ray.plugins").get_operator
    found: dict[str, Mutant] = {}
    for name in OPERATORS:
        operator, occurrence = get_operator(f"core/{name}")(), 0
        while (code := mutate_code(source, operator, occurrence)) is not None:
            occurrence += 1
            with suppress(SyntaxError):  # `not block := read()`
                if _meaning(code) != _meaning(source):
                    found[code] = _describe(source, code)
    return sorted(found.values(), key=lambda mutant: hashlib.sha256(mutant.code.encode()).digest())


def _meaning(code: str) -> str:
    """The syntax tree without what no test should depend on: annotations, keyword-only marks, dataclass options."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            node.args, node.posonlyargs, node.kwonlyargs = node.posonlyargs + node.args + node.kwonlyargs, [], []
            node.defaults, node.kw_defaults = [*node.defaults, *filter(None, node.kw_defaults)], []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dataclass":
            node.keywords = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)


def _describe(source: str, code: str) -> Mutant:
    pairs = enumerate(zip(source.splitlines(), code.splitlines(), strict=False), 1)
    line, (before, after) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
    return Mutant(code, line, before.strip(), after.strip())


class MutantFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from other code than its file's."""

    def __init__(self, path: str, code: str) -> None:
        self._name, self._path, self._code = path.removesuffix(".py").replace("/", "."), path, code

    def find_spec(self, name: str, *_: Any) -> Any:
        """The module's spec; None for any other."""
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, Path(self._path).resolve(), loader=self)

    def create_module(self, _: Any) -> None:
        """As for any module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the code."""
        exec(compile(self._code, self._path, "exec"), module.__dict__)  # noqa: S102  # the mutated code of our own file


def run_tests(path: str, code: str, tests: Sequence[str], timeout_s: float) -> int | None:
    """pytest's exit code over the mutated module, in a forked child; None after `timeout_s`."""
    child = os.fork()
    if child == 0:
        _run_child(path, code, tests)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run_child(path: str, code: str, tests: Sequence[str]) -> NoReturn:
    status = 1
    try:
        os.setsid()
        sink = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(sink, descriptor)
        sys.meta_path.insert(0, MutantFinder(path, code))
        import pytest

        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        IMPORTED.write_text("\n".join(name for name, module in sys.modules.items() if _is_library(module)))
    finally:
        os._exit(status)


def _is_library(module: ModuleType) -> bool:
    return "site-packages" in (getattr(module, "__file__", None) or "")


def test_target(name: str, limit: int) -> str:
    """Run the mutants of a target, print those that survive, and return its row of the report."""
    path, tests = TARGETS[name]
    source = Path(path).read_text()
    started = time.monotonic()
    if (status := run_tests(path, source, tests, timeout_s=600)) != 0:
        sys.exit(f"{name}: the tests fail without a mutant, exit status {status}")
    timeout_s = max(MIN_TIMEOUT_S, TIMEOUT_FACTOR * (time.monotonic() - started))
    for library in IMPORTED.read_text().split():
        with suppress(Exception):
            importlib.import_module(library)
    if run_tests(path, source, tests, timeout_s) != 0:
        sys.exit(f"{name}: the tests fail in a process that starts with their libraries")
    everything = mutants_of(source)
    tried = everything[:limit]
    killed = 0
    for mutant in tried:
        if run_tests(path, mutant.code, tests, timeout_s) != 0:
            killed += 1
        else:
            print(f"    {path}:{mutant.line}: {mutant.before}  ->  {mutant.after}", flush=True)  # noqa: T201
    return f"| {name} | {len(everything)} | {len(tried)} | {killed} | {killed / max(1, len(tried)):.0%} |"


def main() -> None:
    """Run the targets named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(TARGETS))
    parser.add_argument("--limit", type=int, default=60, help="mutants of each module, a fixed sample of all")
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM"):  # threads do not survive a fork
        os.environ[variable] = "1" if variable.startswith("OMP") else "false"
    sys.path.append(str(ENVIRONMENT))  # last: the project's own versions of shared packages come first
    for name in arguments.targets or TARGETS:
        print(test_target(name, arguments.limit), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
