"""Arrow arrays from buffers and back, without pandas.

pyarrow's own `array`, `scalar` and `to_numpy` import pandas wherever it is installed, to check whether their argument
is a pandas object. That costs 37 MB and half a second in an engine that has no other use for pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def binary_array(values: Sequence[bytes], kind: Any = None) -> Any:
    """A binary array, or with `kind=pa.string()` a string array of values that are UTF-8."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.Array.from_buffers(
        kind or pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    )


def integer_array(values: np.ndarray) -> Any:
    """A numpy array as an Arrow array of the same type; shares its memory if that is contiguous."""
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def to_numpy(array: Any) -> np.ndarray:
    """An Arrow array without nulls as a numpy array that shares its memory."""
    return np.from_dlpack(array)
