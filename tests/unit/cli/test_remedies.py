"""Remedies of services, as a person at the command line reads them: every command exists."""

import ast
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import cli
from cli.remedies import for_commands


@pytest.mark.parametrize(
    ("remedy", "shown"),
    [
        ("GET /models/custom lists those of the project.", "`anneal models` lists those of the project."),
        ("`GET /training/jobs/{id}/logs` has the rest.", "`anneal logs {id}` has the rest."),
        ("Resume it: POST /training/jobs/job_1/resume.", "Resume it: `anneal jobs resume job_1`."),
        ("Send DELETE /exports/export_1 first.", "Send `anneal exports delete export_1` first."),
        ("POST /v1/files takes it.", "POST /v1/files takes it."),
        (
            "Correct rows and send the request again; /docs lists every field with its limits.",
            "Correct rows; --help lists the options.",
        ),
    ],
)
def test_requests_become_commands(remedy: str, shown: str) -> None:
    assert for_commands(remedy) == shown


def test_no_remedy_has_the_name_of_a_variable_instead_of_its_value() -> None:
    """A placeholder is written <job-id>; braces are those of an f-string whose f was forgotten."""
    services = Path(__file__).parents[3] / "services"
    for path in services.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "remedy":
                value: ast.AST = node.value
            elif isinstance(node, ast.keyword) and node.arg == "remedy":
                value = node.value
            else:
                continue
            texts = [str(part.value) for part in ast.walk(value) if isinstance(part, ast.Constant)]
            assert not [text for text in texts if re.search(r"\{[a-z_]+\}", text)], f"{path}:{value.lineno}"


REQUESTS = """
GET /models/custom/ID, GET /models/base, DELETE /models/custom/ID, POST /models/custom/ID/exports, POST /models/base
POST /models/custom/ID/evaluate, POST /models/custom/ID/reproduce, GET /training/jobs/ID/logs, POST /training/jobs
POST /training/jobs/ID/pause, POST /training/estimate, DELETE /training/presets/ID, GET /training/presets
GET /training/jobs, POST /evaluations/ID/cancel, POST /exports/ID/cancel, DELETE /datasets/ID, DELETE /exports/ID
DELETE /deployments/ID, GET /datasets/ID, GET /evaluations/ID, GET /exports/ID, GET /deployments/ID, GET /datasets
GET /evaluations, GET /exports, GET /deployments, POST /deployments, GET /aliases/ID, GET /aliases, POST /aliases
GET /auth/keys, GET /auth/projects, GET /events/dead, GET /readyz
"""


@pytest.mark.parametrize("request_line", REQUESTS.strip().replace("\n", ", ").split(", "))
def test_every_command_exists(request_line: str) -> None:
    command = for_commands(request_line).strip("`").split()
    assert command[0] == "anneal"
    result = CliRunner().invoke(cli, [*(word for word in command[1:] if word != "ID"), "--help"])
    assert result.exit_code == 0, result.output
