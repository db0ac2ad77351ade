"""Invalid input: each case returns a 4xx problem with field, limit or remedy, and leaves no partial data."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import cli
from tests.workflows.conftest import Embedded

GOOD = b'{"prompt": "Hello?", "completion": "Hi."}\n' * 3


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.jsonl", content)
    return buffer.getvalue()


UPLOADS = {
    "empty file": ("rows.jsonl", b""),
    "truncated zip": ("rows.zip", zipped(GOOD * 50)[:-40]),
    "broken lines": ("rows.jsonl", GOOD + b'{"prompt": "Hello?"\nnot json\n{"prompt": {"a": 1}, "completion": "x"}\n'),
    "invalid UTF-8": ("rows.jsonl", b'{"prompt": "caf\xe9", "completion": "x"}\n'),
    "unknown extension": ("rows.exe", GOOD),
}


def stored(embedded: Embedded) -> tuple[Any, Any, set[Path]]:
    """Return the datasets, the jobs, and the blobs of datasets. A rejected upload keeps a page, and nothing else."""
    files = {
        file for file in (embedded.home / "blobs/objects").rglob("*") if "datasets" in file.parts and file.is_file()
    }
    datasets = [each for each in embedded.get("/datasets")["items"] if (each["state"], each["rows"]) != ("rejected", 0)]
    return datasets, embedded.get("/training/jobs")["items"], files


def problem(response: Any) -> dict[str, Any]:
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = response.json()
    assert body["code"]
    assert body["detail"]
    assert body.get("remedy"), body
    return body


@pytest.mark.parametrize("case", UPLOADS)
def test_bad_upload_is_refused_and_stores_nothing(embedded: Embedded, case: str) -> None:
    before = stored(embedded)
    problem(embedded.upload(*UPLOADS[case]))
    assert stored(embedded) == before


def test_rejected_rows_are_reported_by_file_and_line(embedded: Embedded) -> None:
    body = problem(embedded.upload(*UPLOADS["broken lines"]))
    assert [row["line"] for row in body["report"]["rejected_rows"]] == [4, 5, 6]


def test_cli_estimate_reports_whether_a_job_fits(embedded: Embedded) -> None:
    dataset = embedded.upload("good.jsonl", GOOD, name="good").json()["id"]
    before = stored(embedded)
    env = {"ANNEAL_HOME": str(embedded.home), "COLUMNS": "200"}
    try:
        small = CliRunner().invoke(cli, ["train", dataset, "--steps", "5", "--estimate"], env=env)
        assert (small.exit_code, "It fits." in small.output) == (0, True), small.output
        assert "activations" in small.output
        huge = ["--steps", "5", "--batch-size", "65536", "--micro-batch-tokens", "4194304", "--rank", "1024"]
        large = CliRunner().invoke(cli, ["train", dataset, *huge, "--estimate"], env=env)
        assert (large.exit_code, "It does not fit." in large.output) == (1, True), large.output
        assert "would fit: micro_batch_tokens" in large.output
        assert stored(embedded) == before
    finally:
        embedded.http.delete(f"/datasets/{dataset}")


def test_cli_errors_include_field_limit_and_remedy(embedded: Embedded, tmp_path: Path) -> None:
    dataset = embedded.upload("good.jsonl", GOOD, name="good").json()["id"]
    env = {"ANNEAL_HOME": str(embedded.home), "COLUMNS": "200"}
    try:
        assert dataset in CliRunner().invoke(cli, ["datasets"], env=env).output
        message = str(CliRunner().invoke(cli, ["train", dataset, "--lr", "-1"], env=env).exception)
        assert "field: learning_rate\n  limit: gt 0.0\n  remedy: Correct learning_rate" in message
        (tmp_path / "rows.exe").write_bytes(GOOD)
        message = str(CliRunner().invoke(cli, ["datasets", "upload", str(tmp_path / "rows.exe")], env=env).exception)
        assert "limit: .txt, .jsonl, .json, .csv, .tsv, .parquet, .arrow" in message
    finally:
        embedded.http.delete(f"/datasets/{dataset}")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"base": "no-such-model"}, "base"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"dataset": "ds_unknown"}, "dataset"),
        ({"learning_rat": 0.1}, "learning_rat"),
        ({"method": "magic"}, "method"),
    ],
)
def test_bad_job_is_refused_with_its_field(embedded: Embedded, settings: dict[str, Any], field: str) -> None:
    dataset = embedded.upload("good.jsonl", GOOD, name="good").json()["id"]
    before = stored(embedded)
    try:
        body = problem(embedded.http.post("/training/jobs", json={"dataset": dataset, **settings}))
        assert body["field"] == field
        assert stored(embedded) == before
    finally:
        embedded.http.delete(f"/datasets/{dataset}")


@pytest.mark.parametrize(
    "path", ["/datasets/x", "/training/jobs/x", "/models/custom/x", "/evaluations/x", "/exports/x", "/nowhere"]
)
def test_unknown_resources_return_404(embedded: Embedded, path: str) -> None:
    response = embedded.http.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_second_platform_on_the_same_directory_does_not_start(embedded: Embedded) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.embedded", "--port", "0"],
        env={"ANNEAL_HOME": str(embedded.home), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "is in use by process" in done.stderr
    assert "ANNEAL_HOME" in done.stderr
