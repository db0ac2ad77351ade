"""What tenants read of an engine's errors and logs names no folder of the server."""

from pathlib import Path

import pytest

from shared.runtime.processes.server_paths import for_tenants, without_folders


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("OSError: /tmp/work/job_1/model.safetensors is cut", "OSError: model.safetensors is cut"),
        ("[Errno 2] No such file or directory: '/usr/lib/x/y.json'", "[Errno 2] No such file or directory: 'y.json'"),
        ('  File "/usr/lib/python3/site.py", line 3, in f', '  File "site.py", line 3, in f'),
        (f"{Path.home()}/.anneal/blobs/a: gone", "a: gone"),
        ("GET /models/base lists them; see https://example.org/usr/x", None),
        ("a/usr/b, 1/2, s3://bucket/tmp/x", None),
    ],
)
def test_folders_are_left_out(text: str, shown: str | None) -> None:
    assert without_folders(text) == (shown or text)


def test_only_texts_that_are_shown_change() -> None:
    failed = {"kind": "failed", "code": "x", "detail": "no /tmp/a/b", "limit": 3}
    assert for_tenants(failed) == {**failed, "detail": "no b"}
    result = {"kind": "result", "path": "/tmp/a/b"}
    assert for_tenants(result) == result
