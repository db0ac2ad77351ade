"""Names that people read."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.runtime.http.display_name import DisplayName

NAMES = TypeAdapter(DisplayName)


@pytest.mark.parametrize("name", ["support bot", "Stütz-Bot 2", "客服", "🦙‍❄️", "שלום"])
def test_names_of_any_script_are_accepted(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\x07", "\n", "\u202e", "\u2066", "\x9b", "\u2028"])
def test_hidden_characters_are_refused(hidden: str) -> None:
    with pytest.raises(ValidationError, match=f"U\\+{ord(hidden[0]):04X} at character 3"):
        NAMES.validate_python(f"ab{hidden}cd")
