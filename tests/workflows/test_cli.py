"""The command line on a running platform: resources by name, lists, deletion, and profiles of other platforms."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anneal import Client, profiles
from cli.main import cli
from tests.workflows.conftest import Embedded, Platform

ROWS = "".join(f'{{"prompt": "{n}", "completion": "{n + 1}"}}\n' for n in range(40)).encode()
Run = Callable[..., str]
LM_EVAL = Path(__file__).parents[1] / "support" / "lm_eval"


@pytest.fixture
def run(embedded: Embedded) -> Run:
    """Run a command and return what it printed, or the message of its error."""

    def invoke(*command: str, exit_code: int = 0, environment: dict[str, str | None] | None = None) -> str:
        env = environment or {"ANNEAL_HOME": str(embedded.home), "COLUMNS": "80"}
        result = CliRunner().invoke(cli, command, env=env)
        assert result.exit_code == exit_code, (result.output, result.exception)
        return result.output + (str(result.exception) if result.exception else "")

    return invoke


def test_resources_are_named_by_id_by_its_beginning_or_by_a_unique_name(embedded: Embedded, run: Run) -> None:
    first, second = (embedded.upload("rows.jsonl", ROWS, name=name).json()["id"] for name in ("names-a", "names-b"))
    for given in (first, first[:12], first.partition("_")[2][:8], "names-a"):
        assert f"{first}@" in run("datasets", "show", given)
    kind = first.partition("_")[0]
    refused = run("datasets", "show", kind, exit_code=1)
    assert first in refused
    assert second in refused
    assert "names-c" in run("datasets", "show", "names-c", exit_code=1)
    assert {first, second} <= {*run("datasets", "-q").split()}
    listed = run("datasets", "list", "--limit", "2").splitlines()
    assert [line.split()[0] for line in listed[1:3]] == [second, first]
    for name in ("names-a", "names-b"):
        run("datasets", "delete", name, "--yes")


def test_rows_are_searched_in_every_split_and_versions_named_by_their_beginning(embedded: Embedded, run: Run) -> None:
    rows = b"".join(b'{"prompt": "%d", "completion": "%s"}\n' % (n, b"odd" if n % 2 else b"even") for n in range(40))
    first = embedded.upload("rows.jsonl", rows, name="searched", seed="3").json()["version"]
    assert "0 rows match: 0 in train, 0 in validation." in run("datasets", "preview", "searched", "--search", "nosuch")
    found = run("datasets", "preview", "searched", "--search", "odd", "--limit", "40")
    assert (found.count('"odd"'), "20 rows match:" in found) == (20, True)
    run("datasets", "exclude", "searched", "--search", "odd", "--version", first[:6])
    shown = run("datasets", "show", "searched")
    assert f"exclude of {first}" in " ".join(shown.split())
    assert "uploaded rows" in shown
    assert run("datasets", "diff", "searched", first[:6]).startswith("0 added, 20 removed")
    refused = run("datasets", "diff", "searched", "z" * 16, exit_code=1)
    assert ("{" in refused, "anneal datasets show" in refused) == (False, True)
    run("datasets", "delete", "searched", "--yes")


def test_deletion_shows_what_was_made_and_asks(embedded: Embedded, run: Run) -> None:
    dataset = embedded.upload("rows.jsonl", ROWS, name="asks").json()["id"]
    job = json.loads(run("train", "asks", "--steps", "1000", "--name", "asking", "--json"))
    assert job["dataset_id"] == dataset
    assert f"{job['id']}: cancel" in run("jobs", "cancel", "asking")
    embedded.until(f"/training/jobs/{job['id']}", lambda found: found["state"] == "cancelled")
    assert run("jobs", "tag", "asking", "asked", "old") == f"{job['id']}: asked, old\n"
    assert run("jobs", "tag", "asking", "--remove", "old") == f"{job['id']}: asked\n"
    assert run("jobs", "-q", "--tag", "asked") == f"{job['id']}\n"
    assert run("jobs", "archive", "asking") == f"{job['id']}: archived\n"
    assert (job["id"] in run("jobs", "-q"), job["id"] in run("jobs", "-q", "--archived")) == (False, True)
    embedded.until("/lineage", lambda found: len(found["nodes"]) > 1, id=dataset)
    refused = run("datasets", "delete", "asks", exit_code=1)
    assert f"used by job {job['id']}" in refused
    assert "add --yes" in refused
    assert dataset in run("datasets", "-q")
    assert run("datasets", "delete", "asks", "--yes") == f"deleted {dataset}\n"


def test_keys_and_presets(embedded: Embedded, run: Run) -> None:
    made = json.loads(run("keys", "create", "from-cli", "--scope", "read", "--days", "2", "--json"))
    session = Platform(str(embedded.http.base_url), made["key"]).get("/auth/session")
    assert (session["subject"], session["scopes"]) == (made["id"], ["read"])
    assert "from-cli" in run("keys")
    run("keys", "delete", "from-cli", "--yes")
    assert "revoked at" in run("keys", "show", made["id"])
    preset = embedded.post("/training/presets", {"name": "short", "settings": {"max_steps": 3}})["id"]
    assert "max_steps 3" in run("presets", "show", "short")
    assert preset in run("presets", "-q")
    assert run("presets", "delete", "short", "--yes") == f"deleted {preset}\n"


def test_results_of_lm_eval_become_evaluations(embedded: Embedded, run: Run) -> None:
    first, again = (json.loads(run("import", "lm-eval", str(LM_EVAL / "base"), "--json")) for _ in range(2))
    assert first == again
    assert [problem["subject"] for problem in first["not_imported"]] == ["group shop"]
    by_task = {made["imported"]["task"]: made["id"] for made in first["evaluations"]}
    words = by_task["shop_words"]
    assert by_task.keys() == {"shop_answer", "shop_choice", "shop_words"}
    assert {*by_task.values()} <= {*run("evaluations", "-q").split()}
    (results,), (samples,) = ((LM_EVAL / "base").glob(name) for name in ("results_*", "samples_shop_words_*"))
    client = Client(str(embedded.http.base_url), (embedded.home / "api-key").read_text().strip())
    assert client.import_evaluation(results, samples, model="seedling", task="shop_words")["id"] == words
    assert run("import", "lm-eval", str(LM_EVAL / "base")).count("shop_choice: Only 6 rows") == 1
    assert run("evaluations").splitlines()[0].split() == ["id", "model", "score", "imported", "rows"]
    assert "seedling  acc 0." in run("evaluations")
    shown = run("evaluations", "show", words)
    assert "shop_words (version 1.0, 0-shot), by lm-eval 0.4.13" in shown
    assert "e+06 to" in shown
    assert "use --model" in run("import", "lm-eval", str(LM_EVAL / "tuned"), exit_code=1)
    run("import", "lm-eval", str(LM_EVAL / "tuned"), "--model", "seedling", "--task", "shop_words")
    other = run("evaluations", "-q").split()[0]
    assert "significantly better" in run("compare", words, other)
    assert "by --task: shop_answer, shop_choice, shop_words." in run("compare", "seedling", words, exit_code=1)
    assert "task is 'shop_choice'" in run("compare", words, by_task["shop_choice"], exit_code=1)
    run("import", "lm-eval", str(LM_EVAL / "tuned"), "--model", "seedling", "--task", "shop_choice")
    choices = [by_task["shop_choice"], run("evaluations", "-q").split()[0]]
    judged = run("compare", *choices, "--judge", "seedling")  # equal answers are ties, about which it is not asked
    judgement = run("judgements", "-q").split()[0]
    assert judgement in judged
    assert "seedling" in run("judgements")
    assert "0 wins, 0 losses, 6 ties" in run("judgements", "show", judgement[:16])
    assert "has already succeeded" in run("judgements", "cancel", judgement, exit_code=1)
    embedded.until("/lineage", lambda found: found["nodes"], id=words)
    assert "evaluated: base_model/seedling" in run("lineage", words)


def test_login_keeps_a_key_that_works(
    embedded: Embedded, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "FILE", tmp_path / "anneal" / "profiles.json")
    for name in ("ANNEAL_URL", "ANNEAL_API_KEY"):
        monkeypatch.setenv(name, "")  # what --url and --key set ends with this test
    url, key = str(embedded.http.base_url).rstrip("/"), (embedded.home / "api-key").read_text().strip()
    elsewhere: dict[str, str | None] = {"KEY": "wrong", "ANNEAL_HOME": None, "HOME": str(tmp_path)}
    run("login", url, "--key-env", "KEY", environment=elsewhere, exit_code=1)
    assert not profiles.FILE.exists()
    elsewhere["KEY"] = key
    assert f"default: {url}" in run("login", url, "--key-env", "KEY", environment=elsewhere)
    assert stat.S_IMODE(profiles.FILE.stat().st_mode) == 0o600
    assert url in run("status", environment=elsewhere)
    assert "no profile 'other'" in run("--profile", "other", "status", environment=elsewhere, exit_code=1)
    assert "no API key for https://other.example.org" in run(
        "--url", "https://other.example.org", "status", environment=elsewhere, exit_code=1
    )
    monkeypatch.setenv("ANNEAL_URL", "")
    run("logout", environment=elsewhere)
    assert "No platform is running" in run("status", environment=elsewhere, exit_code=1)
