"""The end of every export: model card, archive, and what the manifest will say."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from services.export.engine.card import card
from services.export.engine.packing import pack
from services.export.engine.source import Source
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate


def deliver(spec: dict[str, Any], form: str, source: Source, folder: Path, check: dict[str, Any]) -> dict[str, Any]:
    """Add the card to `folder` and pack it: {archive, members, check, template_hash}.

    Raises EngineError `check_failed` where the saved tokenizer does not render and tokenize as in training.
    """
    saved = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if ChatTemplate.of(saved).hash != source.template.hash:
        raise EngineError("check_failed", "The saved tokenizer is not the one the model was trained with.")
    (folder / "README.md").write_text(card(spec["manifest"], form, check, source.template.stop_ids), "utf-8")
    archive = Path(spec["out"]) / "export.zip"
    members = pack(folder, archive, spec["top"])
    return {"archive": str(archive), "members": members, "check": check, "template_hash": source.template.hash}
