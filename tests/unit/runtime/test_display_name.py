"""Names that people read."""

import pytest
from pydantic import TypeAdapter, ValidationError

from services.dataset.service import _name_from
from shared.runtime.http.display_name import DisplayName, visible

NAMES = TypeAdapter(DisplayName)


@pytest.mark.parametrize("name", ["support bot", "Stütz-Bot 2", "客服", "🦙‍❄️", "שלום"])
def test_names_of_any_script_are_accepted(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\x07", "\n", "\u202e", "\u2066", "\x9b", "\u2028"])
def test_hidden_characters_are_refused(hidden: str) -> None:
    with pytest.raises(ValidationError, match=f"U\\+{ord(hidden[0]):04X} at character 3"):
        NAMES.validate_python(f"ab{hidden}cd")


@pytest.mark.parametrize("blank", ["\u3164", "\u115f\u1160", "\u2800", "\uffa0", "\u200d", "\ufe0f", "\u3000", "  "])
def test_names_that_show_nothing_are_refused(blank: str) -> None:
    with pytest.raises(ValidationError, match="visible character"):
        NAMES.validate_python(blank)
    assert visible(blank) == ""
    assert NAMES.validate_python(f"{blank}a") == f"{blank}a"


def test_dataset_of_a_file_whose_name_shows_nothing_is_named_dataset() -> None:
    assert (_name_from("\u3164.jsonl"), _name_from("a.jsonl")) == ("dataset", "a")
