"""Which files of a hub repository are imported, and why a repository is refused; nothing outside it is opened."""

import socket
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from services.dataset.engine.download_dataset import CARD, choose_splits, resolve, unused_files
from shared.engine.hub import without_network
from shared.engine.process.protocol import EngineError

SPEC = {"hub_id": "lake/rivers", "config": None, "split": None}


def resolved(folder: Path, card: str | bytes, *names: str, **spec: Any) -> tuple[str, dict[str, list[str]]]:
    (folder / CARD).write_bytes(card.encode() if isinstance(card, str) else card)
    config, splits, _ = resolve(SPEC | spec, dict.fromkeys((CARD, *names), 1), folder / CARD, folder / "names")
    return config, choose_splits(SPEC | spec, splits)


def configs(fields: str) -> str:
    return f"---\nconfigs:\n- config_name: default\n  {fields}\n---\nText"


@pytest.mark.parametrize(
    "pattern",
    [
        "http://127.0.0.1:9/a.jsonl",
        "HF://datasets/lake/other/a.jsonl",
        "file:/etc/passwd",
        "/etc/passwd",
        "../../a.jsonl",
        "a/../../b.jsonl",
        "~/a.jsonl",
        "'zip://*.jsonl::http://127.0.0.1:9/a.zip'",
        "'*::http://127.0.0.1:9/a.jsonl'",
        "[train.jsonl, http://127.0.0.1:9/a.jsonl]",
        "[{split: train, path: /etc/passwd}]",
        "[{split: train, path: [train.jsonl, ../a.jsonl]}]",
    ],
)
@pytest.mark.parametrize("field", ["data_files", "data_dir"])
def test_card_that_names_files_elsewhere_is_refused(tmp_path: Path, field: str, pattern: str) -> None:
    with pytest.raises(EngineError) as refused:
        resolved(tmp_path, configs(f"{field}: {pattern}"), "train.jsonl")
    plain = not pattern.startswith("[")
    assert refused.value.code == ("source_refused" if plain or field == "data_files" else "unreadable_card")
    assert f"configs[0].{field}" in refused.value.detail
    assert refused.value.fields["remedy"]


@pytest.mark.parametrize(
    ("card", "code", "named"),
    [
        ("---\nconfigs: [\n---\n", "unreadable_card", "YAML"),
        ("---\n- configs\n---\n", "unreadable_card", "metadata"),
        (b"---\nconfigs: \xff\n---\n", "unreadable_card", "metadata"),
        ("---\nconfigs: {a: b}\n---\n", "unreadable_card", "configs"),
        ("---\nconfigs:\n- data_files: a\n---\n", "unreadable_card", "config_name"),
        (configs("data_files: {train: a.jsonl}"), "unreadable_card", "list of patterns"),
        (configs("data_files: [{split: a-b, path: a.jsonl}]"), "unreadable_card", "'a-b'"),
        (configs("data_files: [{split: a, path: a.jsonl}, {split: a, path: a.jsonl}]"), "no_data_files", "'a'"),
        (configs("data_files: gone.jsonl"), "no_data_files", "'gone.jsonl'"),
        (configs("data_files: gone/*.jsonl"), "no_data_files", "configs"),
        (configs("data_files: b.zip"), "no_data_files", "'b.zip'"),
    ],
)
def test_card_that_cannot_be_used_is_explained(tmp_path: Path, card: str | bytes, code: str, named: str) -> None:
    with pytest.raises(EngineError) as refused:
        resolved(tmp_path, card, "a.jsonl", "b.zip")
    assert (refused.value.code, named in refused.value.detail) == (code, True), refused.value.detail
    assert CARD in refused.value.detail
    assert str(tmp_path) not in refused.value.detail
    assert refused.value.fields["remedy"]


@pytest.mark.parametrize("names", [("a.zip",), (), ("train.jsonl", "a::http"), ("train.jsonl", "test.csv")])
def test_repository_that_cannot_be_used_is_explained(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(EngineError) as refused:
        resolved(tmp_path, "", *names)
    assert (refused.value.code, bool(refused.value.fields["remedy"])) == ("no_data_files", True)


@pytest.mark.parametrize("name", ["names.py", "dataset_infos.json", ".huggingface.yaml", "b.zip"])
def test_file_without_rows_does_not_matter(tmp_path: Path, name: str) -> None:
    assert resolved(tmp_path, "", "train.jsonl", name) == ("default", {"train": ["train.jsonl"]})


def test_card_is_used(tmp_path: Path) -> None:
    card = configs(
        "data_dir: sub\n  data_files: [{split: dev, path: ['a*.jsonl']}]\n- config_name: 2024\n  data_dir: new"
    )
    names = ("sub/a1.jsonl", "a2.jsonl", "new/c.jsonl")
    # The library finds the format by the first configuration's patterns, without its data_dir.
    assert resolved(tmp_path, card, *names, config="default") == ("default", {"dev": ["sub/a1.jsonl"]})
    assert resolved(tmp_path, card, *names, config="2024") == ("2024", {"train": ["new/c.jsonl"]})


def test_features_and_names_of_the_card_do_not_matter(tmp_path: Path) -> None:
    card = "---\ndataset_info:\n  config_name: plain\n  features:\n  - name: a\n    dtype: unheard_of\n---\n"
    assert resolved(tmp_path, card, "train.jsonl")[1] == {"train": ["train.jsonl"]}


def test_file_of_two_splits_is_refused_unless_one_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as refused:
        resolved(tmp_path, "", "train_test.jsonl")
    assert refused.value.code == "unknown_split"
    assert "train_test.jsonl of lake/rivers is in the splits train and test" in refused.value.detail
    assert resolved(tmp_path, "", "train_test.jsonl", split="test")[1] == {"test": ["train_test.jsonl"]}


def test_file_that_two_patterns_match_is_imported_once(tmp_path: Path) -> None:
    card = configs("data_files: ['*.jsonl', 'a.*']")
    assert resolved(tmp_path, card, "a.jsonl", "b.jsonl")[1] == {"train": ["a.jsonl", "b.jsonl"]}


def test_data_files_of_no_split_are_unused() -> None:
    names = ["README.md", "LICENSE.txt", "dataset_infos.json", "lake.png", "train.jsonl", "extra/other.csv", "more.zip"]
    assert unused_files(dict.fromkeys(names, 1), {"train": ["train.jsonl"]}) == ["extra/other.csv", "more.zip"]


def test_no_thread_connects_without_network() -> None:
    errors: list[OSError] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def connect() -> None:
            try:
                socket.create_connection(server.getsockname(), timeout=5).close()
            except OSError as error:
                errors.append(error)

        with without_network():
            connect()
            thread = Thread(target=connect)
            thread.start()
            thread.join()
        assert [type(error) for error in errors] == [PermissionError, PermissionError]
        connect()
        assert len(errors) == 2
