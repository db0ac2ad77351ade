"""Exports the LoRA adapter alone, with tokenizer, chat template and model card; verified on its base model.

By hand: `python -m services.export.engine.adapter_export spec.json`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from services.export.engine.finalize import finalize
from services.export.engine.tuned_model import StageReporter, TunedModel, open_model
from services.export.engine.verification import ExpectedOutputs
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "copying", "verifying the files", "archiving"]
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the model of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`."""
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder = open_model(spec), Path(spec["out"]) / "files"
    expected = ExpectedOutputs.from_model(tuned.load_unmerged(), tuned.template)
    stages.next()
    copy_adapter(tuned, folder, spec["manifest"].get("base"))
    stages.next()
    exported = {"path": str(folder), "kind": "adapter", "base": tuned.reference["base"]}
    reloaded = load_model(exported, dtype=tuned.dtype, merge=False)
    check = expected.verify_reloaded(reloaded, "reloaded with peft over its base", tuned.dtype)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "adapter", tuned, folder, check)


def copy_adapter(tuned: TunedModel, folder: Path, base: str | None) -> None:
    """Copy the weights; the config names the base model instead of a path on the training machine."""
    adapter = Path(tuned.reference["path"])
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / WEIGHTS, folder / WEIGHTS)
    config = json.loads((adapter / CONFIG).read_text("utf-8")) | {"base_model_name_or_path": base}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    tuned.save_tokenizer(folder)


if __name__ == "__main__":
    run_from_shell(main)
