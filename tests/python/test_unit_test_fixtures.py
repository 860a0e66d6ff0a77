"""What the project writes in place of dbt's fixtures of unit tests says what is wrong with one."""

from __future__ import annotations

import pytest

from support.project import DbtProject

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
