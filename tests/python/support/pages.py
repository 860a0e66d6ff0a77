"""Code blocks of the project's pages: what a reader would type."""

from __future__ import annotations

import re

#: A code block under a line that names its file.
_FILE = re.compile(r"^`(?P<path>[^`\n]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
#: A code block of commands.
_COMMANDS = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows, by path."""
    return {match["path"]: match["text"] for match in _FILE.finditer(page)}


def commands_of(page: str) -> list[str]:
    """The lines of all blocks of commands, in their order."""
    return [line for match in _COMMANDS.finditer(page) for line in match["text"].splitlines()]
