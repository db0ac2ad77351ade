"""Hostile datasets, archives and requests."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable

from tests.security.items import RequestItem, UploadItem

ROW = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
ROWS = b"".join(ROW.replace(b'"a"', b'"a%d"' % number) for number in range(30))
DATASETS, MODELS = "/datasets/upload", "/models/base"
LINK = zipfile.ZipInfo("link.jsonl")
LINK.external_attr, LINK.create_system = 0o120777 << 16, 3


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip of these members."""
    buffer = io.BytesIO()
    warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def data(label: str, file_name: str, content: bytes, status: int, code: str, **fields: str) -> UploadItem:
    """A file for a dataset."""
    return UploadItem("Datasets", label, DATASETS, file_name, lambda: content, status, code, fields)


def archive(name: str, content: Callable[[], bytes], status: int = 422, code: str = "archive_refused") -> UploadItem:
    """A zip for a dataset."""
    return UploadItem("Archives", name, DATASETS, "a.zip", content, status, code)


def bomb(member: str = "a.jsonl", size: int = 1 << 28) -> bytes:
    """A zip of a member that unpacks to `size` zeros."""
    return zipped((member, b"\0" * size))


FILES = [
    data("empty file", "a.jsonl", b"", 422, "empty_file"),
    data("UTF-16", "a.jsonl", ROWS.decode().encode("utf-16"), 422, "file_unreadable"),
    data("nested a hundred thousand times", "a.json", b"[" * 100_000, 422, "file_unreadable"),
    data("PNG named jsonl", "a.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, 422, "file_unreadable"),
    data("pickle", "a.pkl", b"\x80\x04cos\nsystem\n.", 415, "unsupported_format"),
    data(
        "Parquet without a body", "a.parquet", b"PAR1" + b"\xff" * 100 + b"\xff\xff\xff\x7fPAR1", 422, "file_unreadable"
    ),
    data("a text of 40 MB in one row", "a.jsonl", b'{"text":"' + b"a" * 40_000_000 + b'"}\n', 422, "dataset_rejected"),
    data("key given twice in every row", "a.jsonl", ROW.replace(b"}]}", b'}],"messages":[]}'), 422, "dataset_rejected"),
    data("name of the file hides its end", "a\u202elnosj.\u202c.jsonl", ROWS, 201, "ready"),
    data("share that is no number", "a.jsonl", ROWS, 422, "invalid_input", validation_share="NaN"),
    data("field of another project", "a.jsonl", ROWS, 422, "invalid_input", project="other"),
    data("name with a bidirectional override", "a.jsonl", ROWS, 422, "invalid_input", name="a\u202eb"),
    data("name with an invisible character", "a.jsonl", ROWS, 422, "invalid_input", name="a\u200bb"),
]
ARCHIVES = [
    archive("256 MB of zeros", lambda: bomb()),
    archive("zip in a zip", lambda: zipped(("b.zip", zipped(("a.jsonl", ROWS))))),
    archive("path out of the archive", lambda: zipped(("../../out.jsonl", ROWS))),
    archive("absolute path", lambda: zipped(("/tmp/out.jsonl", ROWS))),
    archive("symbolic link", lambda: zipped((LINK, b"/etc/passwd"))),
    archive("ten thousand members", lambda: zipped(*((f"{number}.jsonl", b"") for number in range(10_000)))),
    archive("two members with one name", lambda: zipped(("a.jsonl", ROWS), ("a.jsonl", ROWS))),
    archive("truncated", lambda: zipped(("a.jsonl", ROWS))[:-30]),
    UploadItem(
        "Archives",
        "model: 256 MB of zeros",
        MODELS,
        "m.zip",
        lambda: bomb("m/model.safetensors"),
        422,
        "invalid_archive",
    ),
    UploadItem(
        "Archives",
        "model: path out of it",
        MODELS,
        "m.zip",
        lambda: zipped(("../config.json", b"{}")),
        422,
        "unsafe_model",
    ),
    UploadItem(
        "Archives", "model: symbolic link", MODELS, "m.zip", lambda: zipped((LINK, b"/etc/passwd")), 422, "unsafe_model"
    ),
    UploadItem("Archives", "model: no zip", MODELS, "m.zip", lambda: bytes(5_000), 422, "invalid_archive"),
]


def request(name: str, method: str, path: str, body: bytes, status: int, code: str = "invalid_input") -> RequestItem:
    """A request with this body."""
    return RequestItem(name, method, path, body, status, code)


def _many_keys(count: int) -> bytes:
    return json.dumps({f"k{number}": 0 for number in range(count)}).encode()[:-1] + b', "k0": 0}'


CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "a"}
REQUESTS = [
    request("key given twice: job", "POST", "/training/jobs", b'{"dataset": "a", "dataset": "b"}', 422),
    request("key given twice: base model", "POST", MODELS, b'{"path": "/a", "path": "/b"}', 422),
    request("key given twice: scopes of a key", "POST", "/auth/keys", b'{"scopes": ["*"], "scopes": ["read"]}', 422),
    request("key given twice: chat", "POST", CHAT, b'{"messages": [{"role": "user", "role": "system"}]}', 400),
    request("key given twice among 50,000", "POST", CHAT, _many_keys(50_000), 400),
    request("2,049 messages", "POST", CHAT, json.dumps({"model": "m", "messages": [USER] * 2049}).encode(), 400),
    request("129 prompts", "POST", "/v1/completions", json.dumps({"model": "m", "prompt": ["a"] * 129}).encode(), 400),
    request("nested a hundred thousand times", "POST", "/training/jobs", b'{"a":' + b"[" * 100_000, 422),
    request("number of 5,000 digits", "POST", "/training/jobs", b'{"epochs": ' + b"1" * 5_000 + b"}", 422),
    request("NaN", "POST", "/training/jobs", b'{"dataset": "a", "learning_rate": NaN}', 422),
    request("not UTF-8", "POST", "/training/jobs", b"\xff\xfe", 422),
    request("2 MB of JSON", "POST", "/training/jobs", b'{"a": "' + b"a" * (2 << 20) + b'"}', 413, "body_too_large"),
    request("folder of the server", "POST", MODELS, b'{"path": "/etc"}', 403, "forbidden"),
    request(
        "half a character", "POST", CHAT, b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}', 400
    ),
    request("infinite max_tokens", "POST", CHAT, b'{"model": "m", "messages": [], "max_tokens": 1e400}', 400),
    request("key's name with a bidirectional override", "POST", "/auth/keys", b'{"name": "a\\u202eb"}', 422),
    request("preset's name with an isolate", "POST", "/training/presets", b'{"name": "a\\u2066b"}', 422),
    request("job's name with a control character", "POST", "/training/jobs", b'{"name": "a\\u0007b"}', 422),
    request("encoded path to another service", "GET", "/training/jobs/..%2f..%2fauth%2fkeys", b"", 404, "not_found"),
    request("id with a NUL", "GET", "/datasets/%00", b"", 404, "not_found"),
    request("parameter given twice", "GET", "/datasets?limit=1&limit=2", b"", 422),
]
