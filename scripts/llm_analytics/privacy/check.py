"""`llm-analytics policy check`: what the privacy policy means for what is loaded."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.privacy.erasure import has_table, opened
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.purge import QUARANTINE, text_columns
from llm_analytics.privacy.subjects import SCHEMA
from llm_analytics.warehouse import Warehouse, resolve_warehouse


def check(warehouse: Warehouse) -> list[dict[str, Any]]:
    """For each text column that the warehouse has: what the policy says and what is there.

    n_texts are the rows that hold one, n_expired those of them that `purge` would empty. Raises
    LlmAnalyticsError.
    """
    policy = Policy.load()
    found = []
    with opened(warehouse) as target:
        if not has_table(target, "loads"):
            return []
        for table, column in text_columns(target):
            days = policy.keep_days(table, column)
            age = (
                f"(select o.loaded_at from {SCHEMA}.loads as o where o.load_seq = t.load_seq)"
                f" < localtimestamp - interval '{days}' day"
            )
            n_texts, n_expired = target.run(
                f"select count(*), count(case when {age} then 1 end)"
                f' from {SCHEMA}.{table} as t where "{column}" is not null'
            )[0]
            found.append(
                {
                    "table": table,
                    "column": column,
                    "text": None if table == QUARANTINE[0] else policy.text(table, column).value,
                    "keep_days": days,
                    "n_texts": n_texts,
                    "n_expired": n_expired,
                }
            )
    return found


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""
    commands = typer.Typer(help="The privacy policy.", no_args_is_help=True)

    @commands.callback()
    def front() -> None:
        """The privacy policy, and what it means for what is loaded."""

    @commands.command("check")
    def check_command(
        as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    ) -> None:
        """Check the policy's file, and show what it means for the texts that are loaded.

        Exit status: 0 all is as the policy says, 3 some text is held against it: it is older than
        allowed (run purge), or the policy has become stricter since it was loaded.
        """
        policy = Policy.load()
        columns = check(resolve_warehouse())
        against = [
            one for one in columns if one["n_expired"] or (one["text"] == "drop" and one["n_texts"])
        ]
        if as_json:
            result = {
                "version": policy.version,
                "minimum_cohort": policy.minimum_cohort,
                "columns": columns,
            }
            json.dump(result, sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            console = Console()
            console.print(f"Policy {policy.version}; minimum cohort {policy.minimum_cohort}")
            table = Table("table", "column", "text", "keep days", "texts held", "too old")
            for one in columns:
                table.add_row(*("" if value is None else str(value) for value in one.values()))
            console.print(table)
        if against:
            raise typer.Exit(3)

    app.add_typer(commands, name="policy")
