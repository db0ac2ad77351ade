"""Every feature that a template may lack has words for warnings."""

from shared.engine.text.feature_probes import PROBES
from shared.row_features import IN_WORDS


def test_every_feature_has_words() -> None:
    assert IN_WORDS.keys() == {*PROBES, "template_kwargs"}
