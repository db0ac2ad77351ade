"""Renders one row as training text, with the trained spans marked, by the renderer that training uses.

Spec: {"shards": [paths], "row": its index in the split, "model": reference}. Result: {"row_id", "source",
"template_hash", "not_shown": [parts of the row], "samples": [{spans: [{text, trained}], tokens, trained_tokens}]}.
"""

import json
from typing import Any

from services.dataset.engine.shards import read_rows
from shared.engine.process.protocol import Commands, Reporter
from shared.engine.text.answers import conversations
from shared.engine.text.template import ChatTemplate, Row
from shared.engine.text.tokenizer import load_tokenizer
from shared.row_features import IN_WORDS


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Render one row with the model's tokenizer and chat template."""
    template = ChatTemplate.of(load_tokenizer(spec["model"]))
    ((id, source, text),) = read_rows(spec["shards"], spec["row"], 1)
    row = json.loads(text)
    samples = [_render(template, part) for sample in conversations(row) for part in template.expand(sample)]
    not_shown = [IN_WORDS.get(feature, feature) for feature in sorted(template.missing_features(row))]
    return {
        "row_id": id,
        "source": source,
        "template_hash": template.hash,
        "not_shown": not_shown,
        "samples": samples,
    }


def _render(template: ChatTemplate, sample: Row) -> dict[str, Any]:
    encoded = template.encode(sample)
    spans = [{"text": text, "trained": trained} for text, trained in template.spans(sample)]
    return {"spans": spans, "tokens": len(encoded.input_ids), "trained_tokens": sum(encoded.trained)}
