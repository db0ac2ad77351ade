"""Which settings open, which are refused and why; and each process's own scratch folder."""

import os
from pathlib import Path

import pytest
import structlog

from shared.runtime.errors import Misconfigured
from shared.runtime.resources import MissingDriver, check, claim_scratch, driver, open_resources, private_file
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
        ({"hub_endpoint": "notaurl"}, "ANNEAL_HUB_ENDPOINT"),
        ({"hub_endpoint": ""}, "ANNEAL_HUB_ENDPOINT"),
        ({"otlp_endpoint": "xx://"}, "ANNEAL_OTLP_ENDPOINT"),
        ({"otlp_endpoint": "http://host:99999"}, "ANNEAL_OTLP_ENDPOINT"),
        ({"public_url": "anneal.example"}, "ANNEAL_PUBLIC_URL"),
        ({"blobs_public_url": "files.example"}, "ANNEAL_BLOBS_PUBLIC_URL"),
        ({"trusted_proxies": ["10.0.0.0/8", "abc"]}, "ANNEAL_TRUSTED_PROXIES"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "ANNEAL_TRUSTED_PROXIES"),
    ],
)
def test_inconsistent_settings_are_refused_with_a_remedy(change: dict[str, str], remedy: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        check(Settings(**{**DISTRIBUTED, **change}))
    assert remedy in (caught.value.remedy or "")
    assert caught.value.field in (*change, None)


def test_a_short_secret_is_refused_on_a_laptop_too(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="guessed"):
        check(Settings(secret="x"))
    check(Settings(secret="x" * 16, trusted_proxies=["10.1.2.3", "fd00::/8"], otlp_endpoint="http://collector:4318"))


@pytest.mark.parametrize("content", ["", "\n", "short\n"])
def test_an_empty_secret_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(Misconfigured, match="secret has fewer than 16 characters") as caught:
        private_file(tmp_path / "secret", "s" * 64)
    assert "backup" in (caught.value.remedy or "")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_secret_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def recorded(name: str) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *arguments: (calls.append(name), real(*arguments))[1])

    recorded("fsync")
    recorded("link")
    assert private_file(tmp_path / "secret", "s" * 64) == "s" * 64
    assert calls == ["fsync", "link"]


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


@pytest.mark.parametrize(
    ("variable", "value", "form"),
    [
        ("ANNEAL_KEY_LIMITS", "{bad", """ANNEAL_KEY_LIMITS='{"requests_per_minute": 600}'"""),
        ("ANNEAL_IMPORT_HOSTS", "files.intranet", """ANNEAL_IMPORT_HOSTS='["files.intranet", "minio"""),
        ("ANNEAL_OIDC_ROLES", "", "ANNEAL_OIDC_ROLES='{"),
        ("ANNEAL_TRUSTED_PROXIES", "10.0.0.1", "ANNEAL_TRUSTED_PROXIES='["),
        ("ANNEAL_ALLOWED_HOSTS", "a,b", "ANNEAL_ALLOWED_HOSTS='["),
        ("ANNEAL_PROJECT_LIMITS", "1:", "ANNEAL_PROJECT_LIMITS='{"),
    ],
)
def test_a_setting_that_is_not_json_is_named_with_its_form(
    variable: str, value: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=f"^{variable} is not JSON: ") as caught:
        load_settings()
    assert caught.value.field == variable.removeprefix("ANNEAL_").lower()
    assert form in (caught.value.remedy or "")


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
