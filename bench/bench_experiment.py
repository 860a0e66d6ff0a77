"""What does a decision cost? From the raw exposures and events of many users to ship or not.

    python bench/bench_experiment.py --users 1000000 --work build/bench-experiment

Each step is a process of its own, whose CPU seconds, wall seconds and peak memory are measured.
Exit status 1: a step failed, or the planted effect was not found as planted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from measure import CommandError, Measure, measure

ROOT = Path(__file__).resolve().parents[1]
#: Declared in seeds/experiments.csv: cost is its primary metric, quality its guardrails.
EXPERIMENT = "cheaper_model"
MODELS = ("gpt-4o", "gpt-4o-mini")
START = "timestamp '2025-03-01'"
#: Every user has a question before exposure, and two after it.
QUERIES_PER_USER = 3
MARTS = (
    "dim_experiments", "experiment_assignment_counts", "experiment_arm_stats",
    "experiment_quantile_stats",
)  # fmt: skip

#: One row per user, drawn from hashes, so that a size gives the same events on any machine.
USERS = f"""
create table users as
select
    'u' || i as user_id,
    cast(hash(i || ' arm') % 2 as bigint) as arm,
    {START} + to_seconds(cast(hash(i || ' exposed') % (14 * 86400) as bigint)) as exposed_at
from range($n) as r (i)
"""
#: Before exposure everybody is served by the first model, afterwards the treatment by the second.
TURNS = """
create table turns as
select
    users.*,
    user_id || '-' || k as turn_id,
    exposed_at + to_seconds(
        case k when 0 then -86400 else cast(hash(user_id || k) % (6 * 86400) as bigint) end
    ) as asked_at,
    k > 0 and arm = 1 as is_treated,
    50 + hash(user_id || ' length ' || k) % 400 as n_tokens,
    hash(user_id || ' vote ' || k) % 100 as luck
from users, range($turns) as t (k)
"""
STREAMS = {
    "exposures": f"""
        select 'experiment_exposure' as event, epoch_ms(exposed_at) as timestamp, user_id,
            user_id || '-x' as event_id,
            case when user_id = 'clock' then 'clock' else '{EXPERIMENT}' end as experiment_id,
            ['control', 'treatment'][1 + arm] as variant, 'web' as platform
        from users""",
    "queries": """
        select 'llm_query_sent' as event, epoch_ms(asked_at) as timestamp, user_id,
            turn_id || '-q' as event_id, turn_id as conversation_id, 100 as query_length,
            case when luck >= 90 then 'regenerate' else 'new' end as query_kind
        from turns""",
    "responses": f"""
        select 'llm_response_generated' as event, epoch_ms(asked_at) + 900 as timestamp, user_id,
            turn_id || '-r' as event_id, turn_id as response_id, turn_id as conversation_id,
            turn_id || '-q' as query_id, 'openai' as provider,
            case when is_treated then '{MODELS[1]}' else '{MODELS[0]}' end as response_model,
            n_tokens as output_tokens, 100 as input_tokens, 'success' as status,
            300 + n_tokens * 4 as latency_ms, n_tokens * 4 as response_length
        from turns""",
    "feedback": """
        select 'response_feedback' as event, epoch_ms(asked_at) + 5000 as timestamp, user_id,
            turn_id || '-f' as event_id, turn_id as response_id,
            case when luck < 16 then 'thumbs_up' else 'thumbs_down' end as feedback_type
        from turns where luck < 20 or user_id = 'clock'""",
    "product_events": f"""
        select 'product_event' as event, epoch_ms({START} + interval 40 day) as timestamp,
            'clock-' || name as event_id, name, false as is_user_action
        from (select unnest(['a', 'b']) as name)""",
}


def generate(folder: Path, users: int) -> int:
    """Writes the events of so many users; returns how many lines."""
    folder.mkdir(parents=True)
    n_lines = 0
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(USERS, {"n": users})
        connection.execute(TURNS, {"turns": QUERIES_PER_USER})
        # One user later than all others, in another experiment: all windows have passed.
        end = f"{START} + interval 40 day"
        connection.execute(
            f"insert into users select * replace ('clock' as user_id, {end} as exposed_at)"
            " from users limit 1"
        )
        connection.execute(
            "insert into turns select * replace"
            f" ('clock' as user_id, 'clock' as turn_id, {end} as asked_at) from turns limit 1"
        )
        for stream, query in STREAMS.items():
            file = folder / f"{stream}.jsonl"
            connection.execute(f"copy ({query}) to '{file}' (format json)")
            n_lines += connection.execute(f"select count(*) from ({query})").fetchall()[0][0]
    return n_lines


def run(work: Path, name: str, command: Sequence[str], figures: dict[str, Any]) -> Measure:
    """Runs and measures one step, and prints what it cost."""
    done = measure(
        [sys.executable, *command],
        environment={
            "LLM_ANALYTICS_WAREHOUSE": str(work / "warehouse.duckdb"),
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(work / "target"),
            "DBT_LOG_PATH": str(work / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PYTHONPATH": str(ROOT / "scripts"),
        },
        folder=ROOT,
        allowed=(0, 3),
    )
    figures[name] = done.as_json()
    others = "" if done.other_cores is None else f", cores of others {done.other_cores:.1f}"
    print(
        f"{name:<24} {done.cpu_seconds:8.1f} CPU s {done.wall_seconds:8.1f} s"
        f" {done.peak_memory_bytes / 2**20:8.0f} MiB{others}",
        flush=True,
    )
    return done


def check(report: dict[str, Any], users: int) -> None:
    """Raises CommandError unless the decision is the planted one, on all users of both arms."""
    primary = next(one for one in report["findings"] if one["role"] == "primary")
    if sum(report["n_units"].values()) != users:
        raise CommandError(f"units: {report['n_units']}, not {users}")
    if report["decision"] != "ship" or not -0.97 < primary["lift"] < -0.9:
        raise CommandError(f"{report['decision']}, cost {primary['lift']:+.1%}: not as planted")


def bench(given: argparse.Namespace) -> dict[str, Any]:
    """All steps, in an empty folder; returns their figures."""
    work: Path = given.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    figures: dict[str, Any] = {"users": given.users, "n_cores": os.cpu_count()}
    # In a process of its own: this one must stay small, for what it starts counts from its size.
    maker = [str(Path(__file__)), "--users", str(given.users), "--generate", str(work / "events")]
    n_lines = int(measure([sys.executable, *maker]).output)
    figures["lines"] = n_lines
    print(f"{given.users:,} users, {n_lines:,} events", flush=True)
    dbt = ["-c", "from dbt.cli.main import cli; cli()"]
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    command = ["-m", "llm_analytics"]
    run(work, "parse", [*dbt, "parse"], figures)
    run(work, "load", [*command, "load", "--json", str(work / "events")], figures)
    facts = [f"+{mart}" for mart in MARTS]
    run(
        work, "build: facts",
        [*dbt, "build", *kinds, "--select", *facts, "--exclude", "marts.experiments"], figures,
    )  # fmt: skip
    run(
        work, "build: experiments",
        [*dbt, "build", *kinds, "--select", "experiment_exposures", "experiment_interactions",
         "experiment_unit_metrics", "experiment_quantile_values", *MARTS], figures,
    )  # fmt: skip
    done = run(work, "decide", [*command, "significance", EXPERIMENT, "--json"], figures)
    report = json.loads(done.output)
    figures["decision"] = report["decision"]
    print(f"{EXPERIMENT}: {report['decision']}", flush=True)
    check(report, given.users)
    return figures


def main() -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench-experiment")
    parser.add_argument("--generate", type=Path, help="only write the events, into this folder")
    parser.add_argument("--json", type=Path, help="write all figures here")
    given = parser.parse_args()
    if given.generate:
        print(generate(given.generate, given.users))
        return 0
    try:
        figures = bench(given)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
