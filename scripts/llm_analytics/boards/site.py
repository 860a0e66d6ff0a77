"""Static pages of the boards: every view that a switcher offers is drawn beforehand."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from llm_analytics.boards.render import Drawn, embed_font, font_file, rendering
from llm_analytics.boards.workspace import (
    ALL_PLANS,
    BOARDS,
    BOARDS_BY_PLAN,
    NARROW,
    ask_shared,
    check_published,
    make_workspace,
)

#: Days of the periods that are drawn; the first is shown first.
PERIODS = ("28", "7", "90")
ALL_MODELS = "all models"
#: How many models and plans get pages of their own, unless asked otherwise.
MODELS = PLANS = 4
_FONTS = "fonts.css"
_STYLE = f"""
.views {{ display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; padding: 12px 20px;
  border-bottom: 1px solid #dfe1e5;
  font: 500 14px "Inter Variable", Inter, system-ui, sans-serif; }}
.views nav {{ display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }}
.views span {{ color: #626366; margin-right: 4px; }}
.views a {{ color: #222; text-decoration: none; padding: 5px 10px; border-radius: 6px; }}
.views a:hover {{ background: #f0f1f3; }}
.views a[aria-current] {{ background: #222; color: #fff; }}
.views a:focus-visible {{ outline: 2px solid #2563eb; }}
.narrow {{ display: none; }}
.narrow > svg {{ width: 100%; height: auto; }}
.dbt-charts-wrapper {{ max-width: 1400px; }}
@media (max-width: 720px) {{
  .views {{ padding: 8px; gap: 4px 8px; }}
  .dbt-charts-wrapper {{ display: none; }}
  .narrow {{ display: block; max-width: {NARROW * 1.5:.0f}px; margin: 0 auto; }}
}}
"""


@dataclass(frozen=True)
class View:
    """One page: a board over a period, of one model or all, of the users of one plan or all."""

    board: str
    period: str = PERIODS[0]
    model: str = ALL_MODELS
    plan: str = ALL_PLANS

    @property
    def variables(self) -> dict[str, str]:
        """What the board is asked for."""
        chosen = {"period": self.period, "plan": self.plan}
        return {**chosen, "model": self.model} if self.board == "engineering" else chosen


def find_models(published: Path, n_models: int) -> list[str]:
    """So many models with the most calls, most first."""
    with duckdb.connect(str(published), read_only=True) as reader:
        rows = reader.execute(
            "select model from marts.model_performance_daily where model is not null"
            f" group by model order by sum(n_calls) desc, model limit {n_models}"
        ).fetchall()
    return [str(row[0]) for row in rows]


def find_plans(published: Path, n_plans: int) -> list[str]:
    """So many plans with the most users, most first; none that is about few users."""
    names = [str(row["plan"]) for row in ask_shared(published, "plans")]
    return [name for name in names if name != ALL_PLANS][:n_plans]


def list_views(
    models: list[str], periods: tuple[str, ...] = PERIODS, plans: Sequence[str] = ()
) -> dict[View, str]:
    """All pages and their file names; a page of one model or plan is over the first period."""
    names = {}
    for board in BOARDS:
        for period in periods:
            suffix = "" if period == periods[0] else f"-{period}-days"
            names[View(board, period)] = f"{board}{suffix}.html"
    for number, model in enumerate(models, 1):
        names[View("engineering", periods[0], model)] = (
            f"engineering-model-{number}-{_slug(model)}.html"
        )
    for number, plan in enumerate(plans, 1):
        for board in BOARDS_BY_PLAN:
            name = f"{board}-plan-{number}-{_slug(plan)}.html"
            names[View(board, periods[0], plan=plan)] = name
    return names


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def write_site(
    published: Path,
    folder: Path,
    workspace: Path,
    periods: tuple[str, ...] = PERIODS,
    n_models: int = MODELS,
    n_plans: int = PLANS,
) -> list[Path]:
    """Draws all views of a published file into a folder; returns the pages.

    Pages need no network and no server. Raises LlmAnalyticsError without the published file or the
    extra `boards`, or with the first chart that fails; pages that were there stay then.
    """
    check_published(published)
    plans = find_plans(published, n_plans)
    make_workspace(workspace, published, is_static=True, plans=plans)
    names = list_views(find_models(published, n_models), periods, plans)
    numbers = {plan: number for number, plan in enumerate((ALL_PLANS, *plans))}
    drawn: dict[View, Drawn] = {}
    with rendering(workspace) as renderer:
        for view in names:
            drawn[view] = renderer.draw(view.board, view.variables, numbers[view.plan])
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.html"):
        stale.unlink()
    faces = sorted(frozenset().union(*(each.font_faces for each in drawn.values())))
    (folder / _FONTS).write_text("\n".join(map(_embedded, faces)), encoding="utf-8")
    pages = []
    for view, name in names.items():
        pages.append(folder / name)
        pages[-1].write_text(_page(drawn[view], view, names), encoding="utf-8")
    first = names[View(BOARDS[0], periods[0])]
    (folder / "index.html").write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title>Boards</title>'
        f'<meta http-equiv="refresh" content="0; url={first}"><a href="{first}">Boards</a>\n',
        encoding="utf-8",
    )
    return pages


def _embedded(rule: str) -> str:
    return embed_font(rule, base64.b64encode(font_file(rule).read_bytes()).decode())


def _page(drawn: Drawn, view: View, names: dict[View, str]) -> str:
    """The page of dbt-charts with the switcher before it and the narrow form after it."""
    head = f'<link rel="stylesheet" href="{_FONTS}"><style>{_STYLE}</style></head>'
    before = f'<body><header class="views">{"".join(_switches(view, names))}</header>'
    page = drawn.page.replace("</head>", head, 1).replace("<body>", before, 1)
    place = page.index("<script>", page.index("dbt-charts-svg-container dbt-charts-board"))
    return f'{page[:place]}<div class="narrow">{drawn.narrow}</div>{page[place:]}'


def _switches(view: View, names: dict[View, str]) -> Iterator[str]:
    """Links to the other boards, periods, models and plans."""
    whole = View(view.board, view.period)
    # The plan stays where the other board has it too.
    boards = {
        name.capitalize(): next(
            each
            for each in (View(name, view.period, plan=view.plan), View(name, view.period))
            if each in names
        )
        for name in BOARDS
    }
    yield _links("Board", boards, boards[view.board.capitalize()], names)
    periods = {
        f"{period} days": View(view.board, period)
        for period in sorted({each.period for each in names}, key=int)
    }
    yield _links("Period", periods, whole, names)
    of_board = [each for each in names if each.board == view.board]
    models = {each.model: each for each in of_board if each.model != ALL_MODELS}
    if models:
        yield _links("Model", {ALL_MODELS: whole, **models}, view, names)
    plans = {each.plan: each for each in of_board if each.plan != ALL_PLANS}
    if plans:
        yield _links("Plan", {ALL_PLANS: whole, **plans}, view, names)


def _links(title: str, views: dict[str, View], current: View, names: dict[View, str]) -> str:
    links = "".join(
        f'<a href="{html.escape(names[view])}"{" aria-current=page" if view == current else ""}>'
        f"{html.escape(label)}</a>"
        for label, view in views.items()
    )
    return f'<nav aria-label="{title}"><span>{title}</span>{links}</nav>'
