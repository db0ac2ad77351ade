"""Eval runs of many adapters over one base model: at once through inference, and one by one by their own engine.

    python benchmarks/evaluation_adapters.py [--base FOLDER] [--adapters 8] [--prompts 500] [--tokens 32]

Both services run in this process on embedded adapters, with their engines as child processes. Each adapter (rank 8,
random weights) answers the prompts greedily in an eval run of its own. `one_by_one_s` is the time of all runs without
inference, each of which loads the base model and decodes its rows in batches (the platform before ADR 29); `at_once_s`
that of all runs together through inference, whose engine has loaded nothing when they start. The texts and token counts
of both are compared row by row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import services.evaluation.app  # noqa: E402
import services.inference.app  # noqa: E402
from shared.blobs.artifacts import artifact_uri, publish  # noqa: E402
from shared.blobs.manifests import ModelManifest  # noqa: E402
from shared.events.evaluation import EvalRunCanceled, EvalRunFailed, EvalRunSucceeded  # noqa: E402
from shared.runtime.service import running, web_app  # noqa: E402
from tests.support.running_service import RunningService, open_service  # noqa: E402
from tests.support.tiny_model import make_tiny_adapter, template_hash  # noqa: E402

SEEDLING = ROOT / "services/training/seedling"
CRITERION = {"type": "string_check", "name": "same", "operation": "eq", "input": "{{ sample.output_text }}"}
SUBJECTS = ("my order", "the invoice", "a refund", "my account", "the delivery")


def prompts(count: int) -> list[dict[str, Any]]:
    """Questions of 8 to about 40 words."""
    rows = []
    for n in range(count):
        details = " ".join(f"It is number {n * 7 + k} of {SUBJECTS[(n + k) % 5]}." for k in range(n % 5))
        rows.append({"item": {"question": f"What happens with {SUBJECTS[n % 5]} {n}? {details}", "ideal": "?"}})
    return rows


async def publish_models(service: RunningService, base: Path, adapters: int) -> list[str]:
    """Publish the base model and its adapters; returns their ids."""
    config, hash = json.loads((base / "config.json").read_text()), template_hash(base)
    facts = {"architecture": "LlamaForCausalLM", "context_length": config["max_position_embeddings"]}
    parameters = (base / "model.safetensors").stat().st_size // 2
    known = {**facts, "template_hash": hash, "parameters": parameters}
    manifest = ModelManifest(model_id="base", name="base", kind="full", **known)
    await publish(service.resources.blobs, "default/models/base/base", base, manifest.model_dump())
    ids = [f"model_{n}" for n in range(adapters)]
    for n, id in enumerate(ids):
        folder = make_tiny_adapter(base, service.folder / id, seed=n, r=8, lora_alpha=8, init_lora_weights="gaussian")
        _perturb(folder, n)
        uri = artifact_uri("default", "models", "base", "base")
        tuned = ModelManifest(model_id=id, name=id, kind="adapter", base="base", base_uri=uri, method="lora", **known)
        await publish(service.resources.blobs, f"default/models/custom/{id}", folder, tuned.model_dump())
    return ids


def _perturb(folder: Path, seed: int) -> None:
    """Fill the B matrices, which begin at zero, with small numbers: then each adapter answers in its own way."""
    import torch
    from safetensors.torch import load_file, save_file

    torch.manual_seed(seed)
    path = folder / "adapter_model.safetensors"
    weights = {name: w if "lora_A" in name else torch.randn_like(w) * 0.02 for name, w in load_file(path).items()}
    save_file(weights, path)


async def run_all(
    service: RunningService, eval_id: str, models: list[str], rows: list[Any], tokens: int, *, at_once: bool
) -> tuple[float, dict[str, list[Any]], set[str]]:
    """Seconds, each model's texts and token counts in the order of the rows, and who answered."""
    started, ids = time.monotonic(), {}
    for group in [models] if at_once else [[model] for model in models]:
        runs = [await _start(service, eval_id, model, rows, tokens) for model in group]
        await _ended(service, {run["id"] for run in runs})
        ids |= {model: run["id"] for model, run in zip(group, runs, strict=True)}
        if not at_once:
            print(f"{group[0]}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    items = await service.resources.documents.collection("evaluation.output_items")
    answers, by = {}, set()
    for model in models:
        own = sorted(await items.find({"run_id": ids[model]}), key=lambda item: item["number"])
        answers[model] = [(i["sample"]["output"][0]["content"], i["sample"]["usage"]["completion_tokens"]) for i in own]
        by |= {item["sample"]["answered_by"] for item in own}
    return seconds, answers, by


async def _start(service: RunningService, eval_id: str, model: str, rows: list[Any], tokens: int) -> dict[str, Any]:
    template = [{"role": "user", "content": "{{ item.question }}"}]
    source = {
        "type": "completions",
        "source": {"type": "file_content", "content": rows},
        "model": model,
        "input_messages": {"type": "template", "template": template},
        "sampling_params": {"temperature": 0, "max_completion_tokens": tokens},
    }
    response = await service.http.post(f"/v1/evals/{eval_id}/runs", json={"data_source": source})
    assert response.is_success, response.text
    started: dict[str, Any] = response.json()
    return started


async def _ended(service: RunningService, runs: set[str]) -> None:
    """Wait for the events of the runs: requests for their state would take time from them."""
    while runs:
        event = await service.events.get()
        assert event.type not in (EvalRunFailed.type, EvalRunCanceled.type), event.data
        if event.type == EvalRunSucceeded.type:
            runs.discard(event.data["run_id"])


@asynccontextmanager
async def inference(service: RunningService) -> AsyncIterator[None]:
    """Run inference, and let evaluation find it, while the block runs."""
    built = await services.inference.app.build(service.resources)
    service.resources.local_apps["inference"] = web_app(built, service.resources)
    async with running([built], service.resources):
        yield
    del service.resources.local_apps["inference"]


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run both ways, own engines first."""
    rows, schema = prompts(options.prompts), {"type": "object", "required": ["question", "ideal"]}
    async with open_service(services.evaluation.app.build, folder) as service:
        await service.resources.engines.start()
        models = await publish_models(service, options.base, options.adapters)
        config = {"type": "custom", "item_schema": schema, "include_sample_schema": True}
        criteria = [{**CRITERION, "reference": "{{ item.ideal }}"}]
        created = await service.http.post(
            "/v1/evals", json={"data_source_config": config, "testing_criteria": criteria}
        )
        eval_id, tokens = created.json()["id"], options.tokens
        await run_all(service, eval_id, models[:1], rows[:4], 4, at_once=False)  # the forkserver's imports
        one_s, own, _ = await run_all(service, eval_id, models, rows, tokens, at_once=False)
        async with inference(service):
            all_s, served, by = await run_all(service, eval_id, models, rows, tokens, at_once=True)
    pairs = [pair for model in models for pair in zip(own[model], served[model], strict=True)]
    return {
        "adapters": len(models),
        "prompts": len(rows),
        "tokens": sum(count for model in models for _, count in own[model]),
        "one_by_one_s": round(one_s, 1),
        "at_once_s": round(all_s, 1),
        "times": round(one_s / all_s, 2),
        "equal_answers": sum(mine == other for mine, other in pairs) / len(pairs),
        "distinct_models": len({json.dumps(own[model]) for model in models}),
        "answered_by": sorted(by),
    }


def main() -> None:
    """Measure, and print the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=SEEDLING, help="folder of a base model")
    for name, count in (("adapters", 8), ("prompts", 500), ("tokens", 32)):
        parser.add_argument(f"--{name}", type=int, default=count)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        result = asyncio.run(measure(Path(folder), options))
    print("RESULT " + json.dumps({"base": options.base.name, **result}))


if __name__ == "__main__":
    main()
