"""Renders boards in this process: importing dbt-charts takes longer than drawing with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_analytics.boards.workspace import NO_TELEMETRY, board_file
from llm_analytics.errors import LlmAnalyticsError

_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_FONT_URL = re.compile(r"/static/fonts/([\w.-]+)")


@dataclass(frozen=True)
class Drawn:
    """A board as pages hold it, without its fonts."""

    #: A whole HTML page with the wide form.
    page: str
    #: The narrow form, whose ids differ from those of the page.
    narrow: str
    #: The rules that name fonts, as the page had them.
    font_faces: frozenset[str]


class Renderer:
    """An open workspace; use it with `rendering`."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._compiled: dict[str, tuple[Any, Any]] = {}

    def _compile(self, path: str) -> tuple[Any, Any]:
        """A board as dbt-charts reads it; that takes longer than drawing it once."""
        from dbt_charts.agent_api._paths import resolve_board_or_error
        from dbt_charts.core.compile.compiler import compile_file

        board = resolve_board_or_error(Path(path), self._session.project)
        compiled = compile_file(board)
        if not compiled.success:
            raise LlmAnalyticsError(f"{path}: {' '.join(compiled.errors[0].message.split())}")
        return board, compiled

    def draw(self, name: str, variables: Mapping[str, str], plan: int = 0) -> Drawn:
        """Draws a board in both forms, as it is laid out for all users or the plan of this number.

        Raises LlmAnalyticsError with the first chart that fails.
        """
        page = self._render(name, board_file(name, False, plan), "html", variables)
        narrow = self._render(name, board_file(name, True, plan), "svg", variables)
        faces = frozenset(_FONT_FACE.findall(page))
        return Drawn(_FONT_FACE.sub("", page), _rename_ids(_FONT_FACE.sub("", narrow)), faces)

    def _render(self, name: str, path: str, form: str, variables: Mapping[str, str]) -> str:
        if path not in self._compiled:
            self._compiled[path] = self._compile(path)
        board, compiled = self._compiled[path]
        result = self._session.render_board(
            board=board, compile_result=compiled, format=form, variables=dict(variables)
        )
        problems = [
            *(result.validation_errors or ()),
            *([result.board_error] if result.board_error else ()),
            *(result.chart_errors or ()),
        ]
        if problems or result.status == "failed":
            first = " ".join(str(problems[0].message).split()) if problems else "failed"
            raise LlmAnalyticsError(f"board {name}: {first}")
        return str(result.data)


@contextmanager
def rendering(workspace: Path) -> Iterator[Renderer]:
    """Opens a workspace. Raises LlmAnalyticsError without the extra `boards`."""
    os.environ.update(NO_TELEMETRY)
    try:
        from dbt_charts.agent_api import ProjectSession
        from dbt_charts.agent_api.cache import open_cache
    except ImportError as error:
        raise LlmAnalyticsError(
            "boards need the extra `boards`: pip install 'llm-analytics[boards]'"
        ) from error
    # The two forms of a board, and the tiles of one, ask the same.
    cache = open_cache(None)
    try:
        with ProjectSession.open(workspace, cache=cache) as session:
            yield Renderer(session)
    finally:
        cache.close()


def font_file(rule: str) -> Path:
    """The file that a font rule of dbt-charts names."""
    from importlib import resources

    named = _FONT_URL.search(rule)
    if named is None:
        raise LlmAnalyticsError("dbt-charts names its fonts in a way that is not known")
    folder = Path(str(resources.files("dbt_charts"))) / "core" / "render" / "fonts"
    return folder / named.group(1)


def embed_font(rule: str, encoded: str) -> str:
    """The rule with the font in it: a page from a disk may not load a font beside it."""
    return re.sub(r"url\([^)]*\)", f"url(data:font/woff2;base64,{encoded})", rule)


def _rename_ids(svg: str) -> str:
    """The drawing with other ids: both forms stand in one page, where an id is there once."""
    ids = set(re.findall(r'\sid="([^"]+)"', svg))
    svg = re.sub(r'(\s)id="([^"]+)"', r'\1id="narrow-\2"', svg)
    svg = re.sub(
        r"url\((['\"]?)#([^)'\"]+)",
        lambda found: (
            f"url({found.group(1)}#narrow-{found.group(2)}"
            if found.group(2) in ids
            else found.group(0)
        ),
        svg,
    )
    return re.sub(
        r'href="#([^"]+)"',
        lambda found: (
            f'href="#narrow-{found.group(1)}"' if found.group(1) in ids else found.group(0)
        ),
        svg,
    )
