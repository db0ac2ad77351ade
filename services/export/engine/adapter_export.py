"""Exports the LoRA adapter alone, with tokenizer, generation config and model card; verified on its base model.

By hand: `python -m services.export.engine.adapter_export spec.json`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from services.export.engine.finalize import finalize
from services.export.engine.model_card import BaseReference, base_of
from services.export.engine.reference import run_tuned, verify_reloaded
from services.export.engine.tuned_model import StageReporter, TunedModel, make_generation_config, open_model
from shared.engine.loading.load import attach_adapter, load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "copying", "verifying the files", "archiving"]
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the model of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`."""
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder = open_model(spec), Path(spec["out"]) / "files"
    expected = run_tuned(tuned, spec, reporter)
    stages.next()
    copy_adapter(tuned, folder, base_of(spec["manifest"], spec.get("base") or {}))
    stages.next()
    base = load_model(tuned.reference["base"], dtype=tuned.dtype)
    reloaded = attach_adapter(base, folder, only_peft=True).eval()
    make_generation_config(tuned, reloaded).save_pretrained(folder)
    check = verify_reloaded(reloaded, expected, "reloaded with peft over its base", tuned.dtype, reporter)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "adapter", tuned, folder, check)


def copy_adapter(tuned: TunedModel, folder: Path, base: BaseReference) -> None:
    """Copy the weights; the config names the base model instead of a path on the training machine."""
    adapter = Path(tuned.reference["path"])
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / WEIGHTS, folder / WEIGHTS)
    config = json.loads((adapter / CONFIG).read_text("utf-8"))
    config |= {"base_model_name_or_path": base.name, "revision": base.revision}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    tuned.save_tokenizer(folder)


if __name__ == "__main__":
    run_from_shell(main)
