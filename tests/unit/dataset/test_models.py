"""The entities of datasets, and the statistics of lengths."""

from itertools import pairwise

import pytest
from pydantic import ValidationError

from services.dataset.length_statistics import compute_statistics, histogram, percentile
from services.dataset.models import Dataset, DatasetVersion, Edit, Options, Report, UploadForm, version_of
from services.dataset.views import to_dataset_view
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected
from shared.runtime.errors import InvalidInput
from shared.warnings import ReportedWarning


def dataset() -> Dataset:
    return Dataset(id="ds_1", project="default", name="faq", slot="faq")


def upload() -> DatasetVersion:
    return DatasetVersion(
        id="dsv_1",
        project="default",
        dataset_id="ds_1",
        name="faq",
        fingerprint="f1",
        file_name="faq.csv",
        size=3,
        sha256="00",
        options=Options(),
        upload_key="_incoming/default/up_1/data.csv",
    )


def test_version_depends_on_bytes_format_and_options() -> None:
    same = version_of("00", ".csv", Options())
    assert same == version_of("00", ".csv", Options(seed=0))
    assert (
        len(
            {
                same,
                version_of("01", ".csv", Options()),
                version_of("00", ".txt", Options()),
                version_of("00", ".csv", Options(seed=1)),
                version_of("00", ".csv", Options(encoding="windows-1252")),
            }
        )
        == 5
    )
    assert same == "3cb27e4a05f6e242"  # as before there were encodings: an upload of then is not validated again


def test_ready_version_becomes_current_and_is_announced() -> None:
    subject, version = dataset(), upload()
    subject.add("f1", version.id)
    warning = ReportedWarning(code="duplicates", detail="Rows repeat.", count=3)
    counts = {"rejected": 0, "duplicates": 3, "splits": {"train": 7}, "characters": 9}
    report = Report(rows=7, form="text", layout="text", warnings=[warning], **counts)
    (event,) = subject.publish(version, "anneal://default/datasets/ds_1/f1", report)
    assert event == DatasetReady(
        dataset_id="ds_1",
        version="f1",
        name="faq",
        dataset_uri="anneal://default/datasets/ds_1/f1",
        rows=7,
        warnings=[warning],
    )
    assert subject.current == "f1"


def test_failed_first_version_deletes_the_dataset_and_frees_the_name() -> None:
    subject = dataset()
    subject.add("f1", "dsv_1")
    subject.drop("f1", "dsv_other")
    assert subject.deleted_at is None
    subject.drop("f1", "dsv_1")
    assert subject.deleted_at is not None
    assert subject.slot == "ds_1"
    assert dataset().delete() == [DatasetDeleted(dataset_id="ds_1")]


def test_dataset_state_of_each_job_state() -> None:
    version = upload()
    assert version.dataset_state == "validating"
    version.claim("w")
    events = version.reject("dataset_rejected", "bad rows", {"limit": 1})
    assert list(events or ()) == [DatasetRejected(dataset_id="ds_1", version="f1", name="faq", reason="bad rows")]
    assert version.dataset_state == "rejected"
    edited = upload()
    edited.edit = Edit(kind="exclude", parent="f0")
    assert not edited.reject("dataset_rejected", "no such rows", {})  # the dataset is as it was
    broken = upload()
    broken.reject("out_of_memory", "no memory", {})
    assert broken.dataset_state == "failed"
    done = upload()
    done.claim("w")
    done.state = "publishing"
    assert done.dataset_state == "validating"
    done.make_readable(
        Report(rows=1, rejected=0, duplicates=0, form="text", layout="text", splits={"train": 1}, characters=1)
    )
    assert done.dataset_state == "ready"
    published = dataset()
    published.add("f1", done.id)
    view = to_dataset_view(published, {done.id: done})
    assert (view.state, view.version, view.rows) == ("validating", None, 0)  # not "0 rows, ready"
    done.succeed()
    assert done.dataset_state == "ready"


def test_former_rows_stay_until_an_edit_is_published() -> None:
    subject, parent, edited = dataset(), upload(), upload()
    counts = {"rejected": 0, "duplicates": 0, "form": "text", "layout": "text", "characters": 9}
    reports = [Report(rows=rows, splits={"train": rows}, **counts) for rows in (7, 6)]
    parent.make_readable(reports[0])
    parent.succeed()
    edited.id, edited.fingerprint, edited.edit = "dsv_2", "f2", Edit(kind="deduplicate", parent="f1")
    subject.add("f1", parent.id)
    subject.publish(parent, "anneal://default/datasets/ds_1/f1", reports[0])
    subject.add("f2", edited.id)
    versions = {parent.id: parent, edited.id: edited}

    def shown() -> tuple[str, str | None, int]:
        view = to_dataset_view(subject, versions)
        return view.state, view.version, view.rows

    assert shown() == ("validating", "f1", 7)
    edited.claim("w")
    edited.state = "publishing"
    edited.make_readable(reports[1])
    assert shown() == ("validating", "f1", 7)  # "ready" would end a page's polling with the former rows
    subject.publish(edited, "anneal://default/datasets/ds_1/f2", reports[1])
    assert shown() == ("ready", "f2", 6)
    edited.succeed()
    assert shown() == ("ready", "f2", 6)


@pytest.mark.parametrize("field", ["validation_share", "max_bad_share", "seed"])
def test_form_fields_have_limits(field: str) -> None:
    with pytest.raises(ValidationError):
        UploadForm.model_validate({field: "-1"})
    with pytest.raises(ValidationError):
        UploadForm.model_validate({"colour": "red"})


def test_mapping_may_name_only_what_differs() -> None:
    assert UploadForm.model_validate({"mapping": '{"system": "rules"}'}).options().mapping == {"system": "rules"}


@pytest.mark.parametrize("mapping", ['{"colour": "a"}', '{"prompt": "a", "text": "b"}'])
def test_mapping_without_a_layout_is_refused(mapping: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        UploadForm.model_validate({"mapping": mapping}).options()
    assert refused.value.field == "mapping"
    assert "prompt + completion" in (refused.value.remedy or "")


@pytest.mark.parametrize("mapping", ["prompt=question", '{"prompt": 3}', "[]"])
def test_mapping_that_is_no_object_is_refused_with_an_example(mapping: str) -> None:
    with pytest.raises(ValidationError, match=r'a JSON object is expected, such as {"prompt"'):
        UploadForm.model_validate({"mapping": mapping})


def test_percentiles_are_nearest_ranks() -> None:
    lengths = [(n, 1) for n in range(1, 101)]
    assert [percentile(lengths, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert percentile([], 0.5) == 0


def test_histogram_counts_every_row_once() -> None:
    buckets = histogram([(0, 1), (10, 2), (1_000, 3)])
    assert sum(bucket.rows for bucket in buckets) == 6
    assert buckets[0].start == 0
    assert buckets[-1].end > 1_000
    assert all(one.end == other.start for one, other in pairwise(buckets))


def test_statistics_of_any_limit_come_from_the_same_counts() -> None:
    samples = [[10, 4, 6, 2], [100, 50, 50, 1], [700, 10, 690, 1]]
    splits = {
        "train": {"rows": 300, "counted": 3, "samples": samples[:2]},
        "test": {"rows": 1, "counted": 1, "samples": samples[2:]},
    }
    counts = {"rows": 4, "counted": 4, "refused": 0, "samples": samples, "splits": splits}
    default = compute_statistics(counts, "f1", "tiny", None, 512)
    assert (default.suggested_max_length, default.max_length, default.cut, default.untrained) == (512, 512, 1, 1)
    budget = [(part.split, part.rows, part.tokens, part.trained_tokens) for part in default.splits]
    assert budget == [("train", 300, 12_000, 5_800), ("test", 1, 700, 10)]
    tight = compute_statistics(counts, "f1", "tiny", 50, None)
    assert (tight.suggested_max_length, tight.cut, tight.untrained) == (704, 2, 2)
    assert (tight.tokens, tight.trained_tokens, tight.p50, tight.max) == (820, 68, 10, 700)
