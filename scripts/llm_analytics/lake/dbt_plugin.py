"""Lets dbt read a lake in S3: profiles.yml names this plugin of dbt-duckdb for such a lake."""

from __future__ import annotations

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from llm_analytics.lake.storage import find_storage
from llm_analytics.warehouse import named_lake


class Plugin(BasePlugin):  # type: ignore[misc] # dbt is published without types
    """Opens each connection of dbt for the lake that the environment names."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load what reads S3, with keys that stand in no profile and no log."""
        if lake := named_lake():
            find_storage(lake).open_for(conn)
