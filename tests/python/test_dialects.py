"""What other warehouses would read: every model, as sqlglot writes it for them, parses there.

It shows that no model holds a construct without a counterpart in those dialects, and that functions
of DuckDB's own stand in macros that an adapter can replace. It does not show that a model runs
there, or what it yields: docs/adapters.md says what does.
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from support.project import DbtProject

#: What cannot be read back, by dialect: sqlglot writes Redshift's `#`, and does not know it there.
UNREAD: dict[str, set[str]] = {
    "snowflake": set(),
    "bigquery": set(),
    "databricks": set(),
    "redshift": {"int_interactions"},
    "trino": set(),
    "clickhouse": set(),
}


#: What makes a row from several.
ACROSS_ROWS = (exp.AggFunc, exp.Distinct, exp.Group, exp.Join, exp.Limit, exp.Window)


class AsOrdered(DuckDB):
    """DuckDB's SQL with `order by` taken over as it is.

    sqlglot would add where NULLs go, which BigQuery does not take in windows.
    """

    NULL_ORDERING = "nulls_are_small"


def _is_read(model: exp.Expr, dialect: str) -> bool:
    """Can the model be written for the dialect, and be read there?"""
    try:
        written = model.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE)
        sqlglot.parse_one(written, read=dialect)
    except SqlglotError:
        return False
    return True


# One test: the processes of a test run would each compile the models.
def test_every_model_can_be_written_for_other_warehouses(root: Path, project: DbtProject) -> None:
    compiled = project.dbt("compile", "--select", "resource_type:model").result.results
    models = {
        done.node.name: sqlglot.parse_one(done.node.compiled_code, read=AsOrdered)
        for done in compiled
    }
    assert len(models) > 150
    unread = {
        dialect: {name for name, model in models.items() if not _is_read(model, dialect)}
        for dialect in UNREAD
    }
    assert unread == UNREAD
    # sqlglot takes named windows over as they are, and Snowflake has none.
    selects = {name: model.find_all(exp.Select) for name, model in models.items()}
    assert not [
        name for name, found in selects.items() if any(each.args.get("windows") for each in found)
    ]
    # Spark adds the rows of a new load to the unions: no row may depend on those of another.
    staged = {
        read.split(".")[-1]
        for done in compiled
        if done.node.name.endswith("__unioned")
        for read in done.node.depends_on.nodes
    }
    assert len(staged) > 50
    assert not [name for name in staged if models[name].find(*ACROSS_ROWS)]
    # The page names what an adapter must replace.
    used = {call.name for model in models.values() for call in model.find_all(exp.Anonymous)}
    page = (root / "docs" / "adapters.md").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^\| `(\w+)\(\)` \|", page, re.MULTILINE))


def test_the_page_names_the_dialects(root: Path) -> None:
    page = (root / "docs" / "adapters.md").read_text(encoding="utf-8")
    parsed = re.findall(r"^\| (\w+) \| (?:parsed|run on fakesnow) \|", page, re.MULTILINE)
    assert [name.lower() for name in parsed] == list(UNREAD)
