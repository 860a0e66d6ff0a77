"""Reading marts, on either engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.warehouse import Warehouse, open_duckdb, open_postgres, resolve_warehouse


def read_mart(
    name: str,
    order_by: str,
    schema: str = "marts",
    warehouse: Warehouse | None = None,
    where: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """All rows of a mart, as one dict per row; for marts that are small.

    `where` keeps the rows whose columns have these values. Raises LlmAnalyticsError if the mart is
    not there (yet).
    """
    place = warehouse or resolve_warehouse()
    given = dict(where or {})
    mark = "%s" if place.is_postgres else "?"
    condition = " and ".join(f'"{column}" = {mark}' for column in given)
    statement = f'select * from "{schema}"."{name}"'
    statement += f" where {condition}" if given else ""
    statement += f' order by "{order_by}"'
    return read_rows(statement, f"{schema}.{name}", list(given.values()), place)


def read_rows(
    statement: str,
    needs: str,
    values: Sequence[object] = (),
    warehouse: Warehouse | None = None,
) -> list[dict[str, Any]]:
    """All rows of a query, as one dict per row; its parameters are marked as the engine marks them.

    Raises LlmAnalyticsError, with what it `needs`, if a table is not there (yet).
    """
    place = warehouse or resolve_warehouse()
    missing = LlmAnalyticsError(f"{place.label} has no {needs}: run `dbt build` first")
    if place.is_postgres:
        import psycopg2

        with open_postgres(place.location) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(statement, list(values) or None)
            except psycopg2.errors.UndefinedTable as error:
                raise missing from error
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if not Path(place.location).exists():
        raise missing
    with open_duckdb(place.location, read_only=True) as connection:
        try:
            result = connection.execute(statement, list(values))
        except duckdb.CatalogException as error:
            raise missing from error
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
