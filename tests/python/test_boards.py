"""The boards: twelve bullets of the guide, each tile with its definition, figures of the marts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from board_pictures import find_browser
from llm_analytics.boards.render import rendering
from llm_analytics.boards.site import ALL_MODELS, View, find_plans, list_views
from llm_analytics.boards.workspace import (
    ALL_PLANS,
    BOARDS,
    BOARDS_BY_PLAN,
    ask_shared,
    board_file,
    make_workspace,
    read_board,
)
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.privacy.small_cells import find_small_cells
from llm_analytics.publishing.command import publish
from llm_analytics.publishing.folder import PublishedFolder
from llm_analytics.warehouse import Warehouse
from support.project import ROOT

#: The tile of each bullet of the guide's chapter on dashboards.
BULLETS = {
    "executive": {
        "high_level_kpis": "High-level KPIs",
        "business_metrics": "Business metrics",
        "trend_analysis": "Trend analysis",
        "alert_status": "Alert status",
    },
    "product": {
        "user_engagement": "User engagement metrics",
        "feature_adoption": "Feature adoption rates and usage patterns",
        "ab_tests": "A/B test results and statistical significance",
        "user_feedback": "User feedback trends and sentiment analysis",
    },
    "engineering": {
        "technical_performance": "Technical performance metrics",
        "infrastructure": "Infrastructure costs and resource utilization",
        "model_performance": "Model performance and accuracy metrics",
        "system_alerts": "System alerts and incident tracking",
    },
}
#: A tile that stands for another one, or says how old the data is, defines nothing.
STANDS_FOR_ANOTHER = ("_missing", "_none", "age_of_data")
#: What scripts/ci/demo.sh and scripts/ci/boards.sh leave.
DEMO = ROOT / "build" / "ci"


def names_in(layout: Any) -> Iterator[str]:
    """Names of the charts that a layout shows."""
    if isinstance(layout, str):
        yield layout
    elif isinstance(layout, list):
        for item in layout:
            yield from names_in(item)
    else:
        for key in ("rows", "cols"):
            yield from names_in(layout.get(key, []))


def probes_in(layout: Any) -> Iterator[str]:
    """Flags by which parts of a layout are shown."""
    if isinstance(layout, list):
        for item in layout:
            yield from probes_in(item)
    elif isinstance(layout, dict):
        if "visible" in layout:
            yield layout["visible"]["column"]
        for key in ("rows", "cols"):
            yield from probes_in(layout.get(key, []))


# ---- what the boards are made of


@pytest.mark.parametrize("board", BOARDS)
def test_every_bullet_of_the_guide_has_its_tiles(board: str) -> None:
    found = read_board(board)
    items = [item for item in found["rows"] if isinstance(item, dict)]
    sections = {item["id"]: item for item in items if "id" in item}
    assert list(sections) == list(BULLETS[board])
    for bullet, section in sections.items():
        tiles = [name for name in names_in(section) if not name.endswith(STANDS_FOR_ANOTHER)]
        assert tiles, bullet
        assert all(name.startswith(bullet) for name in tiles), bullet
    shown = list(names_in(found["rows"]))
    assert sorted(shown) == sorted(found["charts"]), "each chart is shown once"


@pytest.mark.parametrize(
    "bullet", [bullet for board in BULLETS.values() for bullet in board.values()]
)
def test_the_bullets_are_those_of_the_guide(shared: Path, bullet: str) -> None:
    guide = (shared / "guide_llm_product_analytics.txt").read_text()
    chapter = guide[guide.index("\nDashboard Design\n") :]
    assert bullet in chapter[: chapter.index("\nCommon Pitfalls")]


@pytest.mark.parametrize("board", BOARDS)
def test_every_tile_says_what_it_counts(board: str) -> None:
    for name, chart in read_board(board)["charts"].items():
        if name.endswith(STANDS_FOR_ANOTHER):
            assert chart["support"]["value"] in ("why", "build"), name
        elif chart["type"] == "kpi":
            # A definition, and below the figure its n and the day up to which it is final.
            assert " · " in chart["label"], name
            assert chart["support"]["value"].endswith(("basis", "which")), name
        else:
            assert chart["title"], name
            assert len(chart["subtitle"]) > 20, name


@pytest.mark.parametrize("board", BOARDS)
def test_what_cannot_be_drawn_is_replaced_by_what_is_missing(board: str) -> None:
    found = read_board(board)
    stand_ins = [n for n in found["charts"] if n.endswith(("_missing", "_none"))]
    assert stand_ins
    flags = list(probes_in(found["rows"]))
    assert len([flag for flag in flags if flag.startswith("lacks_")]) == len(stand_ins)
    query = yaml.safe_load((ROOT / "dashboards/_shared.yml").read_text())["queries"]["state"]
    for flag in flags:
        if not flag.endswith("_shown"):
            assert f" as {flag}" in query, flag


def test_boards_define_no_metric() -> None:
    """Thin SQL: marts only, and none of the tables below them."""
    for path in sorted((ROOT / "dashboards").glob("*.yml")):
        text = path.read_text()
        assert set(re.findall(r"\b(?:from|join) ([a-z_]+)\.", text)) <= {"marts", "published"}, path
        assert not re.search(r"marts\.fct_|\braw\.", text), path


@pytest.mark.parametrize("board", BOARDS)
def test_an_exposure_says_what_a_board_reads(board: str) -> None:
    exposures = yaml.safe_load((ROOT / "models/semantic/exposures.yml").read_text())["exposures"]
    (declared,) = (each["depends_on"] for each in exposures if each["name"] == f"{board}_board")
    text = "".join((ROOT / f"dashboards/{name}.yml").read_text() for name in ("_shared", board))
    read = {f"ref('{mart}')" for mart in re.findall(r"\bmarts\.(\w+)", text)}
    assert set(declared) == read


def test_a_switcher_has_a_page_for_each_view() -> None:
    names = list_views(["gpt-4o", "A/B <b>?"], plans=["pro", "free / old"])
    assert names[View("executive")] == "executive.html"
    assert names[View("product", "90")] == "product-90-days.html"
    assert names[View("engineering", "28", "A/B <b>?")] == "engineering-model-2-a-b-b.html"
    assert names[View("product", "28", plan="free / old")] == "product-plan-2-free-old.html"
    assert View("engineering", "28", plan="pro") not in names
    assert len(set(names.values())) == len(names) == 3 * 3 + 2 + 2 * 2
    of_model = {"period": "28", "plan": ALL_PLANS, "model": ALL_MODELS}
    assert View("engineering").variables == of_model
    assert View("executive", plan="pro").variables == {"period": "28", "plan": "pro"}


def test_without_a_published_file_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LlmAnalyticsError, match="run `llm-analytics publish` first"):
        make_workspace(tmp_path / "boards", tmp_path / "missing.duckdb", is_static=True)


# ---- the pages


@pytest.fixture(scope="module")
def pages() -> Path:
    folder = DEMO / "boards"
    if not (folder / "executive.html").exists():
        pytest.skip(
            "no pages: scripts/ci/demo.sh simulated build/ci; scripts/ci/boards.sh build/ci"
        )
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = find_browser()
    if program is None:
        pytest.skip("no browser: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_pages_are_drawn_offline_without_an_error(pages: Path, browser: Any) -> None:
    """On a desk and on a phone: every chart has marks, and nothing is fetched from elsewhere."""
    problems: list[str] = []
    for width, form in ((1280, ".dbt-charts-wrapper"), (390, ".narrow")):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file://", "data:"))
                else problems.append(request.url)
            ),
        )
        for path in sorted(set(pages.glob("*.html")) - {pages / "index.html"}):
            page.goto(path.as_uri())
            page.wait_for_load_state("load")
            board = page.url.rpartition("/")[2].removesuffix(".html").split("-")[0]
            shown = page.locator(f"{form} svg").first
            assert shown.is_visible(), path.name
            # A table shows all its rows: nobody turns pages of one row.
            assert page.locator(f"{form} .dbt-paginator").count() == 0, path.name
            # The page fits: nobody scrolls sideways.
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
            charts = page.evaluate(
                """form => [...document.querySelectorAll(form + ' [data-chart-id]')].map(chart => ({
                    id: chart.dataset.chartId, type: chart.dataset.chartType,
                    n: chart.querySelectorAll('.role-mark path, .role-mark rect, .role-mark line,'
                        + ' .role-mark circle, .role-mark text, path[aria-label]').length,
                    words: chart.textContent.trim().length
                }))""",
                form,
            )
            drawn = {chart["id"]: chart for chart in charts}
            for bullet in BULLETS[board]:
                assert any(name.startswith(bullet) for name in drawn), (path.name, bullet)
            for name, chart in drawn.items():
                assert chart["words"] > 0, (path.name, name)
                if chart["type"] in ("line", "bar", "area"):
                    assert chart["n"] > 0, (path.name, name)
        page.close()
    assert problems == []


@pytest.mark.long
def test_boards_are_served_with_live_filters(pages: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "llm_analytics", "dashboards", "--serve", "--port", str(port),
         "--published", str(DEMO / "published")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        found = {}
        for query in ("/", "", "?period=7", "?plan=pro"):
            address = f"http://localhost:{port}" + (
                query if query == "/" else f"/executive/{query}"
            )
            until = time.monotonic() + 90
            while True:
                try:
                    with urllib.request.urlopen(address, timeout=60) as answer:
                        found[query] = answer.read().decode()
                    break
                except OSError:
                    assert time.monotonic() < until, "the server does not answer"
                    time.sleep(1)
        # The address that the command prints leads to the boards.
        assert all(f'href="/{board}"' in found["/"] for board in BOARDS)
        assert "n 28 days" in found[""]
        assert "n 7 days" in found["?period=7"]
        assert re.search(r"n \d+ users with a query", found["?plan=pro"])
        assert not re.search(r"n \d+ users with a query", found[""])
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_on_an_empty_warehouse_tiles_say_what_is_missing(tmp_path: Path) -> None:
    """A build without any event publishes and draws; no tile is an empty chart."""
    folder = ROOT / "build" / "empty"
    if not (folder / "target" / "run_results.json").exists():
        pytest.skip("no empty build: scripts/ci/test.sh makes it")
    published = PublishedFolder(tmp_path)
    publish(Warehouse(str(folder / "warehouse.duckdb")), folder / "target", published)
    workspace = make_workspace(tmp_path / "boards", published.current, is_static=True)
    with rendering(workspace) as renderer:
        for board, variables in (
            ("executive", View("executive").variables),
            ("product", View("product").variables),
            ("engineering", View("engineering").variables),
        ):
            (tmp_path / f"{board}.html").write_text(renderer.draw(board, variables).page)
    satisfaction = tile(tmp_path / "executive.html", "high_level_kpis_satisfaction")
    assert "not computable, missing: " in satisfaction
    assert "missing: " in tile(tmp_path / "engineering.html", "infrastructure_missing")
    for board in BOARDS:
        drawn = set(
            re.findall(r'data-chart-type="(\w+)"', (tmp_path / f"{board}.html").read_text())
        )
        assert not drawn & {"line", "bar"}, board


def tile(page: Path, name: str) -> str:
    """All words of a tile of a page."""
    text = page.read_text()
    start = text.index(f'id="chart-{name}"')
    end = text.find('id="chart-', start + 10)
    text = re.sub(r"<style.*?</style>", " ", text[start:end], flags=re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", text.partition(">")[2]).split())
    # The sign stands apart, smaller.
    return re.sub(r"(\d) %", r"\1%", words)


# ---- one plan


@pytest.fixture(scope="module")
def published(pages: Path) -> Path:
    """The published file that the pages were drawn from."""
    return PublishedFolder(DEMO / "published").current


def plan_page(pages: Path, published: Path, board: str, plan: str) -> Path:
    """The page of a plan, by the name that the switcher links."""
    return pages / list_views([], plans=find_plans(published, 8))[View(board, plan=plan)]


def test_figures_of_a_plan_are_those_of_its_users(pages: Path, published: Path) -> None:
    """Counted from facts, of the users who have the plan now, over the 28 days of the whole."""
    with duckdb.connect(str(DEMO / "warehouse.duckdb"), read_only=True) as warehouse:

        def one(sql: str) -> Any:
            row = warehouse.execute(sql).fetchone()
            assert row is not None
            return row[0] if len(row) == 1 else row

        of_plan = "user_id in (select user_id from marts.dim_users where plan = 'pro')"
        users = one(
            f"select count(*) from marts.dim_users where cohort_date is not null and {of_plan}"
        )
        up, votes = one(
            "select count(*) filter (feedback_type = 'thumbs_up'), count(*)"
            " from marts.fct_feedback as feedback inner join intermediate.int_calls as calls"
            " on feedback.response_event_id = calls.response_event_id"
            " where is_standing and feedback_type in ('thumbs_up', 'thumbs_down')"
            f" and is_successful_answer and calls.{of_plan} and response_date >"
            " (select max(response_date) from intermediate.int_calls where is_successful_answer)"
            " - 28"
        )
        last = one("select max(date_day) from marts.dim_dates where is_complete")
        active = one(
            "select count(distinct user_id) from marts.fct_interactions"
            f" where {of_plan} and interaction_date > date '{last}' - 7"
            f" and interaction_date <= date '{last}'"
        )
        messages, sessions = one(
            f"select sum(n_messages), count(*) from marts.fct_sessions where {of_plan}"
            f" and not is_oversized and session_date > date '{last}' - 28"
            f" and session_date <= date '{last}'"
        )
        revenue = one(
            f"select sum(revenue_usd) from marts.user_revenue_days where {of_plan}"
            " and activity_date > (select max(activity_date) from marts.user_revenue_days) - 28"
        )
    page = plan_page(pages, published, "executive", "pro")
    assert f"n {users:,} users with a query" in tile(page, "plan_of_users")
    satisfaction = tile(page, "high_level_kpis_satisfaction")
    assert f"{up / votes:.1%}" in satisfaction
    assert f"n {votes:,} votes" in satisfaction
    assert tile(page, "high_level_kpis_weekly_active_users").startswith(f"{active} ")
    assert tile(page, "business_metrics_revenue").startswith(f"$ {revenue:,.0f} ")
    page = plan_page(pages, published, "product", "pro")
    in_session = tile(page, "user_engagement_messages")
    assert in_session.startswith(f"{messages / sessions:.2f} ")
    assert f"n {sessions:,} sessions" in in_session


@pytest.mark.parametrize("board", BOARDS_BY_PLAN)
def test_a_page_of_a_plan_shows_nothing_of_the_whole(
    board: str, published: Path, tmp_path: Path
) -> None:
    """Each of its tiles asks for the plan, or says in words that it is of all plans only."""
    workspace = make_workspace(tmp_path, published, is_static=True, plans=["pro"])
    queries = read_board("_shared")["queries"]

    def asks_for_plan(sql: str) -> bool:
        inner = [queries[name] for name in re.findall(r"\{\{ queries\.(\w+) \}\}", sql)]
        return "{{ plan }}" in sql or any(map(asks_for_plan, inner))

    drawn = yaml.safe_load((workspace / board_file(board, False, 1)).read_text())
    assert "plan_of_users" in drawn["charts"]
    for name, chart in drawn["charts"].items():
        sql = queries.get(chart["query"], chart["query"])
        assert asks_for_plan(sql) or "not by plan" in sql or name == "age_of_data", name
    whole = yaml.safe_load((workspace / board_file(board, False)).read_text())
    assert "plan_of_users" not in whole["charts"]


def test_what_is_not_by_plan_says_so(pages: Path, published: Path) -> None:
    page = plan_page(pages, published, "product", "pro")
    for name in ("feature_adoption_missing", "ab_tests_missing", "user_feedback_pain_none"):
        assert tile(page, name).startswith("not by plan "), name
    page = plan_page(pages, published, "executive", "pro")
    assert "alert rules watch all plans" in tile(page, "alert_status_missing")
    assert "latency p95 · not by plan" in tile(page, "trend_analysis_changes")


def test_a_plan_of_few_users_is_not_offered(published: Path, tmp_path: Path) -> None:
    """It is withheld on every date or on none, and with it one that would give it away."""
    assert find_plans(published, 8) == ["free", "pro"]
    with duckdb.connect(str(DEMO / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select metric, date_day, plan, n_users from marts.metrics_by_plan_daily"
        )
        tables: dict[Any, list[dict[str, Any]]] = {}
        for metric, day, plan, n_users in found.fetchall():
            tables.setdefault((metric, day), []).append({"plan": plan, "n_users": n_users})
    withheld = {
        frozenset(
            cells[place]["plan"] for place in find_small_cells(cells, ["plan"], "n_users", 30).rows
        )
        for cells in tables.values()
    }
    assert withheld == {frozenset(["free", "pro"])}
    copied = tmp_path / "published.duckdb"
    shutil.copy(published, copied)
    with duckdb.connect(str(copied)) as database:
        database.execute(
            "update marts.metrics_by_plan_daily set is_suppressed = true, n_users = null,"
            " numerator = null, metric_value = null where plan is not null"
        )
    assert find_plans(copied, 8) == []
    # Nor does it answer who asks for it by its name.
    assert ask_shared(copied, "metrics", {"plan": "pro"}) == []


def test_a_name_of_a_plan_is_no_sql(published: Path) -> None:
    assert ask_shared(published, "metrics", {"plan": "x' or 'a' = 'a"}) == []


def test_the_switcher_leads_to_a_plan_and_keeps_it(pages: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((pages / "executive.html").as_uri())
    plans = page.locator('nav[aria-label="Plan"] a')
    assert plans.all_inner_texts()[0] == ALL_PLANS
    plans.get_by_text("pro", exact=True).click()
    current = page.locator("a[aria-current]")
    assert current.all_inner_texts() == ["Executive", "28 days", "pro"]
    page.get_by_role("link", name="Product").click()
    assert current.all_inner_texts() == ["Product", "28 days", "pro"]
    page.get_by_role("link", name="Engineering").click()
    assert current.all_inner_texts() == ["Engineering", "28 days", ALL_MODELS]
    page.close()


def test_figures_are_those_of_the_marts(pages: Path) -> None:
    with duckdb.connect(str(DEMO / "warehouse.duckdb"), read_only=True) as warehouse:

        def one(sql: str) -> Any:
            row = warehouse.execute(sql).fetchone()
            assert row is not None
            return row[0]

        last = one("select max(date_day) from marts.satisfaction_daily where n_up + n_down > 0")
        thumbs = one(
            "select sum(n_up) / sum(n_up + n_down) from marts.satisfaction_daily"
            f" where date_day > date '{last}' - 28 and date_day <= date '{last}'"
        )
        votes = one(
            "select sum(n_up + n_down) from marts.satisfaction_daily"
            f" where date_day > date '{last}' - 28 and date_day <= date '{last}'"
        )
        n_open = one("select count(*) from marts.incidents where is_open")
        attempts, failed = warehouse.execute(
            "select sum(n_attempts), sum(n_failed) from marts.model_performance_daily"
            " where date_day > (select max(date_day) from marts.model_performance_daily) - 28"
        ).fetchall()[0]
        latencies = [
            row[0]
            for row in warehouse.execute(
                "select latency_ms from intermediate.int_calls where is_successful_answer"
                " and latency_ms >= 0 and response_date > (select max(date_day) from"
                " marts.latency_histograms_daily) - 28 order by latency_ms"
            ).fetchall()
        ]
    satisfaction = tile(pages / "executive.html", "high_level_kpis_satisfaction")
    assert f"{thumbs:.1%}" in satisfaction
    assert f"n {votes:,}" in satisfaction
    open_incidents = tile(pages / "executive.html", "alert_status_open")
    assert open_incidents.startswith(f"{n_open} Open Incidents")
    errors = tile(pages / "engineering.html", "technical_performance_errors")
    assert f"{failed / attempts:.2%}" in errors
    assert f"n {attempts:,} attempts" in errors
    p95 = latencies[-(-95 * len(latencies) // 100) - 1]
    shown = float(tile(pages / "engineering.html", "technical_performance_p95").split()[0])
    # What has no plan is drawn of all.
    assert "no final day" not in tile(pages / "engineering.html", "infrastructure_models")
    # The histogram keeps three significant digits.
    assert shown == pytest.approx(p95 / 1000, rel=0.01)
