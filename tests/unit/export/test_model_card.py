"""The model card lists known facts and omits unknown ones."""

from services.export.engine.model_card import model_card

CHECK = {"method": "reloaded", "max_difference": 1.23456789e-7}


def test_card_of_a_full_and_of_a_minimal_manifest() -> None:
    full = {
        "name": "Support | bot",
        "model_id": "model_1",
        "base": "seedling",
        "method": "lora",
        "dataset_id": "dataset_1",
        "dataset_version": "v2",
        "metrics": {"eval_loss": 0.25},
        "provenance": {"hyperparameters": {"learning_rate": 0.006, "note": "a|b", "max_steps": None}},
    }
    text = model_card(full, "onnx", CHECK, [2, 0])
    assert "| Dataset | dataset_1@v2 |" in text
    assert "| note | a\\|b |" in text
    assert "max_steps" not in text
    assert "set([2, 0])" in text
    assert "1.23457e-07" in text
    bare = model_card({"name": "bare"}, "adapter", CHECK, [])
    assert bare.count("Not recorded.") == 3
    assert 'from_pretrained("none"' in bare
