"""The command line finds a base model by its folder, name or id, and never guesses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.client import Client
from cli.demo import find_base
from cli.errors import CommandError
from cli.main import cli
from tests.workflows.conftest import Embedded

SEEDLING = Path(__file__).parents[2] / "services" / "training" / "seedling"


@pytest.fixture(scope="module")
def client(shared_platform: Embedded) -> Client:
    return Client(str(shared_platform.http.base_url), (shared_platform.home / "api-key").read_text().strip())


@pytest.fixture
def folder(client: Client, tmp_path: Path) -> Iterator[Path]:
    """A copy of seedling with a file that is not used, which is a warning."""
    copied = tmp_path / "sprout"
    shutil.copytree(SEEDLING, copied)
    (copied / "pytorch_model.bin").write_bytes(b"never read")
    yield copied
    for added in client.get("/models/base")["items"]:
        client.delete(f"/models/base/{added['id']}")


def test_demo_registers_a_folder_once_and_finds_it_by_name_and_id(client: Client, folder: Path) -> None:
    added = find_base(client, str(folder))
    assert (added["name"], added["state"]) == ("sprout", "succeeded")
    assert {find_base(client, base)["id"] for base in (str(folder), "sprout", added["id"])} == {added["id"]}
    assert find_base(client, "seedling")["id"] == "seedling"


def test_demo_refuses_unknown_and_ambiguous_bases(client: Client, folder: Path) -> None:
    with pytest.raises(CommandError, match="neither a folder nor a base model"):
        find_base(client, str(folder / "absent"))
    with pytest.raises(CommandError, match=r"anneal models add Qwen/Qwen3-0\.6B"):
        find_base(client, "Qwen/Qwen3-0.6B")
    ids = [client.post("/models/base", {"path": str(folder)})["id"] for _ in range(2)]
    with pytest.raises(CommandError) as refused:
        find_base(client, "sprout")
    assert all(id in str(refused.value) for id in ids)


def test_lists_and_details_have_names_and_warnings(client: Client, embedded: Embedded, folder: Path) -> None:
    def run(*command: str) -> str:
        result = CliRunner().invoke(cli, command, env={"ANNEAL_HOME": str(embedded.home), "COLUMNS": "80"})
        assert result.exit_code == 0, result.output
        return result.output

    added = run("models", "add", str(folder))
    assert "sprout (base_" in added
    assert "Warning (pickle" in added
    row = next(line for line in run("models").splitlines() if line.startswith("sprout"))
    assert "ready, 1 warning" in row
    assert "pytorch_model.bin" in run("models", "show", "sprout")
