"""Quantizes matrices for the k-quants of GGUF with llama.cpp's own ggml; reads standard input until it is closed.

Run in the environment of requirements/llama-cpp.txt: `python -I ggml.py`. A request is four int64, type of ggml, rows,
columns and bytes of the result, and the float32 weights. The answer is the result.
"""

import ctypes
import struct
import sys

import xllamacpp.xllamacpp as library

HEADER = struct.Struct("<4q")
quantize = ctypes.CDLL(library.__file__).ggml_quantize_chunk
quantize.restype = ctypes.c_size_t
# type, weights, result, first row, rows, columns, importance matrix, scales (which later versions of llama.cpp have)
quantize.argtypes = [
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
    *(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64),
    *(ctypes.c_void_p, ctypes.c_void_p),
]
while header := sys.stdin.buffer.read(HEADER.size):
    kind, rows, columns, size = HEADER.unpack(header)
    weights = sys.stdin.buffer.read(4 * rows * columns)
    result = ctypes.create_string_buffer(size)
    if quantize(kind, weights, result, 0, rows, columns, None, None) != size:
        sys.exit(f"{rows} x {columns} weights in type {kind} do not have {size} bytes")
    sys.stdout.buffer.write(result)
    sys.stdout.buffer.flush()
