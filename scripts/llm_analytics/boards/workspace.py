"""The folder that dbt-charts works in: the boards, a narrow form of each, and where the data is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

from llm_analytics.errors import LlmAnalyticsError

#: Names of the boards, in the order in which they are shown.
BOARDS = ("executive", "product", "engineering")
_SHARED = "_shared"
#: The boards whose figures are of users, and what stands for users of any plan.
BOARDS_BY_PLAN = ("executive", "product")
ALL_PLANS = "all plans"
#: Pixels in which a board is laid out: on a desk, and on a phone.
WIDE, NARROW = 1240, 440
_NARROW_SUFFIX = "__narrow"
# dbt-charts sends statistics of use unless told not to, and it is told before it is imported.
NO_TELEMETRY = {"DO_NOT_TRACK": "1"}


def boards_folder() -> Path:
    """Where the YAML of the boards is: in the checkout, or in the installed package."""
    package = Path(__file__).resolve().parents[1]
    in_checkout = package.parents[1] / "dashboards"
    return in_checkout if in_checkout.is_dir() else package / "dashboards"


def read_board(name: str) -> dict[str, Any]:
    """The YAML of a board. Raises LlmAnalyticsError for a name that is none."""
    path = boards_folder() / f"{name}.yml"
    if name not in (*BOARDS, _SHARED) or not path.is_file():
        raise LlmAnalyticsError(f"no board {name}: there are {', '.join(BOARDS)}")
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def check_published(published: Path) -> None:
    """Raises LlmAnalyticsError without the published file."""
    if not published.is_file():
        raise LlmAnalyticsError(f"no {published}: run `llm-analytics publish` first")


def make_workspace(
    folder: Path, published: Path, is_static: bool, plans: Sequence[str] = ()
) -> Path:
    """Writes the workspace for a published file; raises LlmAnalyticsError without the file.

    For a server the boards are linked, so that an edit of one shows. For static pages they lose
    their filters, which nothing would answer, and the tiles that this file cannot fill or that
    stand for those that it can, of all users and of each of the plans; and each has a narrow form
    beside it.
    """
    check_published(published)
    charts = folder / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    for leftover in charts.iterdir():
        leftover.unlink()
    flags = _read_flags(published, (ALL_PLANS, *plans)) if is_static else {}
    source = {"type": "duckdb", "path": str(published.absolute())}
    _write(folder / "dbt_charts.yml", {"sources": {"published": source}})
    if not is_static:  # The server lists no links, and so none of the boards.
        named = "\n".join(f"- [{name.capitalize()}](/{name}/)" for name in BOARDS)
        _write(charts / "index.yml", {"title": "Boards", "text": named})
    for name in (_SHARED, *BOARDS):
        if name == _SHARED or not is_static:
            (charts / f"{name}.yml").symlink_to(os.path.realpath(boards_folder() / f"{name}.yml"))
            continue
        board = _without_filters(read_board(name))
        of_this = (ALL_PLANS, *(plans if name in BOARDS_BY_PLAN else ()))
        for number, plan in enumerate(of_this):
            rows = _settle(board["rows"], flags[plan])
            shown = set(_names_in(rows))
            charts_shown = {key: given for key, given in board["charts"].items() if key in shown}
            for is_narrow, width in ((False, WIDE), (True, NARROW)):
                _write(
                    folder / board_file(name, is_narrow, number),
                    {
                        **board,
                        "style": {"frame": {"width": width}},
                        "charts": charts_shown,
                        "rows": _stack(rows) if is_narrow else rows,
                    },
                )
    return folder


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def board_file(name: str, is_narrow: bool, plan: int = 0) -> str:
    """Where a board is in its workspace: of all users, or of the plan with this number, from 1."""
    of_plan = f"__plan_{plan}" if plan else ""
    return f"charts/{name}{of_plan}{_NARROW_SUFFIX if is_narrow else ''}.yml"


def _without_filters(board: dict[str, Any]) -> dict[str, Any]:
    """The board with its filters out of sight."""
    filters = {"period": {}, "plan": {}, **board.get("variables", {})}
    return {
        **board,
        "variables": {key: {**given, "visible": False} for key, given in filters.items()},
    }


def _read_flags(published: Path, plans: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each plan the one row of `state`, which says what the file has enough of to be drawn."""
    return {plan: ask_shared(published, "state", {"plan": plan})[0] for plan in plans}


def ask_shared(
    published: Path, query: str, variables: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Rows of a query that the boards share; a variable that is not given has its default."""
    shared = read_board(_SHARED)
    given = {key: each["default"] for key, each in shared["variables"].items()}
    given |= variables or {}

    def expand(sql: str) -> str:
        named = re.sub(
            r"\{\{ queries\.(\w+) \}\}",
            lambda found: f"({expand(shared['queries'][found[1]])}) as {found[1]}",
            sql,
        )
        for variable, value in given.items():
            named = named.replace(f"{{{{ {variable} }}}}", "'" + value.replace("'", "''") + "'")
        return named

    with duckdb.connect(str(published), read_only=True) as reader:
        result = reader.execute(expand(shared["queries"][query]))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _settle(items: list[Any], flags: Mapping[str, Any]) -> list[Any]:
    """A layout whose conditions are decided: what is hidden is gone, what is shown is plain."""
    settled: list[Any] = []
    for item in items:
        if isinstance(item, str):
            settled.append(item)
        elif "visible" not in item or flags.get(item["visible"]["column"]):
            inner = {key: value for key, value in item.items() if key != "visible"}
            for key in ("rows", "cols"):
                if key in inner:
                    inner[key] = _settle(inner[key], flags)
            settled += inner["rows"] if list(inner) == ["rows"] else [inner]
    return settled


def _names_in(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield item
        else:
            yield from _names_in([*item.get("rows", ()), *item.get("cols", ())])


def _stack(items: list[Any]) -> list[Any]:
    """A layout with everything below each other, for a screen that has no room beside it."""
    stacked: list[Any] = []
    for item in items:
        if isinstance(item, str):
            stacked.append(item)
            continue
        inner = _stack([*item.get("rows", ()), *item.get("cols", ())])
        if "title" in item:
            kept = {
                key: value for key, value in item.items() if key not in ("rows", "cols", "width")
            }
            stacked.append({**kept, "rows": inner})
        else:
            stacked += inner
    return stacked
