"""Wrong input by hand: each a 4xx problem that names field, limit or remedy, and nothing half-made stays."""

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
    "broken lines": ("rows.jsonl", GOOD + b'{"prompt": "Hello?"\nnot json\n{"prompt": 1, "completion": "x"}\n'),
    "invalid UTF-8": ("rows.jsonl", b'{"prompt": "caf\xe9", "completion": "x"}\n'),
    "unknown extension": ("rows.exe", GOOD),
}


def kept(laptop: Embedded) -> tuple[Any, Any, set[Path]]:
    """Datasets, jobs, and the files that datasets have."""
    files = {file for file in (laptop.home / "blobs/objects").rglob("*") if "datasets" in file.parts and file.is_file()}
    return laptop.get("/datasets")["items"], laptop.get("/training/jobs")["items"], files


def problem(response: Any) -> dict[str, Any]:
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = response.json()
    assert body["code"]
    assert body["detail"]
    assert body.get("remedy"), body
    return body


@pytest.mark.parametrize("case", UPLOADS)
def test_a_bad_upload_is_refused_and_leaves_nothing(laptop: Embedded, case: str) -> None:
    before = kept(laptop)
    problem(laptop.upload(*UPLOADS[case]))
    assert kept(laptop) == before


def test_a_rejected_row_is_named_by_file_and_line(laptop: Embedded) -> None:
    body = problem(laptop.upload(*UPLOADS["broken lines"]))
    assert [row["line"] for row in body["report"]["rejected_rows"]] == [4, 5, 6]


def test_the_command_line_tells_whether_a_job_fits(laptop: Embedded) -> None:
    dataset = laptop.upload("good.jsonl", GOOD, name="good").json()["id"]
    before = kept(laptop)
    env = {"ANNEAL_HOME": str(laptop.home), "COLUMNS": "200"}
    try:
        small = CliRunner().invoke(cli, ["train", dataset, "--steps", "5", "--estimate"], env=env)
        assert (small.exit_code, "It fits." in small.output) == (0, True), small.output
        assert "activations" in small.output
        huge = ["--steps", "5", "--batch-size", "65536", "--micro-batch-tokens", "4194304", "--rank", "1024"]
        large = CliRunner().invoke(cli, ["train", dataset, *huge, "--estimate"], env=env)
        assert (large.exit_code, "It does not fit." in large.output) == (1, True), large.output
        assert "would fit: micro_batch_tokens" in large.output
        assert kept(laptop) == before
    finally:
        laptop.http.delete(f"/datasets/{dataset}")


def test_the_command_line_names_field_limit_and_remedy(laptop: Embedded, tmp_path: Path) -> None:
    dataset = laptop.upload("good.jsonl", GOOD, name="good").json()["id"]
    env = {"ANNEAL_HOME": str(laptop.home), "COLUMNS": "200"}
    try:
        assert dataset in CliRunner().invoke(cli, ["datasets"], env=env).output
        told = str(CliRunner().invoke(cli, ["train", dataset, "--lr", "-1"], env=env).exception)
        assert "field: learning_rate\n  limit: gt 0.0\n  remedy: Correct learning_rate" in told
        (tmp_path / "rows.exe").write_bytes(GOOD)
        told = str(CliRunner().invoke(cli, ["datasets", "upload", str(tmp_path / "rows.exe")], env=env).exception)
        assert "limit: .txt, .jsonl, .json, .csv, .parquet, .zip\n" in told
    finally:
        laptop.http.delete(f"/datasets/{dataset}")


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
def test_a_bad_job_is_refused_by_field(laptop: Embedded, settings: dict[str, Any], field: str) -> None:
    dataset = laptop.upload("good.jsonl", GOOD, name="good").json()["id"]
    before = kept(laptop)
    try:
        body = problem(laptop.http.post("/training/jobs", json={"dataset": dataset, **settings}))
        assert body["field"] == field
        assert kept(laptop) == before
    finally:
        laptop.http.delete(f"/datasets/{dataset}")


@pytest.mark.parametrize(
    "path", ["/datasets/x", "/training/jobs/x", "/models/custom/x", "/evaluations/x", "/exports/x", "/nowhere"]
)
def test_what_does_not_exist_is_a_404(laptop: Embedded, path: str) -> None:
    response = laptop.http.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_a_second_platform_on_the_same_directory_refuses(laptop: Embedded) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.embedded", "--port", "0"],
        env={"ANNEAL_HOME": str(laptop.home), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "is in use by process" in done.stderr
    assert "ANNEAL_HOME" in done.stderr
