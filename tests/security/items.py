"""Items of the catalogue of hostile input: what is sent, and the status and code that answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelItem:
    """A base model with files replaced. `cause` is the engine's code, `detail` a part of its text; "" if accepted."""

    name: str
    change: Callable[[dict[str, bytes]], Mapping[str, bytes | None]]
    """From the files of a sound model to those that replace them; None removes one."""
    cause: str
    detail: str
    kind: str = "Models"

    @property
    def status(self) -> int:
        """The status of the answer."""
        return 422 if self.cause else 201

    @property
    def code(self) -> str:
        """The code of the answer, with a `cause` that says more; of an accepted one its warning."""
        if self.cause == "unsafe_model":
            return self.cause
        return f"unsafe_model ({self.cause})" if self.cause else self.detail

    def files(self, sound: dict[str, bytes]) -> dict[str, bytes]:
        """The files of the hostile model."""
        changed = {**sound, **self.change(sound)}
        return {name: data for name, data in changed.items() if data is not None}


@dataclass(frozen=True)
class UploadItem:
    """A file for POST `path`; `code` is that of the answer, or the state of what it made."""

    kind: str
    name: str
    path: str
    file_name: str
    content: Callable[[], bytes]
    status: int
    code: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestItem:
    """A request with a body that is sent as it is."""

    name: str
    method: str
    path: str
    body: bytes
    status: int
    code: str
    kind: str = "Requests"
