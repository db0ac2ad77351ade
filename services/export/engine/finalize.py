"""The last step of every export: model card, archive, and the fields of the manifest."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from services.export.engine.archive import write_archive
from services.export.engine.model_card import model_card
from services.export.engine.tuned_model import TunedModel
from services.export.models import GGUF_FORMATS
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate


def finalize(spec: dict[str, Any], form: str, tuned: TunedModel, folder: Path, check: dict[str, Any]) -> dict[str, Any]:
    """Add the model card to `folder` and archive it. Return {archive, members, check, template_hash}.

    Raises EngineError `check_failed` where the saved tokenizer or chat template differs from training.
    """
    if form not in GGUF_FORMATS:  # whose tokenizer is in the file, and verified there
        saved = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if ChatTemplate.of(saved).hash != tuned.template.hash:
            raise EngineError("check_failed", "The saved tokenizer is not the one the model was trained with.")
    card = model_card(spec["manifest"], form, check, tuned.template.stop_ids, spec.get("base"))
    (folder / "README.md").write_text(card, "utf-8")
    archive = Path(spec["out"]) / "export.zip"
    members = write_archive(folder, archive, spec["top"])
    return {"archive": str(archive), "members": members, "check": check, "template_hash": tuned.template.hash}
