"""Arrow arrays made from buffers, and read as such.

pyarrow's own `array`, `scalar` and `to_numpy` import pandas wherever it is installed, to ask whether they were given
any of it: 37 MB and half a second, in an engine that has no other use for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def binary(values: Sequence[bytes], kind: Any = None) -> Any:
    """An array of them; `kind` may be `pa.string()` for what is UTF-8."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.Array.from_buffers(
        kind or pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    )


def integers(values: np.ndarray) -> Any:
    """The same memory as an array of its type."""
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def numbers(array: Any) -> np.ndarray:
    """The same memory as numpy's; there must be no null in it."""
    return np.from_dlpack(array)
