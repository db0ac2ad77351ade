"""The preview of an upload reads what its validation reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.dataset.engine.previews.upload import main
from services.dataset.models import Options
from shared.engine.process.protocol import EngineError
from tests.unit.dataset.test_validate import SilentReporter, validate

GERMAN = "Frage;Antwort\nWas ist süß?;Zucker, und Honig.\nWer?;Jürgen\n"


def preview(folder: Path, name: str, content: bytes, complete: bool = True, **options: Any) -> dict[str, Any]:
    """Run the engine on the beginning of a file."""
    (folder / "preview").mkdir()
    (folder / "head").write_bytes(content)
    given = {"encoding": None, **options}
    spec = {"path": str(folder / "head"), "name": name, "out": str(folder / "preview"), "complete": complete}
    spec["options"] = Options().model_dump() | given
    return main(spec, SilentReporter(-1), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("latin-1", "windows-1252"), ("utf-16", "utf-16")],
)
def test_delimiter_and_encoding_are_named_and_the_upload_reads_the_same(
    tmp_path: Path, encoding: str, named: str
) -> None:
    content, mapping = GERMAN.encode(encoding), {"prompt": "Frage", "completion": "Antwort"}
    seen = preview(tmp_path, "faq.csv", content, mapping=mapping)
    assert (seen["encoding"], seen["delimiter"], seen["problem"]) == (named, ";", None)
    assert seen["columns"] == ["Frage", "Antwort"]
    assert seen["rows"][0]["raw"] == {"Frage": "Was ist süß?", "Antwort": "Zucker, und Honig."}
    messages = seen["rows"][1]["row"]["messages"]
    assert [message["content"] for message in messages] == ["Wer?", "Jürgen"]
    report = validate(tmp_path, "faq.csv", content, mapping=mapping, encoding=named)["report"]
    assert {**seen["report"], "splits": report["splits"]} == report


def test_unknown_columns_are_a_problem_with_raw_rows_and_suggestions(tmp_path: Path) -> None:
    seen = preview(tmp_path, "tickets.csv", b"id,user_query,agent_reply\n1,a,b\n")
    assert (seen["problem"]["code"], seen["layout"], seen["report"]) == ("layout_not_recognised", None, None)
    assert seen["rows"] == [
        {
            "source": "tickets.csv:2",
            "raw": {"id": "1", "user_query": "a", "agent_reply": "b"},
            "row": None,
            "reason": None,
            "shortened": False,
        }
    ]
    suggested = {item["layout"]: item["mapping"] for item in seen["suggestions"]}
    assert suggested["prompt/completion"] == {"prompt": "user_query", "completion": "agent_reply"}


@pytest.mark.parametrize("name", ["cut.jsonl", "cut.json", "cut.csv"])
def test_the_cut_row_of_a_beginning_is_not_read(tmp_path: Path, name: str) -> None:
    rows = [{"prompt": f"q{n}", "completion": f'a"{n}'} for n in range(50)]
    whole = {
        "cut.jsonl": "\n".join(map(json.dumps, rows)),
        "cut.json": json.dumps(rows),
        "cut.csv": "prompt,completion\n" + "\n".join(f'q{n},"a""\n{n}"' for n in range(50)),
    }[name]
    seen = preview(tmp_path, name, whole.encode()[:-3], complete=False)
    assert (seen["problem"], seen["report"]["rows"], seen["report"]["rejected"]) == (None, 49, 0)
    assert len(seen["rows"]) == 20


@pytest.mark.parametrize("name", ["cut.jsonl", "cut.csv"])
def test_a_beginning_without_a_whole_row_is_no_verdict(tmp_path: Path, name: str) -> None:
    start = {"cut.jsonl": b'{"prompt": "a", "completion": "', "cut.csv": b'prompt,completion\na,"'}[name]
    seen = preview(tmp_path, name, start + b"x\\n" * 99, complete=False)
    assert (seen["problem"]["code"], seen["rows"]) == ("first_row_cut", [])


def test_rejected_rows_have_their_reason(tmp_path: Path) -> None:
    seen = preview(tmp_path, "bad.jsonl", b'{"prompt": "a", "completion": "b"}\nnot json\n{"completion": "x"}\n')
    assert seen["problem"]["code"] == "dataset_rejected"
    reasons = [row["reason"] for row in seen["rows"]]
    assert reasons[0] is None
    assert "not JSON" in reasons[1]
    assert "prompt" in reasons[2]
    assert seen["rows"][1]["raw"] == "not json\n"


def test_utf8_under_another_name_is_refused(tmp_path: Path) -> None:
    seen = preview(tmp_path, "a.txt", "süß\n".encode(), encoding="windows-1252")
    assert (seen["problem"]["field"], seen["problem"]["code"]) == ("encoding", "file_unreadable")


def test_utf8_is_refused_wherever_its_first_letter_is(tmp_path: Path) -> None:
    ascii_lines = '{"text": "plain"}\n' * 5_000
    with pytest.raises(EngineError, match=r"a\.jsonl is UTF-8, not windows-1252"):
        validate(tmp_path, "a.jsonl", f'{ascii_lines}{{"text": "süß"}}\n'.encode(), encoding="windows-1252")
    (tmp_path / "latin").mkdir()
    at_the_end = ("plain\n" * 5_000 + "caf\xe9").encode("latin-1")  # the last byte could begin a letter of UTF-8
    report = validate(tmp_path / "latin", "a.txt", at_the_end, encoding="windows-1252")["report"]
    assert (report["rows"], report["rejected"]) == (5_001, 0)


def test_a_byte_without_meaning_rejects_its_row_alone(tmp_path: Path) -> None:
    content = b'{"text": "s\xfc\xdf"}\n{"text": "\x81"}\n'
    seen = preview(tmp_path, "a.jsonl", content, max_bad_share=0.5)
    assert seen["rows"][0]["row"] == {"text": "süß"}
    assert "invalid UTF-8: byte 0x81" in seen["rows"][1]["reason"]


def test_long_texts_are_shown_shortened(tmp_path: Path) -> None:
    deep = json.loads("[" * 900 + "]" * 900)
    rows = [{"prompt": "a", "completion": "b" * 9_000_000}]
    rows += [{"prompt": "a", "completion": "b", "n": n} for n in (list(range(9_000)), deep)]
    seen = preview(
        tmp_path, "long.jsonl", "\n".join(map(json.dumps, [*rows, {"prompt": "c", "completion": "d"}])).encode()
    )
    assert len(json.dumps(seen["rows"])) < 20_000
    assert seen["rows"][0]["raw"]["completion"] == "b" * 2_000 + "…"
    assert [row["shortened"] for row in seen["rows"]] == [True, True, True, False]
