"""How often the shipped SQL and statistics are wrong, over many experiments whose truth is known.

Bands are three standard errors of the number of runs, written down before the runs. What is run in
CI has a fixed seed; the long runs draw a fresh one and log it.
"""

from __future__ import annotations

import json
import math
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from llm_analytics.experiments.analysis import read_sums
from llm_analytics.simulation import simulate
from llm_analytics.statistics.pivot import Comparison, compare, non_inferiority
from llm_analytics.statistics.power import power_of
from llm_analytics.statistics.proportions import Counts, compare_proportions
from llm_analytics.statistics.quantiles import QuantileSums, estimate_by_ranks
from llm_analytics.statistics.sequential import (
    always_valid_critical,
    group_sequential_bounds,
)
from llm_analytics.statistics.sums import Estimate, Sums, estimate
from support.project import DbtProject

#: Of the treatment's numerators in hundredths: no effect, at the margin, planted.
EFFECTS = {"refinement_rate": 100, "response_rate": 95, "thumbs_ratio": 105}
#: Users of each split that have a metric with an effect; equal arms have all of them.
USERS_WITH_EFFECT = 2000
MARGIN = 0.05
LOOKS = (0.25, 0.5, 0.75, 1.0)


Figures = dict[str, float]


@dataclass(frozen=True)
class Runs:
    """The result of one set of experiments, per metric and experiment."""

    arms: dict[tuple[str, int], dict[str, Sums]]
    looks: dict[int, dict[str, dict[str, Sums]]]
    quantiles: dict[int, dict[str, QuantileSums]]
    n: int


def band(rate: float, runs: int) -> Any:
    """A rate within three standard errors of so many runs."""
    return pytest.approx(rate, abs=3 * math.sqrt(rate * (1 - rate) / runs))


@pytest.fixture(scope="module")
def shipped(
    make_project: Callable[[Path], DbtProject], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """The compiled SQL of the marts that reduce an experiment, and a folder for their database."""
    folder = tmp_path_factory.mktemp("simulations")
    project = make_project(folder)
    models = ("experiment_arm_stats", "experiment_quantile_stats")
    project.dbt("compile", "--select", *models)
    found = {path.stem: path.read_text() for path in project.target_path.glob("compiled/**/*.sql")}
    return folder, {name: found[name] for name in models}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """The schemas that the compiled SQL names, and no declared roles."""
    connection.execute("create schema marts; create schema intermediate")
    connection.execute(
        "create table intermediate.experiment_roles (experiment_id varchar, metric varchar,"
        " metric_role varchar, margin decimal(18, 6), margin_kind varchar,"
        " is_higher_better boolean)"
    )


def reduced(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of compiled SQL, through a table as dbt makes it.

    DuckDB 1.5 may wait for itself forever when it streams a union of aggregates to a reader.
    """
    connection.execute(f"create or replace table reduced as {sql}")
    result = connection.execute("select * from reduced")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def run(shipped: tuple[Path, dict[str, str]], n: int, users: int, seed: int) -> Runs:
    """`n` experiments that split the same users anew; a quarter of them arrives before each look.

    Users have a heavy tail of events and rates of their own, so that events are no units.
    """
    folder, sql = shipped
    rng = np.random.default_rng(seed)
    events = rng.geometric(0.12, users)
    rates = rng.beta(1, 4, users)
    hits = rng.binomial(events, rates)
    speed = rng.normal(7, 0.6, users)
    file = folder / "warehouse.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        prepare(connection)
        connection.execute("create table users (id bigint, den bigint, num bigint, speed double)")
        connection.execute(
            "insert into users select unnest(cast(? as bigint[])), unnest(cast(? as bigint[])),"
            " unnest(cast(? as bigint[])), unnest(cast(? as double[]))",
            [list(range(users)), events.tolist(), hits.tolist(), speed.tolist()],
        )
        connection.execute(
            "create table splits as select users.*, r.range as split,"
            f" hash(id || '-' || r.range || '-{seed}') % 2 = 1 as is_treated,"
            f" 'look ' || (id * 4 // {users} + 1) as platform from users, range({n}) as r"
        )
        metrics = " union all ".join(
            f"select '{metric}' as metric, {effect} as effect" for metric, effect in EFFECTS.items()
        )
        variant = "case when is_treated then 'treatment' else 'control' end"
        connection.execute(
            "create view marts.experiment_unit_metrics as select"
            " cast(split as varchar) as experiment_id, cast(id as varchar) as unit_id,"
            f" metric, {variant} as variant, 'all' as allocation_phase, platform, 'p' as plan,"
            " 'c' as country, case when is_treated then num * effect else num * 100 end as num,"
            " den, 0 as num_pre, 0 as den_pre, 7 as window_days, true as is_mature"
            f" from splits, ({metrics}) as m where effect = 100 or id < {USERS_WITH_EFFECT}"
        )
        # Calls of a user resemble each other; few users suffice, for the p95 has its own size.
        connection.execute(
            "create view marts.experiment_quantile_values as select"
            " cast(split as varchar) as experiment_id, cast(id as varchar) as unit_id,"
            f" 'latency_p95' as metric, {variant} as variant, 'all' as allocation_phase,"
            " 7 as window_days, 95 as quantile_percent, cast(exp(speed + 0.3 *"
            f" ((hash(id || '-' || e.range || '-{seed}') % 1000) / 500.0 - 1)) as bigint) as value"
            " from splits, range(8) as e where id < 1200"
        )
        found = {name: reduced(connection, text) for name, text in sql.items()}
    runs = Runs({}, {}, {}, n)
    for row in found["experiment_arm_stats"]:
        split = int(row["experiment_id"])
        if row["segment_name"] == "__all__":
            runs.arms.setdefault((row["metric"], split), {})[row["variant"]] = read_sums(row)
        elif row["segment_name"] == "platform" and row["metric"] == "refinement_rate":
            arms = runs.looks.setdefault(split, {}).setdefault(row["segment"], {})
            arms[row["variant"]] = read_sums(row)
    for row in found["experiment_quantile_stats"]:
        quantiles = runs.quantiles.setdefault(int(row["experiment_id"]), {})
        zeros = Sums.make(int(row["n_units"]), (0,) * 4, (0,) * 10)
        bounds = [None if row[b] is None else float(row[b]) for b in ("low_value", "high_value")]
        quantiles[row["variant"]] = QuantileSums(zeros, float(row["quantile_value"]), *bounds)
    return runs


def compared(arms: dict[str, Sums]) -> Comparison:
    found = [estimate(arms[variant]) for variant in ("control", "treatment")]
    assert found[0] is not None
    assert found[1] is not None
    return compare(found[0], found[1])


def check_sizes(runs: Runs) -> Figures:
    """Equal arms, arms at the margin, and a planted effect."""
    equal = [compared(runs.arms["refinement_rate", split]) for split in range(runs.n)]
    rejected = sum(one.p_value < 0.05 for one in equal) / runs.n
    assert rejected == band(0.05, runs.n)
    for is_above in (True, False):
        tail = sum(one.p_value < 0.05 and (one.difference > 0) is is_above for one in equal)
        assert tail / runs.n == band(0.025, runs.n)
    covered = [
        one.lift_low is not None
        and one.lift_high is not None
        and one.lift_low <= 0 <= one.lift_high
        for one in equal
    ]
    assert 1 - sum(covered) / runs.n == pytest.approx(rejected)

    # The control of the proof: events taken for units reject far too often.
    naive = 0
    for split in range(runs.n):
        arms = runs.arms["refinement_rate", split]
        counts = [
            Counts(int(arms[v].firsts[0]) // 100, int(arms[v].firsts[1]))
            for v in ("control", "treatment")
        ]
        naive += abs(compare_proportions(counts[0], counts[1]).statistic) > 1.96
    assert naive / runs.n > 0.10

    # Exactly at the margin, non-inferiority is claimed in alpha/2 of the experiments.
    at_margin = [compared(runs.arms["response_rate", split]) for split in range(runs.n)]
    claimed = sum(non_inferiority(one, MARGIN, higher_is_better=True).is_shown for one in at_margin)
    assert claimed / runs.n == band(0.025, runs.n)

    # A planted effect is found as often as its power says.
    planted = [compared(runs.arms["thumbs_ratio", split]) for split in range(runs.n)]
    powers = [power_of(0.05 * one.control.value, one.error, one.degrees) for one in planted]
    found = sum(one.p_value < 0.05 for one in planted) / runs.n
    assert found == band(sum(powers) / runs.n, runs.n)
    return {
        "equal arms rejected": rejected,
        "by events": naive / runs.n,
        "claimed at the margin": claimed / runs.n,
        "planted found": found,
        "planted power": sum(powers) / runs.n,
    }


def check_looks(runs: Runs) -> Figures:
    """Looking four times: planned and unplanned bounds hold, a fixed one does not."""
    planned = group_sequential_bounds(LOOKS)
    crossed = {"fixed": 0, "planned": 0, "always valid": 0}
    for split in range(runs.n):
        arms: dict[str, Sums] = {}
        seen = dict.fromkeys(crossed, False)
        for place, name in enumerate(sorted(runs.looks[split])):
            for variant, sums in runs.looks[split][name].items():
                arms[variant] = arms[variant] + sums if variant in arms else sums
            one = compared(arms)
            n = one.control.n + one.treatment.n
            statistic = abs(one.statistic)
            seen["fixed"] |= statistic > one.critical
            seen["planned"] |= statistic > planned[place]
            seen["always valid"] |= statistic > always_valid_critical(n, n)
        for method, is_crossed in seen.items():
            crossed[method] += is_crossed
    assert crossed["planned"] / runs.n == band(0.05, runs.n)
    assert crossed["always valid"] / runs.n <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs.n)
    # The control of the proof: four looks at 1.96 reject 12.6 % of equal arms.
    assert crossed["fixed"] / runs.n == band(0.126, runs.n)
    return {f"four looks, {method}": count / runs.n for method, count in crossed.items()}


def check_quantiles(runs: Runs) -> Figures:
    """The clustered p95 of equal arms; the rank bounds are slightly wide, never narrow."""
    rejected = 0
    for arms in runs.quantiles.values():
        control, treatment = (estimate_by_ranks(arms[v]) for v in ("control", "treatment"))
        assert isinstance(control, Estimate)
        assert isinstance(treatment, Estimate)
        rejected += compare(control, treatment).p_value < 0.05
    n = len(runs.quantiles)
    assert n == runs.n
    assert 0.01 <= rejected / n <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)
    return {"equal p95 rejected": rejected / n}


def check(runs: Runs) -> None:
    """All that is claimed of a set of experiments, its figures printed."""
    for name, figure in (check_sizes(runs) | check_looks(runs) | check_quantiles(runs)).items():
        print(f"{name}: {figure:.1%}")


def test_a_fixed_share_of_the_simulations(shipped: tuple[Path, dict[str, str]]) -> None:
    check(run(shipped, n=200, users=2000, seed=20))


@pytest.mark.long
def test_a_thousand_splits_of_twenty_thousand_users(shipped: tuple[Path, dict[str, str]]) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    check(run(shipped, n=1000, users=20_000, seed=seed))


@pytest.mark.long
def test_the_planted_lift_of_the_simulator_is_found_at_its_power(
    shipped: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Over 100 seeds, from the events that it writes; its A/A rejects 5 %."""
    rates: dict[str, dict[str, float]] = {}
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        prepare(connection)
        connection.execute(
            "create table reached (experiment_id varchar, unit_id varchar, variant varchar,"
            " num integer)"
        )
        for seed in range(100):
            folder = tmp_path / str(seed)
            simulate(folder, users=400, days=30, seed=seed)
            truth = json.loads((folder / "truth.json").read_text())
            for experiment in truth["experiments"]:
                if experiment["name"] in ("onboarding_hint", "aa_check"):
                    rates[experiment["name"]] = experiment["goal_rate"]
                    add_goals(connection, folder, experiment)
            shutil.rmtree(folder)
        connection.execute(
            "create view marts.experiment_unit_metrics as select *, 'goal_conversion' as metric,"
            " 'all' as allocation_phase, 'web' as platform, 'p' as plan, 'c' as country, 1 as den,"
            " 0 as num_pre, 0 as den_pre, 7 as window_days, true as is_mature from reached"
        )
        rows = reduced(connection, shipped[1]["experiment_arm_stats"])
    arms: dict[str, dict[str, Counts]] = {}
    for row in rows:
        if row["segment_name"] == "__all__":
            sums = read_sums(row)
            counts = Counts(int(sums.firsts[0]), sums.n)
            arms.setdefault(row["experiment_id"], {})[row["variant"]] = counts
    found = dict.fromkeys(rates, 0)
    powers = []
    for name, pair in arms.items():
        experiment_name = name.split(" ")[0]
        one = compare_proportions(pair["control"], pair["treatment"])
        found[experiment_name] += one.p_value < 0.05
        if experiment_name == "onboarding_hint":
            true = rates[experiment_name]
            spread = [true[v] * (1 - true[v]) / pair[v].trials for v in true]
            effect = true["treatment"] - true["control"]
            powers.append(power_of(effect, math.sqrt(sum(spread)), 10_000))
    print(f"A/A {found['aa_check']} of 100, lift {found['onboarding_hint']}, power {sum(powers)}")
    assert len(powers) == 100
    assert found["aa_check"] / 100 == band(0.05, 100)
    assert found["onboarding_hint"] / 100 == band(sum(powers) / 100, 100)


def add_goals(
    connection: duckdb.DuckDBPyConnection, folder: Path, experiment: dict[str, Any]
) -> None:
    """Exposed users and whether they reached the goal, straight from the events of one seed."""
    connection.execute(
        "insert into reached with exposed as ("
        " select coalesce(user_id, anonymous_id) as who, min(variant) as variant"
        f" from read_json('{folder}/exposures*.jsonl', ignore_errors=true)"
        " where experiment_id = $name group by all),"
        " reached as (select distinct coalesce(user_id, anonymous_id) as who"
        f" from read_json('{folder}/product_events*.jsonl', ignore_errors=true)"
        " where goal = $goal)"
        f" select $name || ' {folder.name}', who, variant, cast(reached.who is not null as integer)"
        " from exposed left join reached using (who) where variant is not null",
        {"name": experiment["name"], "goal": experiment["goal"]},
    )
