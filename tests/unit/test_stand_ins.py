"""People read in docs/reference/stand-ins.md exactly what the contract suites excuse."""

import re
from pathlib import Path

from tests.contracts.stand_ins import UNPROVEN

PAGE = Path(__file__).parents[2] / "docs/reference/stand-ins.md"
NAMES = {"MongoDB": "MONGO", "S3": "S3"}


def test_the_page_lists_every_excuse_and_no_other() -> None:
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    told = {(NAMES[server], test, why) for server, test, why in rows}
    assert told == {(server, test, why) for server, tests in UNPROVEN.items() for test, why in tests.items()}
    assert told
