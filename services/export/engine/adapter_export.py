"""The LoRA adapter alone, with tokenizer, template and model card; checked over its base.

By hand: `python -m services.export.engine.adapter_export spec.json`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from services.export.engine.checking import Expected
from services.export.engine.delivery import deliver
from services.export.engine.source import Source, Stages, open_source
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "copying", "checking the files", "packing"]
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export as `spec` says into `out`/files, checked and packed; the result is `deliver`'s."""
    stages = Stages(reporter, commands, STAGES)
    stages.next()
    source, folder = open_source(spec), Path(spec["out"]) / "files"
    expected = Expected.of(source.tuned(), source.template)
    stages.next()
    copy_adapter(source, folder, spec["manifest"].get("base"))
    stages.next()
    exported = {"path": str(folder), "kind": "adapter", "base": source.reference["base"]}
    again = load_model(exported, dtype=source.dtype, merge=False)
    check = expected.check_reloaded(again, "reloaded with peft over its base", source.dtype)
    stages.next()
    with reporter.span(STAGES[-1]):
        return deliver(spec, "adapter", source, folder, check)


def copy_adapter(source: Source, folder: Path, base: str | None) -> None:
    """Weights as they are; the config names the base instead of a path on the training machine."""
    adapter = Path(source.reference["path"])
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / WEIGHTS, folder / WEIGHTS)
    config = json.loads((adapter / CONFIG).read_text("utf-8")) | {"base_model_name_or_path": base}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    source.save_tokenizer(folder)


if __name__ == "__main__":
    run_from_shell(main)
