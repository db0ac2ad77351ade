"""Every `anneal` command in a code block of the documentation parses: its commands, options and values exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.M | re.S)
PLACEHOLDER = re.compile(r"<[\w -]+>(?::\d+)?|…")
REDIRECTIONS = (">", "<", "&")


def commands(page: Path) -> list[list[str]]:
    """The words of each `anneal` command of a page, up to a pipe or redirection."""
    found = []
    for block in BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            text = PLACEHOLDER.sub("PLACEHOLDER", line.removeprefix("$ "))
            for part in re.split(r"&& |\| (?:xargs (?:-\S+ \d* ?)*)?", text):
                if part.startswith("anneal "):
                    words = shlex.split(part, comments=True)[1:]
                    end = next((index for index, word in enumerate(words) if word in REDIRECTIONS), len(words))
                    found.append(words[:end])
    return found


def parse(command: Any, words: list[str], parent: Any = None) -> None:
    """Parse words as the shell would have passed them, without running anything; raises click's UsageError."""
    context = command.context_class(command, parent=parent, info_name=command.name)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    for parameter in command.params:
        parameter.callback = None  # it would ask a platform
        parameter.process_value(context, values.get(parameter.name))
    if subcommands := getattr(command, "commands", None):
        if rest:
            assert rest[0] in subcommands, f"no command {rest[0]!r} in {command.name}"
            parse(subcommands[rest[0]], rest[1:], context)
    else:
        assert not rest, f"{command.name} takes no {rest}"


@pytest.mark.parametrize("page", list(filter(commands, PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(page):
        for word in words:
            if re.fullmatch(r"\w[\w-]*\.\w+", word):
                (tmp_path / word).touch()  # the user's own file
        parse(get_command(cli), [str(ROOT / word) if (ROOT / word).is_file() else word for word in words])


@pytest.mark.parametrize("words", ["train PLACEHOLDER --epoch 2", "jobs stop PLACEHOLDER", "train x --epochs two"])
def test_a_wrong_command_does_not_parse(words: str) -> None:
    with pytest.raises(Exception, match=r"epoch|stop|valid number"):
        parse(get_command(cli), words.split())
