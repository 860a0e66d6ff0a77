"""What the project writes in place of dbt's fixtures of unit tests says what is wrong with one."""

from __future__ import annotations

import pytest

from support.project import DbtProject, explain

_TYPES = "{'n_queries': 'integer', 'user_id': 'varchar(20)'}"
_QUOTED = "{'n_queries': '\"n_queries\"', 'user_id': '\"user_id\"'}"


def _failure(project: DbtProject, expression: str) -> str:
    result = project.dbt("compile", "--inline", "{{ " + expression + " }}", check=False)
    assert not result.success
    return explain(("compile",), result)


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
    project: DbtProject, rows: str, message: str
) -> None:
    assert message in _failure(project, f"get_expected_sql({rows}, {_TYPES}, {_QUOTED})")


def test_an_input_that_is_not_built_is_named(project: DbtProject) -> None:
    failure = _failure(project, "get_fixture_sql([{'n_queries': 1}], none)")
    assert "A unit test replaces" in failure
    assert "which is not built" in failure


def test_rows_keep_their_types_quotes_and_nulls(project: DbtProject) -> None:
    rows = "[{'n_queries': 7, 'user_id': \"o'hara, whose id is too long\"}, {'n_queries': none}]"
    result = project.dbt(
        "show", "--inline",
        "select n_queries + 1 as next, user_id from ({{ typed_rows("
        f"{rows}, ['n_queries', 'user_id'], {_TYPES}, {_QUOTED}) }}}}) as given order by 1",
    )  # fmt: skip
    (shown,) = result.result.results
    assert [tuple(row) for row in shown.agate_table.rows] == [
        (8, "o'hara, whose id is too long"),
        (None, None),
    ]
