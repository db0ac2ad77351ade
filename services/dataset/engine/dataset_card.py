"""The metadata of a hub dataset's card, the YAML at the head of README.md: its configurations and what files they name.

Only what is read here, and found to stay within the repository, reaches the `datasets` library: it opens addresses and
paths that a card names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import metadata_load

from shared.engine.process.protocol import EngineError

CARD = "README.md"
REMEDY = "Ask its owner to correct the card, or download the files and upload them."
SHAPES = "a pattern, a list of patterns, or a list of {split, path}"
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|.*::|.*://|[/\\~]|(.*[/\\])?\.\.([/\\]|$)", re.IGNORECASE | re.DOTALL)
"""A pattern with a scheme, an absolute one, or one with `..`."""
SPLIT_NAME = re.compile(r"\w+(\.\w+)*")
"""What the library accepts."""
MAX_SHOWN_CHARS = 200


def read_card(path: Path) -> dict[str, Any]:
    """Return `configs` (config_name, default, data_dir, data_files) and `dataset_info` (config_name) of a card.

    Raises EngineError unreadable_card, or source_refused for a file outside the repository.
    """
    try:
        metadata = (metadata_load(path) if path.exists() else None) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1  # below the line of dashes, counted from 1
        raise _unreadable("its metadata", f"is not valid YAML: {error.problem}, in line {line}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable("its metadata", f"cannot be read: {error}") from error
    configs, infos = metadata.get("configs") or [], metadata.get("dataset_info") or []
    if not isinstance(configs, list):
        raise _unreadable("configs", "is not a list")
    infos = [info for info in (infos if isinstance(infos, list) else [infos]) if isinstance(info, dict)]
    return {
        "configs": [_read_config(f"configs[{number}]", config) for number, config in enumerate(configs)],
        "dataset_info": [{"config_name": str(info.get("config_name", "default"))} for info in infos],
    }


def write_card(card: Mapping[str, Any], path: Path) -> None:
    """Write a card of this metadata only."""
    metadata = yaml.safe_dump({key: value for key, value in card.items() if value})
    path.write_text(f"---\n{metadata}---\n", encoding="utf-8")


def _read_config(field: str, config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or config.get("config_name") is None:
        raise _unreadable(field, "has no config_name")
    read: dict[str, Any] = {"config_name": str(config["config_name"])}
    if config.get("default"):
        read["default"] = True
    if config.get("data_dir") is not None:
        read["data_dir"] = _check_inside(f"{field}.data_dir", config["data_dir"])
    if config.get("data_files") is not None:
        read["data_files"] = _read_data_files(f"{field}.data_files", config["data_files"])
    return read


def _read_data_files(field: str, files: Any) -> list[Any]:
    files = files if isinstance(files, list) else [files]
    if not any(isinstance(entry, dict) for entry in files):
        return _check_all_inside(field, files)
    if not all(isinstance(entry, dict) and {"split", "path"} == set(entry) for entry in files):
        raise _unreadable(field, f"is not {SHAPES}")
    for entry in files:
        if not SPLIT_NAME.fullmatch(str(entry["split"])):
            raise _unreadable(field, f"has the split {entry['split']!r}: only letters, digits, _ and dots make a name")
    return [{"split": str(entry["split"]), "path": _check_all_inside(field, entry["path"])} for entry in files]


def _check_all_inside(field: str, patterns: Any) -> list[str]:
    return [_check_inside(field, pattern) for pattern in (patterns if isinstance(patterns, list) else [patterns])]


def _check_inside(field: str, pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise _unreadable(field, f"is not {SHAPES}")
    if OUTSIDE.match(pattern):
        detail = f"{CARD}, {field}: {pattern[:MAX_SHOWN_CHARS]!r} is not a path within the repository"
        remedy = f"Only the repository's own files are read. {REMEDY}"
        raise EngineError("source_refused", detail, field=field, remedy=remedy)
    return pattern


def _unreadable(field: str, problem: str) -> EngineError:
    return EngineError("unreadable_card", f"{CARD}: {field} {problem}", field=field, remedy=REMEDY)
