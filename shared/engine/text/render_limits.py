"""Limits of a chat template while it compiles and renders: CPU time, memory, and the size of products.

A template is a program of whoever made the model. It runs in the engine that serves everybody, so that an endless loop
or a text of gigabytes in it would stop them all. The sandbox keeps it from the machine, but not from its resources.
"""

from __future__ import annotations

import operator
import re
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

CPU_S, COMPILE_CPU_S = 2.0, 5.0
"""Seconds of CPU time, so that a machine that does other work refuses nothing that a quiet one renders."""
MEMORY = 256 << 20
"""Bytes of address space beyond those of the process."""
MAX_REPEATED = 16 << 20
"""Length of a repeated text or list."""
MAX_BITS = 1 << 16
"""Bits of a product or power: Python multiplies whole numbers in one step, which no signal interrupts."""


CHANCE = frozenset(("random", "lipsum"))
"""Jinja's filter and function whose text is random."""
_WIDE = re.compile(r"%[^a-zA-Z%]*(\d{5}|\*)")


class LimitReached(BaseException):
    """A template used up its CPU time or memory. Not an Exception: Jinja's compiler ignores those of constants."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Limit the block; raises LimitReached. CPU time only in the main thread, which alone receives signals.

    Not for several threads at a time: the limit of memory is the process's.
    """
    timed = threading.current_thread() is threading.main_thread()
    if timed and signal.getsignal(signal.SIGVTALRM) is not _stop:
        signal.signal(signal.SIGVTALRM, _stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if (used := _address_space()) and soft == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    try:
        if timed:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds / 10)
        yield
    except MemoryError as error:
        raise LimitReached(f"it needs more than {MEMORY:,} bytes of memory") from error
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def limit_products(environment: SandboxedEnvironment) -> SandboxedEnvironment:
    """Let `*`, `**` and `%` in templates of this environment refuse huge results, also in constants.

    What gives another text at each rendering is taken away: random choices, and sets, which have no order. A model
    would be served with other prompts than it was trained on.
    """
    own = {"*": _multiply, "**": _raise_to_power, "%": _format, "-": _subtract}
    environment.filters = {name: filter for name, filter in environment.filters.items() if name not in CHANCE}
    environment.globals = {name: value for name, value in environment.globals.items() if name not in CHANCE}
    environment.intercepted_binops, environment.binop_table = frozenset(own), {**environment.binop_table, **own}
    return environment


def _multiply(left: Any, right: Any) -> Any:
    for value, times in ((left, right), (right, left)):
        if isinstance(times, int) and isinstance(value, str | bytes | list | tuple):
            _refuse_beyond(len(value) * times, MAX_REPEATED)
    if isinstance(left, int) and isinstance(right, int):
        _refuse_beyond(left.bit_length() + right.bit_length(), MAX_BITS)
    return operator.mul(left, right)


def _raise_to_power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        _refuse_beyond(base.bit_length() * exponent, MAX_BITS)
    return operator.pow(base, exponent)


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(result := operator.sub(left, right), set):
        raise SecurityError("a set has no order, so that each rendering would differ")
    return result


def _format(left: Any, right: Any) -> Any:
    if isinstance(left, str) and _WIDE.search(left):
        raise SecurityError("a format is too wide")
    return operator.mod(left, right)


def _refuse_beyond(size: int, limit: int) -> None:
    if size > limit:
        raise SecurityError(f"a product is too large: {size} instead of at most {limit}")


def _stop(number: int, frame: FrameType | None) -> None:
    raise LimitReached("it computes for too long")


def _address_space() -> int:
    """Bytes of this process's address space; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
