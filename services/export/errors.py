"""Coded errors of the export service."""

from typing import ClassVar

from shared.runtime.errors import AnnealError, Conflict


class UnknownModel(AnnealError):
    """No custom model of this project has this id."""

    status = 404
    code = "model_not_found"


class UnknownFile(AnnealError):
    """An export has no file of this name."""

    status = 404
    code = "file_not_found"


class NoAdapter(Conflict):
    """The model was trained in full and has no adapter."""

    code = "model_has_no_adapter"


class NotQuantized(AnnealError):
    """Only GGUF has quantizations."""

    status = 422
    code = "quantization_not_supported"


class QuantizerMissing(AnnealError):
    """llama.cpp, which makes k-quants, is not installed."""

    status = 503
    code = "llama_quantize_missing"


class Drifted(Conflict):
    """The export differs from the tuned model by more than its limits."""

    code = "export_drifted"


class NotBuilt(Conflict):
    """The export failed or was cancelled, and has no files."""

    code = "export_not_built"


class StillRunning(Conflict):
    """The export has not ended."""

    code = "export_running"


class RangeNotSatisfiable(AnnealError):
    """The range starts after the end of the file."""

    status = 416
    code = "range_not_satisfiable"
    headers: ClassVar[dict[str, str]] = {"Accept-Ranges": "bytes"}
