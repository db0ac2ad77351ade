"""docs/reference/server-substitutes.md lists exactly the expected failures of the contract suites."""

import re
from pathlib import Path

from tests.contracts.server_substitutes import KNOWN_FAILURES

PAGE = Path(__file__).parents[2] / "docs/reference/server-substitutes.md"
NAMES = {"MongoDB": "MONGO", "S3": "S3"}


def test_page_lists_exactly_the_known_failures() -> None:
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    documented = {(NAMES[server], test, why) for server, test, why in rows}
    known = {(server, test, why) for server, tests in KNOWN_FAILURES.items() for test, why in tests.items()}
    assert documented == known
    assert documented
