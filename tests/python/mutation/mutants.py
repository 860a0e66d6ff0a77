"""Small wrong changes to definitions and to the models of zone A, by regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: What a change is called, what it looks for, and what it puts there.
_RULES: tuple[tuple[str, str, str], ...] = (
    ("the setting is one more", r"(?<=: )(?P<number>\d+)(?=,$)", ""),
    ("the setting is a tenth more", r"(?<=: )(?P<decimal>0\.\d+)(?=,$)", ""),
    ("> becomes >=", r"(?<=\s)>(?=\s)", ">="),
    (">= becomes >", r"(?<=\s)>=(?=\s)", ">"),
    ("< becomes <=", r"(?<=\s)<(?=\s)", "<="),
    ("<= becomes <", r"(?<=\s)<=(?=\s)", "<"),
    ("inner join becomes left join", r"\binner join\b", "left join"),
    ("left join becomes inner join", r"\bleft join\b", "inner join"),
    ("descending becomes ascending", r"(?<=\S) desc\b", ""),
    ("the coalesce is dropped", r"\bcoalesce\(", ""),
)

_DEFINITIONS = "macros/definitions/"


@dataclass(frozen=True)
class Mutant:
    """One wrong change: in which node or macro, in which line of it, what."""

    unique_id: str
    path: str
    line: str
    change: str
    is_incremental: bool
    code: str

    @property
    def name(self) -> str:
        """What a person calls it; unique."""
        return f"{self.path}: {self.unique_id.rpartition('.')[2]}: `{self.line}`: {self.change}"

    @property
    def is_definition(self) -> bool:
        """Is a definition wrong, rather than one model?"""
        return self.path.startswith(_DEFINITIONS)

    @property
    def setting(self) -> str | None:
        """The setting whose default is wrong; None if the change is another."""
        found = re.match(r"'(\w+)':", self.line)
        return found[1] if found and self.path.endswith("setting.sql") else None


def mutants(sources: Mapping[str, tuple[str, str]]) -> Iterator[Mutant]:
    """Every mutant of sources, which are path and code by unique id; in a stable order."""
    for unique_id, (path, code) in sorted(sources.items()):
        comments = [match.span() for match in re.finditer(r"\{#.*?#\}|--[^\n]*", code, re.DOTALL)]
        later = _incremental_spans(code)
        for change, pattern, replacement in _RULES:
            if change.startswith("the setting") and not path.endswith("setting.sql"):
                continue
            seen: dict[str, int] = {}
            for match in re.finditer(pattern, code, re.MULTILINE):
                if any(start <= match.start() < end for start, end in comments):
                    continue
                line = _line_at(code, match.start())
                seen[line] = seen.get(line, 0) + 1
                nth = f" (no. {seen[line]})" if seen[line] > 1 else ""
                yield Mutant(
                    unique_id,
                    path,
                    line,
                    change + nth,
                    any(start <= match.start() < end for start, end in later),
                    _apply(code, match, replacement),
                )


def _apply(code: str, match: re.Match[str], replacement: str) -> str:
    groups = match.groupdict()
    if groups.get("number"):
        replacement = str(int(groups["number"]) + 1)
    elif groups.get("decimal"):
        replacement = f"{float(groups['decimal']) * 1.1:.3f}"
    elif match[0] == "coalesce(":
        first, end = _first_argument(code, match.end())
        return code[: match.start()] + f"({first})" + code[end:]
    return code[: match.start()] + replacement + code[match.end() :]


def _line_at(code: str, position: int) -> str:
    """The line around a position, without indentation."""
    start = code.rfind("\n", 0, position) + 1
    return code[start:].partition("\n")[0].strip()


def _first_argument(code: str, start: int) -> tuple[str, int]:
    """The first argument of a call, and where the call ends."""
    depth, first = 0, None
    for index in range(start, len(code)):
        character = code[index]
        if character in "([{":
            depth += 1
        elif character == "," and depth == 0 and first is None:
            first = code[start:index]
        elif character in ")]}":
            if depth == 0:
                return first if first is not None else code[start:index], index + 1
            depth -= 1
    raise ValueError("a call that does not end")


def _incremental_spans(code: str) -> list[tuple[int, int]]:
    """Where code runs in incremental builds only."""
    return [
        match.span()
        for match in re.finditer(
            r"\{%-? if is_incremental\(\) -?%\}.*?\{%-? (else|endif) -?%\}", code, re.DOTALL
        )
    ]


def sources_of(manifest: Any) -> dict[str, tuple[str, str]]:
    """The macros under macros/definitions and the models of zone A, out of a parsed project."""
    found = {
        key: (macro.original_file_path, macro.macro_sql)
        for key, macro in manifest.macros.items()
        if macro.original_file_path.startswith(_DEFINITIONS)
        and macro.package_name == "llm_analytics"
    }
    return found | {
        key: (node.original_file_path, node.raw_code)
        for key, node in manifest.nodes.items()
        if node.original_file_path.startswith("models/intermediate/")
        and key.startswith("model.llm_analytics.")
    }
