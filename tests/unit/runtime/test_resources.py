"""Which settings open, which are refused and why; and each process's own scratch folder."""

from pathlib import Path

import pytest
import structlog

from shared.runtime.errors import Misconfigured
from shared.runtime.resources import MissingDriver, check, claim_scratch, driver, open_resources
from shared.runtime.settings import Settings, load_settings

DISTRIBUTED = {
    "bus_url": "amqp://broker",
    "documents_url": "mongodb://db/anneal",
    "blobs_url": "s3+https://key:secret@store/anneal",
    "secret": "0123456789abcdef",
}


def test_embedded_and_distributed_settings_are_accepted() -> None:
    check(Settings())
    check(Settings(blobs_url=DISTRIBUTED["blobs_url"]))
    check(Settings(**DISTRIBUTED))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"secret": ""}, "ANNEAL_SECRET"),
        ({"secret": "short"}, "ANNEAL_SECRET"),
        ({"bus_url": ""}, "ANNEAL_BUS_URL"),
        ({"blobs_url": ""}, "ANNEAL_BLOBS_URL"),
        ({"documents_url": "postgres://db"}, "mongodb://"),
        ({"bus_url": "redis://broker"}, "amqp://"),
    ],
)
def test_inconsistent_settings_are_refused_with_a_remedy(change: dict[str, str], remedy: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        check(Settings(**{**DISTRIBUTED, **change}))
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize("variable", ["ANNEAL_SERVICES", "ANNEAL_ROOMS"])
def test_service_addresses_are_read_from_one_variable(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "dataset=http://a:1/, training=http://b:2|http://c:2")
    assert Settings().services == {"dataset": "http://a:1", "training": "http://b:2|http://c:2"}


def test_a_missing_driver_names_the_extra() -> None:
    with pytest.raises(MissingDriver) as caught, driver("amqp"):
        __import__("no_such_driver")
    assert "no_such_driver" in caught.value.detail
    assert caught.value.remedy == 'pip install "anneal[amqp]"'


def test_processes_sharing_a_home_get_separate_scratch_folders(tmp_path: Path) -> None:
    with claim_scratch(tmp_path) as first, claim_scratch(tmp_path) as second:
        assert first != second
        (first / "spool").mkdir()
        (first / "checkouts").mkdir()
    with claim_scratch(tmp_path) as again:
        assert again == first
        assert (again / "checkouts").is_dir()
        assert not (again / "spool").exists()


async def test_embedded_resources_are_a_local_platform(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        assert resources.embedded
        assert resources.scratch == tmp_path / "scratch"
        await resources.documents.ping()


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNEAL_JOB_SLOTS", "none")
    with pytest.raises(Misconfigured, match=r"^ANNEAL_JOB_SLOTS: .*integer"):
        load_settings()


def test_an_unknown_setting_is_named_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNEAL_JOBSLOTS", "3")
    with structlog.testing.capture_logs() as logs:
        load_settings()
    assert [(line["name"], line["did_you_mean"]) for line in logs] == [("ANNEAL_JOBSLOTS", "ANNEAL_JOB_SLOTS")]


async def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be written"):
        async with open_resources(Settings(home=tmp_path / "file" / "home")):
            pass
