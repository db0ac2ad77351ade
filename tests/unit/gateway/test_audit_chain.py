"""The hash chain of the audit log: every change and every gap shows."""

from pathlib import Path

import pytest

from services.gateway.audit.chain import Chain, main, verify
from services.gateway.audit_lines import AuditLine, AuditView, kind_of


def chained(count: int) -> list[AuditView]:
    chain, lines = Chain(), list[AuditView]()
    for number in range(count):
        line = AuditLine(id=f"audit_{number}", project="default", action="POST /datasets/upload")
        chain.seal(line)
        chain.advance(line)
        lines.append(AuditView.model_validate(line.model_dump()))
    return lines


def test_an_untouched_chain_has_no_problems_in_any_order_and_after_json() -> None:
    lines = [AuditView.model_validate_json(line.model_dump_json()) for line in chained(5)]
    assert verify(reversed(lines)) == []


@pytest.mark.parametrize("field", ["subject", "action", "status", "address", "project", "created_at", "previous"])
def test_a_changed_field_shows(field: str) -> None:
    lines = chained(3)
    value = lines[0].created_at if field == "created_at" else 404 if field == "status" else "changed"
    lines[1] = lines[1].model_copy(update={field: value})
    assert "audit_1 was changed" in verify(lines)


def test_a_removed_line_shows() -> None:
    lines = chained(4)
    assert verify([lines[0], *lines[2:]]) == [
        f"lines between audit_0 and audit_2 of {lines[0].writer} are missing",
    ]


def test_a_forged_line_with_a_right_hash_shows_at_the_next_one() -> None:
    lines, forged = chained(3), chained(2)[1]
    lines[1] = forged.model_copy(update={"writer": lines[0].writer})
    assert verify(lines)


def test_the_beginning_may_have_been_removed_by_retention() -> None:
    assert verify(chained(4)[2:]) == []


def test_the_kind_of_a_resource_is_in_its_id() -> None:
    assert kind_of("job_" + "0" * 20) == "job"
    assert kind_of("ds_" + "a" * 20) == "dataset"
    assert kind_of("../../etc/passwd") is None


def test_an_export_is_verified_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    lines = [line.model_dump_json() for line in chained(3)]
    file.write_text("\n".join(lines))
    with pytest.raises(SystemExit) as ended:
        main(str(file))
    assert (ended.value.code, capsys.readouterr().out) == (0, "3 lines are unchanged\n")
    file.write_text("\n".join(lines[::2]))
    with pytest.raises(SystemExit) as ended:
        main(str(file))
    assert ended.value.code == 1
