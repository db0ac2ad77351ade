"""The model card lists known facts and omits unknown ones."""

from services.export.engine.model_card import BaseReference, base_of, model_card

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
    assert 'from_pretrained("a folder with none"' in bare


def test_adapter_card_loads_the_base_from_the_hub_or_describes_its_folder() -> None:
    hub = {"name": "mine", "provenance": {"source": "hub", "origin": "owner/name", "revision": "abc"}}
    text = model_card({"name": "a", "base": "base_1"}, "adapter", CHECK, [], hub)
    assert 'from_pretrained("owner/name", revision="abc", dtype="auto")' in text
    assert 'base_model: "owner/name"' in text
    assert 'GenerationConfig.from_pretrained(".")' in text
    uploaded = {"name": "mine", "architecture": "LlamaForCausalLM", "fingerprint": "f00d"}
    text = model_card({"name": "a", "base": "base_1"}, "adapter", CHECK, [], uploaded)
    assert "# architecture: LlamaForCausalLM" in text
    assert "f00d" in text
    assert '"a folder with mine", dtype="auto")' in text
    assert "| Base model | mine |" in text


def test_base_is_named_by_its_hub_id_or_else_by_its_name() -> None:
    hub = {"name": "mine", "provenance": {"source": "hub", "origin": "owner/name", "revision": "abc"}}
    assert base_of({"base": "base_1", "base_name": "mine"}, hub) == BaseReference("owner/name", "abc", on_hub=True)
    folder = {"name": "mine", "provenance": {"source": "path", "origin": "/models/mine"}}
    assert base_of({"base": "base_1"}, folder) == BaseReference("mine")
    assert base_of({"base": "model_1", "base_name": "triage"}, {"name": "renamed since"}) == BaseReference("triage")
