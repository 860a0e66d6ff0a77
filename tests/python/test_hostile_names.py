"""Names of models, features, events and files in what is loaded are data, up to the boards."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from load_helpers import query_event, write_lines
from support.hostile import HOSTILE
from support.project import ROOT, DbtProject
from support.small_project import at

MODELS = ("+fct_interactions", "+fct_responses", "+fct_product_events")
TABLES = "select table_schema, table_name from information_schema.tables where table_schema = 'raw'"
#: What scripts/ci/demo.sh leaves.
PUBLISHED = ROOT / "build" / "ci" / "published"


@pytest.mark.dbt
def test_names_arrive_in_the_marts_as_they_were_sent(small: DbtProject, tmp_path: Path) -> None:
    project = at(small, tmp_path / "warehouse")
    events = []
    for number, name in enumerate(HOSTILE):
        query = query_event(number, user_id=name, session_id=name, conversation_id=name)
        common = {"timestamp": query["timestamp"], "user_id": name, "feature": name}
        answer = {"provider": name, "request_model": name, "prompt_name": name}
        events += [
            {**query, "feature": name, "app_version": name},
            {**common, **answer, "event": "llm_response_generated", "event_id": f"r{number}"},
            {**common, "event": "product_event", "event_id": f"p{number}", "name": name},
        ]
        events[-2]["query_id"] = query["event_id"]
    folder = tmp_path / HOSTILE[0] / "{{ 1 / 0 }}"
    project.load(write_lines(folder / f"{HOSTILE[5].replace('/', '')}.jsonl", events))
    loaded = project.query(TABLES)
    project.dbt("seed")
    project.dbt("run", "--select", *MODELS)
    assert sorted(project.query(TABLES)) == sorted(loaded)
    sent = sorted(HOSTILE)
    for column, mart in (
        ("user_id", "fct_interactions"),
        ("feature", "fct_interactions"),
        ("app_version", "fct_interactions"),
        ("conversation_id", "fct_interactions"),
        ("prompt_name", "fct_responses"),
        ("request_model", "fct_responses"),
        ("name", "fct_product_events"),
    ):
        found = [row[0] for row in project.query(f"select distinct {column} from marts.{mart}")]
        assert sorted(found) == sent, f"{mart}.{column}"


class _Tags(HTMLParser):
    """Counts the elements of a page that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        handlers = [name for name, _ in attrs if name.startswith("on")]
        if tag in ("script", "iframe", "object", "embed") or handlers:
            self.found.append(f"{tag} {handlers}")


@pytest.mark.long
def test_names_bring_no_markup_to_the_boards(tmp_path: Path) -> None:
    if not PUBLISHED.exists():
        pytest.skip("nothing published: scripts/ci/demo.sh simulated build/ci")
    published = tmp_path / "published"
    shutil.copytree(PUBLISHED, published, ignore=shutil.ignore_patterns(".boards", "versions"))
    pages: dict[str, list[Path]] = {}
    for name in ("plain", "<script>evil()</script><img src=x onerror='evil()'>\"{{ 1 / 0 }}"):
        file = published / "llm_analytics.duckdb"
        file.chmod(0o644)
        with duckdb.connect(str(file)) as connection:
            for table, column in connection.execute(
                "select table_name, column_name from information_schema.columns"
                " where table_schema = 'marts' and data_type = 'VARCHAR'"
                " and column_name in ('model', 'feature', 'provider', 'prompt_version')"
            ).fetchall():
                connection.execute(
                    f"update marts.{table} set {column} = {column} || ? where {column} is not null",
                    [name],
                )
        out = tmp_path / "boards" / str(len(pages))
        options = ("--days", "28", "--models", "1")
        assert main(["dashboards", "--published", str(published), "--out", str(out), *options]) == 0
        pages[name] = sorted(out.glob("*.html"))
    plain, hostile = ([_elements(page) for page in found] for found in pages.values())
    assert hostile == plain
    assert any("evil()" in page.read_text() for page in pages[name])


def _elements(page: Path) -> list[str]:
    tags = _Tags()
    tags.feed(page.read_text())
    return tags.found
