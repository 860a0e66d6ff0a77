"""`llm-analytics policy check`: what the privacy policy means for what is loaded."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.privacy.erasure import opened
from llm_analytics.privacy.policy import PERSONAL_STREAMS, Consent, OptOut, Policy
from llm_analytics.privacy.subjects import SCHEMA, has_table
from llm_analytics.privacy.texts import QUARANTINE, old_texts, utc_now
from llm_analytics.warehouse import Warehouse, resolve_warehouse

#: What a user may choose, as the stream consents has it.
_CONSENTS = ("opt_in", "opt_out", "erasure")
_EFFECTS = {
    OptOut.ALL_HISTORY: "all that the user ever did",
    OptOut.FROM_EVENT: "what the user does from then on",
}
_NEEDS = {
    Consent.OPT_IN: "Counted after an opt-in only",
    Consent.OPT_OUT: "Counted until an opt-out",
}


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
        for texts in old_texts(target, policy, utc_now()):
            table, column, _ = texts
            n_texts, n_expired = target.run(
                f'select count("{column}"), count(case when {texts.rows} then 1 end)'
                f" from {SCHEMA}.{table}"
            )[0]
            found.append(
                {
                    "table": table,
                    "column": column,
                    "text": None if table == QUARANTINE[0] else policy.text(table, column).value,
                    "keep_days": policy.keep_days(table, column),
                    "n_texts": n_texts,
                    "n_expired": n_expired,
                }
            )
    return found


def choices(warehouse: Warehouse) -> dict[str, int]:
    """How many ids made which choice about analytics last, as the stream consents holds them.

    Of several contents of a choice the highest version counts; of several choices at one instant a
    refusal. What was corrected twice under one version, and who is behind an id, only the models
    tell. Raises LlmAnalyticsError.
    """
    with opened(warehouse) as target:
        if not has_table(target, "events_consents"):
            return {}
        found = target.run(
            "with standing as (select user_id, consent, occurred_at, sequence_number,"
            " row_number() over (partition by event_id order by coalesce(event_version, 0) desc,"
            " load_seq desc, line_number desc) as place"
            f" from {SCHEMA}.events_consents where coalesce(purpose, 'analytics') = 'analytics'),"
            " newest as (select consent, row_number() over (partition by user_id"
            " order by occurred_at desc, coalesce(sequence_number, 0) desc,"
            " case when consent = 'opt_in' then 1 else 0 end) as place"
            " from standing where place = 1)"
            " select consent, count(*) from newest where place = 1 group by consent"
        )
    return {str(consent): int(n_ids) for consent, n_ids in found}


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
        """Check the policy's file, and show what it means for what is loaded.

        Exit status: 0 all is as the policy says, 3 some text is held against it: it is older than
        allowed (run purge), or the policy has become stricter since it was loaded.
        """
        policy = Policy.load()
        columns = check(resolve_warehouse())
        chosen = choices(resolve_warehouse())
        consent = {stream: policy.consent(stream).value for stream in PERSONAL_STREAMS}
        against = [
            one for one in columns if one["n_expired"] or (one["text"] == "drop" and one["n_texts"])
        ]
        if as_json:
            result = {
                "version": policy.version,
                "minimum_cohort": policy.minimum_cohort,
                "consent": consent,
                "opt_out": policy.opt_out.value,
                "choices": chosen,
                "columns": columns,
            }
            json.dump(result, sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            console = Console()
            console.print(f"Policy {policy.version}; minimum cohort {policy.minimum_cohort}")
            console.print(f"A refusal takes out {_EFFECTS[policy.opt_out]}; ids that chose last:")
            console.print(", ".join(f"{name} {chosen.get(name, 0)}" for name in _CONSENTS))
            for needed in Consent:
                streams = [stream for stream, value in consent.items() if value == needed]
                if streams:
                    console.print(f"{_NEEDS[needed]}: {', '.join(streams)}")
            table = Table("table", "column", "text", "keep days", "texts held", "too old")
            for one in columns:
                table.add_row(*("" if value is None else str(value) for value in one.values()))
            console.print(table)
        if against:
            raise typer.Exit(3)

    app.add_typer(commands, name="policy")
