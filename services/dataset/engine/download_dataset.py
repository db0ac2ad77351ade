"""Downloads the data files of a dataset on the Hugging Face Hub at a user's request; no code of it ever runs.

Which files belong to which configuration and split is decided by the `datasets` library from a folder of empty files
with the repository's names and the checked part of its card, without the network: no row is read by it. The files
themselves go through the same validation as an upload.

The access token comes as the first command ({"op": "token", "token": str | null}), never in the spec or the arguments.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from huggingface_hub import HfApi

from services.dataset.engine.archive import NOT_DATA, reason_to_skip
from services.dataset.engine.dataset_card import CARD, read_card, write_card
from services.dataset.formats import COMPRESSED_EXTENSIONS, DATA_EXTENSIONS, EXTENSIONS, MAX_ARCHIVE_FILES, extension_of
from shared.engine.hub import (
    Source,
    check_disk_space,
    download_file,
    download_files,
    hub_errors,
    hub_network,
    without_network,
)
from shared.engine.process.protocol import Commands, EngineError, Reporter

HUB_TIMEOUT_S = 30.0
FORMATS = (*DATA_EXTENSIONS, *COMPRESSED_EXTENSIONS)
COPIES = 3
"""The download, the zip of several files, and the blob store's copy of it."""
SPLITS = {"train": "train", "test": "test", **dict.fromkeys(("validation", "valid", "val", "dev"), "validation")}
"""The splits that are kept apart, by their name on the hub."""
UNUSED = ("dataset_infos.json", ".huggingface.yaml")
"""Metadata that the library would read besides the card."""
MAX_ERROR_CHARS = 300
CHUNK_BYTES = 1 << 20

Splits = dict[str, list[str]]
"""Data files of a configuration, by split."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"hub_id", "revision", "config", "split": str | null, "endpoint", "allowed_hosts" and
    "outbound_hosts": lists of str, "output": a kept folder, "limit": bytes}.

    Result {path: a data file or a zip, revision, config, splits, unused_files}, or {stopped}. Raises EngineError
    unknown_dataset, unknown_revision, gated_dataset, source_refused, unreadable_card, unknown_config, unknown_split,
    no_data_files, upload_too_large, disk_full, hub_unreachable, address_refused.
    """
    token = commands.get().get("token")
    errors = hub_errors("dataset", spec["hub_id"], spec["endpoint"], with_token=bool(token))
    with hub_network(spec["endpoint"], spec["allowed_hosts"], spec["outbound_hosts"]), errors:
        return download(spec, token, reporter, commands)


def download(spec: dict[str, Any], token: str | None, reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Pin the commit, choose the files, download them, and pack several of them into one zip."""
    hub_id, output = spec["hub_id"], Path(spec["output"])
    api = HfApi(endpoint=spec["endpoint"], token=token or False)
    info = api.dataset_info(hub_id, revision=spec["revision"], files_metadata=True, timeout=HUB_TIMEOUT_S)
    sizes = {sibling.rfilename: int(sibling.size or 0) for sibling in info.siblings or []}
    source = Source("dataset", hub_id, str(info.sha), spec["endpoint"], token)
    files = output / "files"
    if CARD in sizes:
        download_file(source, CARD, files)
    config, found, several = resolve(spec, sizes, files / CARD, output / "names")
    splits = choose_splits(spec, found)
    chosen = {name: sizes[name] for names in splits.values() for name in names}
    check_files(hub_id, chosen, spec["limit"])
    remedy = "Free disk space, or choose one split."
    check_disk_space(hub_id, COPIES * sum(chosen.values()), output, remedy)
    reporter.log("info", f"{hub_id} at commit {info.sha}: {len(chosen)} files, {sum(chosen.values())} bytes")
    if not download_files(source, chosen, files, reporter, commands):
        return {"stopped": True}
    others = any(SPLITS.get(split, "train") != "train" for split in splits)
    path = pack(splits, files, output / "data", keep_splits=others and spec["split"] is None)
    unused = [] if several else unused_files(sizes, found)
    facts = {"revision": info.sha, "config": config, "splits": sorted(splits), "unused_files": unused}
    return {"path": str(path), **facts}


def resolve(spec: Mapping[str, Any], sizes: Mapping[str, int], card: Path, folder: Path) -> tuple[str, Splits, bool]:
    """Return the configuration, its files by split, and whether there are other configurations.

    Raises EngineError unknown_config or no_data_files, each with what there is to choose from; source_refused or
    unreadable_card.
    """
    from datasets import get_dataset_config_names, get_dataset_default_config_name, load_dataset_builder
    from datasets.data_files import EmptyDatasetError
    from datasets.exceptions import DataFilesNotFoundError

    metadata = read_card(card)
    make_name_folder(sizes, metadata, folder)
    try:
        with without_network():
            names = get_dataset_config_names(str(folder))
            config = choose_config(spec, names, get_dataset_default_config_name(str(folder)))
            builder = load_dataset_builder(str(folder), config, cache_dir=str(folder.with_name("cache")))
    except (EmptyDatasetError, DataFilesNotFoundError) as error:
        remedy = f"Choose a dataset with files of {', '.join(FORMATS)}; scripts are never run."
        detail = f"{spec['hub_id']} has no data files" + (
            f" where configs in {CARD} look" if metadata["configs"] else ""
        )
        raise EngineError("no_data_files", detail, remedy=remedy) from error
    except EngineError:
        raise
    except Exception as error:  # whatever the library finds wrong with a stranger's repository
        raise unresolved(spec["hub_id"], error, folder) from error
    found = builder.config.data_files or {}
    root = folder.resolve()
    splits = {str(split): [str(Path(path).relative_to(root)) for path in paths] for split, paths in found.items()}
    # A file that several patterns of a split match is listed once for each.
    return config, {split: list(dict.fromkeys(files)) for split, files in splits.items() if files}, len(names) > 1


def unused_files(sizes: Mapping[str, int], splits: Splits) -> list[str]:
    """The repository's files of uploadable formats that no split has; not its metadata and documentation."""
    used = set(chain.from_iterable(splits.values()))
    others = [name for name in sizes if name not in used and extension_of(name) in EXTENSIONS]
    return [name for name in others if reason_to_skip(name) in (None, NOT_DATA)][:MAX_ARCHIVE_FILES]


def unresolved(hub_id: str, error: Exception, folder: Path) -> EngineError:
    """Return the error for a repository whose files the library cannot assign to splits."""
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(f"{folder.resolve()}/", "")
    cause = cause.partition(" with any supported extension")[0].partition(" Got {")[0][:MAX_ERROR_CHARS]
    cause = cause.replace("Unable to find", "there is no file of a supported format at").rstrip(".")
    detail = f"The files of {hub_id} cannot be assigned to splits by their names and {CARD}: {cause}."
    remedy = f"Download them and upload the data files, or ask its owner to correct configs in {CARD}."
    return EngineError("no_data_files", detail, remedy=remedy)


def make_name_folder(sizes: Mapping[str, int], card: Mapping[str, Any], folder: Path) -> None:
    """Create an empty file for every file that may have rows, and a card of this metadata."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in sizes:
        parts = PurePosixPath(name).parts
        if ".." in parts or "::" in name or PurePosixPath(name).is_absolute():
            remedy = "Ask its owner to rename the file, or download the data files and upload them."
            raise EngineError("no_data_files", f"the repository has the unsafe file name {name!r}", remedy=remedy)
        if name in UNUSED or name.endswith((".py", ".zip")):  # neither is read
            continue
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_card(card, folder / CARD)


def choose_config(spec: Mapping[str, Any], names: Sequence[str], default: str | None) -> str:
    """Return the requested configuration, or the only one. Raises EngineError unknown_config."""
    config = spec["config"] or (names[0] if len(names) == 1 else None)
    if config in names:
        return str(config)
    wrong = f"no configuration {config!r}" if config else f"{len(names)} configurations"
    first = default or names[0]
    raise EngineError(
        "unknown_config",
        f"{spec['hub_id']} has {wrong}: {', '.join(names)}",
        limit=list(names),
        remedy=f"Name one of them with config (--config {first}).",
    )


def choose_splits(spec: Mapping[str, Any], splits: Splits) -> Splits:
    """Return the requested split, or all of them. Raises EngineError unknown_split."""
    names, split = ", ".join(splits), spec["split"]
    if split is not None and split not in splits:
        detail = f"{spec['hub_id']} has no split {split!r}, but {names}"
        raise EngineError("unknown_split", detail, limit=list(splits), remedy="Name one of them, or leave split out.")
    if split is not None:
        return {split: splits[split]}
    kept = [SPLITS.get(name) for name in splits]
    if len(splits) > 1 and (None in kept or len(set(kept)) < len(kept)):
        raise EngineError(
            "unknown_split",
            f"{spec['hub_id']} has the splits {names}, and only train, validation and test can be kept apart",
            limit=list(splits),
            remedy=f"Import each of them as a dataset of its own with split (--split {next(iter(splits))}).",
        )
    check_split_files(spec["hub_id"], splits)
    return splits


def check_split_files(hub_id: str, splits: Splits) -> None:
    """Check that no file is in two splits: its rows would be trained and held out. Raises EngineError unknown_split."""
    for name, count in Counter(chain.from_iterable(splits.values())).items():
        if count > 1:
            found = [split for split, files in splits.items() if name in files]
            raise EngineError(
                "unknown_split",
                f"{name} of {hub_id} is in the splits {' and '.join(found)}; its rows would be trained and held out",
                limit=list(splits),
                remedy=f"Import one of them with split (--split {found[0]}), whose rows are split anew.",
            )


def check_files(hub_id: str, files: Mapping[str, int], limit: int) -> None:
    """Check formats, number and size. Raises EngineError no_data_files or upload_too_large."""
    remedy = "Convert them, and upload the result."
    if unread := [name for name in files if extension_of(name) not in FORMATS]:
        formats = list(FORMATS)
        raise EngineError("no_data_files", f"{unread[0]} of {hub_id} cannot be read", limit=formats, remedy=remedy)
    if len(files) > MAX_ARCHIVE_FILES:
        detail = f"{hub_id} has {len(files)} data files"
        raise EngineError("upload_too_large", detail, limit=MAX_ARCHIVE_FILES, remedy="Choose one split or config.")
    if sum(files.values()) > limit:
        remedy = "Choose one split or config, or raise ANNEAL_UPLOAD_LIMIT."
        detail = f"{hub_id} has {sum(files.values())} bytes of data files"
        raise EngineError("upload_too_large", detail, limit=limit, remedy=remedy)


def pack(splits: Splits, files: Path, folder: Path, *, keep_splits: bool) -> Path:
    """Return the only file, or a zip of all, always the same bytes for the same files.

    With `keep_splits` its members lie in folders named as the splits. Without, no name says one: the rows of a split
    that was chosen are split anew.
    """
    folder.mkdir(exist_ok=True)
    members = [
        (f"{SPLITS[split]}/" if keep_splits else "", number, name)
        for split, names in splits.items()
        for number, name in enumerate(names)
    ]
    if len(members) == 1 and not keep_splits:
        return files / members[0][2]
    path = folder / "data.zip"
    with ZipFile(path, "w", ZIP_STORED, allowZip64=True) as archive:
        for prefix, number, name in members:
            member = ZipInfo(f"{prefix}{number:05d}{extension_of(name)}")
            with (files / name).open("rb") as source, archive.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
    return path
