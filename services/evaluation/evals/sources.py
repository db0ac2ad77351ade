"""The rows of a run: from the request, or a dataset by its file id."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from services.evaluation.evals.item_schema import BadItem, check_value
from services.evaluation.evals.models import EvalRun, OutputItem
from shared.blobs.artifacts import dataset_folder, key_of, read_manifest
from shared.blobs.manifests import DatasetManifest
from shared.blobs.protocol import Blobs
from shared.content_parts import TEXT_PARTS, join_texts
from shared.suites import MAX_DEPTH, require_shallow


def rows_of(content: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Item and sample of each row of a `file_content`."""
    return [(row["item"], row.get("sample")) for row in content]


def pairs_key(project: str, run_id: str) -> str:
    """The blob with the rows of a judgement."""
    return f"{project}/evaluations/judgements/{run_id}.jsonl"


async def read_rows(blobs: Blobs, run: EvalRun) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Item and sample of each row. Raises BadItem for a row of a file that does not match the eval's schema."""
    source = run.data_source["source"]
    if source["type"] == "file_content":
        return rows_of(source["content"])
    if source["type"] == "pairs":
        content = b"".join([chunk async for chunk in blobs.read(pairs_key(run.project, run.id))])
        return [(json.loads(line), None) for line in content.splitlines()]
    assert run.dataset_uri
    key = key_of(run.dataset_uri, run.project)
    manifest = DatasetManifest.model_validate(await read_manifest(blobs, key))
    shards = [shard for names in manifest.shards.values() for shard in names]
    folder = await dataset_folder(blobs, key, manifest, shards)
    return [(item, None) for item in await asyncio.to_thread(_read, folder, shards, run.item_schema)]


def _read(folder: Path, shards: list[str], schema: dict[str, Any]) -> list[dict[str, Any]]:
    records = [record for shard in shards for record in parquet.read_table(folder / shard).to_pylist()]
    items = []
    for record in sorted(records, key=lambda record: record["row_id"]):
        items.append(_with_columns(record))
        check_value(schema, items[-1], record["source"])
    return items


def _with_columns(record: dict[str, Any]) -> dict[str, Any]:
    """A row with the file's further columns. Raises BadItem for a column that the row has with another value."""
    item, columns = with_fields(json.loads(record["row"])), json.loads(record.get("columns") or "{}")
    try:
        require_shallow(item)
    except ValueError as error:
        detail = f"{record['source']} is {error}."
        raise BadItem(detail, field=record["source"], limit=MAX_DEPTH, remedy="Leave it out.") from error
    for name, value in columns.items():
        if item.setdefault(name, value) != value:
            detail = f"{record['source']} has a column {name!r}, and its row has another {name!r}."
            raise BadItem(detail, field=f"{record['source']}.{name}", remedy="Rename the column, and upload it again.")
    return item


def with_fields(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a dataset, with `input` and `ideal`: the messages before the last one of the assistant, and its text."""
    messages = row.get("messages", [])
    if not messages or messages[-1]["role"] != "assistant":
        return row
    content = messages[-1].get("content") or ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    ideal = join_texts(part["text"] for part in parts if part.get("type") in TEXT_PARTS)
    return {**row, "input": messages[:-1], "ideal": ideal}


def given_sample(run: EvalRun, sample: dict[str, Any] | None) -> dict[str, Any] | None:
    """The answer that a row holds, in OpenAI's format; None where the model still has to give one."""
    if run.model:
        return None
    return sample_record([], (sample or {}).get("output_text", ""), "stop")


def sample_record(
    messages: list[Any], text: str, finish_reason: str, *, usage: Any = None, model: str = "", **more: Any
) -> dict[str, Any]:
    """An answer in OpenAI's format."""
    unused = {"cached_tokens": 0, "completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 0}
    parameters = {"max_completion_tokens": None, "seed": None, "temperature": None, "top_p": None, "error": None}
    return {
        "input": messages,
        "output": [{"role": "assistant", "content": text}],
        "finish_reason": finish_reason,
        "model": model,
        "usage": usage or unused,
        **parameters,
        **more,
    }


def pending(items: list[OutputItem]) -> Iterator[dict[str, Any]]:
    """What the engine gets of the rows that are not done."""
    for item in items:
        if item.status == "pending":
            failed = bool(item.sample and item.sample["error"])
            text = {"output_text": item.output_text, "done": item.done, "failed": failed}
            yield {"index": item.number, "item": item.item, **text}
