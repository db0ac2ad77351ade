"""Calls that schemathesis generates from the OpenAPI document, against the embedded platform over a socket.

ANNEAL_TEST_CALLS sets their number. Every answer must be documented in status, type, headers and body, and below 500;
invalid data must be refused, and so must a request without credential. `positive_data_acceptance` is off: a request may
be valid by the schema and name a dataset that does not exist, for which 404 or 422 is the documented answer.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.conftest import Embedded

CALLS = int(os.environ.get("ANNEAL_TEST_CALLS", "1000"))
OPERATIONS = 90
"""At least as many operations have parameters or a body, and so as many different calls as are asked for."""
ROWS = "\n".join(json.dumps({"prompt": f"Question {number}?", "completion": "Yes."}) for number in range(40))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Embedded]:
    started = Embedded(tmp_path / "home", ANNEAL_WARM_ENGINES="false")
    started.start()
    yield started
    assert started.stop() == 0


def create_resources(platform: Embedded) -> dict[str, str]:
    """Create one resource of most kinds, and return path before the identifier -> identifier."""
    dataset = platform.upload("rows.jsonl", ROWS.encode()).json()["id"]
    job = platform.post("/training/jobs", {"dataset": dataset, "method": "lora", "max_steps": 1})["id"]
    preset = platform.post("/training/presets", {"name": "generated calls", "settings": {}})["id"]
    key = platform.post("/auth/keys", {"name": "generated calls", "scopes": ["infer"]})["id"]
    model = platform.until(f"/training/jobs/{job}", lambda found: found["model_id"] or found["cause"])["model_id"]
    criterion = {"type": "string_check", "name": "same", "operation": "eq", "input": "a", "reference": "{{ item.b }}"}
    config = {"type": "custom", "item_schema": {"type": "object"}}
    made = platform.post("/v1/evals", {"data_source_config": config, "testing_criteria": [criterion]})["id"]
    by_path = {"/datasets/": dataset, "/training/jobs/": job, "/training/presets/": preset, "/auth/keys/": key}
    return {**by_path, "/models/custom/": model, "/v1/models/": model, "/models/base/": "seedling", "/v1/evals/": made}


def test_generated_calls_have_documented_answers(platform: Embedded, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SCHEMATHESIS_HOOKS": "tests.security.generated_ids",
        "ANNEAL_TEST_IDS": json.dumps(create_resources(platform)),
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.http.base_url}/openapi.json"),
        *("--header", f"Authorization: {platform.http.headers['Authorization']}", "--phases", "fuzzing"),
        *("--exclude-checks", "positive_data_acceptance", "--max-examples", str(-(-CALLS // OPERATIONS))),
        *("--continue-on-failure", "--warnings", "off", "--no-color", "--seed", "16"),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    print(done.stdout[done.stdout.rfind("SUMMARY") :])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated
    assert int(generated[1]) >= CALLS
