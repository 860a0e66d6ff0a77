"""What the project has in place of dbt's fixtures and runs of unit tests tells right from wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.project import ROOT, DbtProject

_TYPES = "{'n_queries': 'integer', 'user_id': 'varchar'}"
_QUOTED = "{'n_queries': '\"n_queries\"', 'user_id': '\"user_id\"'}"


def _fail(project: DbtProject, expression: str) -> None:
    result = project.dbt("compile", "--inline", "{{ " + expression + " }}", check=False)
    assert not result.success


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("[{'n_query': 1}]", "gives n_query, but the columns are n_queries, user_id"),
        (
            "[{'n_queries': 1}, {'n_queries': 2, 'user_id': 'u'}]",
            "gives other columns than the first that is expected: {'n_queries': 2, 'user_id': 'u'}",
        ),
    ],
)
def test_an_expected_row_that_does_not_fit_is_named(
    project: DbtProject, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    _fail(project, f"get_expected_sql({rows}, {_TYPES}, {_QUOTED})")
    assert message in capsys.readouterr().out


def test_an_input_that_is_not_built_is_named(
    project: DbtProject, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(project, "get_fixture_sql([{'n_queries': 1}], none)")
    said = capsys.readouterr().out
    assert "A unit test replaces" in said
    assert "which is not built" in said


def test_rows_keep_their_types_quotes_and_nulls(project: DbtProject) -> None:
    rows = "[{'n_queries': 7, 'user_id': \"o'hara\"}, {'n_queries': none}]"
    result = project.dbt(
        "show", "--inline",
        "select n_queries + 1 as next, user_id from ({{ typed_rows("
        f"{rows}, ['n_queries', 'user_id'], {_TYPES}, {_QUOTED}) }}}}) as given order by 1",
    )  # fmt: skip
    (shown,) = result.result.results
    assert [tuple(row) for row in shown.agate_table.rows] == [
        (8, "o'hara"),
        (None, None),
    ]


_PROJECT = {
    "dbt_project.yml": "{name: doubles, version: 1.0.0, profile: here}",
    "profiles.yml": """
here:
  target: here
  outputs: {here: {type: duckdb, path: "{{ env_var('LLM_ANALYTICS_WAREHOUSE') }}"}}
""",
    "models/days.sql": "select 1 as n_queries, 'u' as user_id, date '2026-01-05' as day",
    "models/doubles.sql": """
select user_id, 2 * n_queries as n_doubled, day from {{ ref('days') }} where n_queries > 0
""",
    "models/doubles.yml": """
unit_tests:
  - name: doubled
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 3, user_id: a}, {n_queries: 0, user_id: b}]}]
    expect: {rows: [{n_doubled: 6, user_id: a}]}
  - name: other_number
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 3, user_id: a}]}]
    expect: {rows: [{n_doubled: 7, user_id: a}]}
  - name: row_too_few
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 3, user_id: a}, {n_queries: 4, user_id: a}]}]
    expect: {rows: [{n_doubled: 6, user_id: a}]}
  - name: a_day_that_is_null
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 3, user_id: a}]}]
    expect: {rows: [{user_id: a, day: null}]}
  - name: none
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 0}]}]
    expect: {rows: []}
  - name: none_but_one
    model: doubles
    given: [{input: ref('days'), rows: [{n_queries: 1}]}]
    expect: {rows: []}
""",
}


def test_a_unit_test_fails_where_a_row_differs(tmp_path: Path) -> None:
    for name, text in _PROJECT.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copytree(ROOT / "macros" / "unit_tests", tmp_path / "project" / "macros")
    project = DbtProject(tmp_path / "project", str(tmp_path / "w.duckdb"), tmp_path / "dbt")
    project.dbt("run")
    done = project.dbt("test", check=False)
    outcome = {result.node.name: str(result.status) for result in done.result.results}
    assert outcome == {
        "doubled": "pass",
        "other_number": "fail",
        "row_too_few": "fail",
        "a_day_that_is_null": "pass",
        "none": "pass",
        "none_but_one": "fail",
    }
    assert project.query("select count(*) from doubles where n_doubled = 2") == [(1,)]
