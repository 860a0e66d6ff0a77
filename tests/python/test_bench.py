"""The benchmark at a tiny size: it runs, counts right, and its baseline agrees with the marts."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import disagreements
from bench_engines import Cost, Result, server_seconds
from bench_engines import as_markdown as engines_as_markdown
from measure import CommandError, measure
from report import as_markdown, goals, replace_figures
from spark_shuffles import NO_TABLE, work_by_table
from spark_shuffles import events_of as events_of_log
from support.project import ROOT

BENCH = ROOT / "bench"
INTERACTIONS = 3_000
STAGES = "load,build,queries,baseline,day,late"
NAMES = {
    "generate", "parse", "load", "empty: core", "build: core", "queries", "baseline: parse",
    "baseline: work", "before: load", "before: core", "day: load", "day: core", "late: load",
    "late: core",
}  # fmt: skip


def generate(out: Path, seed: int = 1) -> dict[str, Any]:
    command = [BENCH / "events.py", "--out", out, "--interactions", INTERACTIONS, "--seed", seed]
    done = subprocess.run(
        [sys.executable, *map(str, command)], check=True, capture_output=True, text=True
    )
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.jsonl"))
    }


def events_of(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.rglob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def run_bench(tmp_path: Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Exit status and figures of a run of the benchmark."""
    figures = tmp_path / "figures.json"
    command = [BENCH / "bench.py", "--work", tmp_path / "work", "--json", figures, *arguments]
    done = subprocess.run(
        [sys.executable, *map(str, command)], check=False, capture_output=True, text=True
    )
    assert figures.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(figures.read_text())


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("events")
    generate(out)
    return out


@pytest.mark.dbt
@pytest.mark.long
def test_every_stage_runs_and_the_baseline_and_increments_agree_with_the_marts(
    tmp_path: Path,
) -> None:
    markdown = tmp_path / "figures.md"
    size = ["--interactions", str(INTERACTIONS), "--stages", STAGES, "--runs", "2"]
    status, report = run_bench(tmp_path, *size, "--markdown", markdown)
    assert status == 0
    (figures,) = report["sizes"]
    measures = figures["measures"]
    # The models that are not of the core are built apart.
    assert (
        NAMES
        <= set(measures)
        <= NAMES | {f"{name}: rest" for name in ("empty", "build", "before", "day", "late")}
    )
    for name, cost in measures.items():
        assert cost["cpu_seconds"] > 0, name
        assert cost["wall_seconds"] > 0, name
        assert 20e6 < cost["peak_memory_bytes"] < 4.3e9, name

    # Of what the generator writes, all is accepted but the second copies.
    lines = figures["generated"]["lines"]
    n_lines = sum(n for streams in lines.values() for n in streams.values())
    load = measures["load"]
    assert load["lines"] == n_lines
    assert load["duplicates"] == figures["generated"]["duplicates"] > 0
    assert load["quarantined"] == 0
    assert load["accepted"] == n_lines - load["duplicates"]
    parts = [measures[f"{part}: load"] for part in ("before", "day", "late")]
    assert [part["lines"] for part in parts[1:]] == [
        sum(lines["day"].values()),
        sum(lines["late"].values()),
    ]
    assert sum(part["accepted"] for part in parts) == load["accepted"]

    totals = figures["totals"]
    assert totals["marts"] == totals["baseline"] == totals["increments"]
    assert totals["marts"]["interactions"] == str(INTERACTIONS)
    assert all(float(value) > 0 for value in totals["marts"].values()), totals["marts"]

    for stage in ("build", "day", "late"):
        names = {model["name"] for model in figures["models"][stage]}
        assert names >= {"int_interactions", "fct_sessions"}, stage
    assert all(query["rows"] > 0 for query in figures["queries"])
    assert {goal["name"] for goal in report["goals"]} >= {"peak memory", "a new day / full build"}
    assert "| build: core |" in markdown.read_text()
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.dbt
def test_check_fails_when_a_goal_is_missed_and_only_then(tmp_path: Path) -> None:
    # A few thousand events take far longer than at 200,000 a second: the start alone does.
    size = ["--interactions", str(INTERACTIONS), "--stages", "load"]
    assert run_bench(tmp_path, *size)[0] == 0
    status, report = run_bench(tmp_path, *size, "--check")
    assert status == 1
    missed = [goal["name"] for goal in report["goals"] if not goal["is_met"]]
    assert missed == ["events loaded per CPU second"]


@pytest.mark.dbt
def test_other_events_and_another_baseline_can_be_measured(tmp_path: Path, events: Path) -> None:
    load = tmp_path / "load.sql"
    load.write_text(
        "-- step: load_all\ncreate table ids as\n"
        "select event_id from read_json('DATADIR/*/queries.jsonl');"
    )
    work = tmp_path / "work.sql"
    work.write_text("-- step: counted\ncreate table n as select count(*) as n from raw.ids;")
    given: list[str | Path] = ["--events", events, "--baseline-load", load, "--baseline", work]
    status, report = run_bench(tmp_path, *given, "--stages", "load,baseline")
    assert status == 0
    (figures,) = report["sizes"]
    assert figures["measures"]["load"]["quarantined"] == 0
    assert [step["name"] for step in figures["baseline_steps"]["parse"]] == ["load_all"]
    assert [step["name"] for step in figures["baseline_steps"]["work"]] == ["counted"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, events: Path
) -> None:
    generate(tmp_path / "same")
    assert digests(tmp_path / "same") == digests(events)
    generate(tmp_path / "other", seed=2)
    assert digests(tmp_path / "other") != digests(events)


def test_events_arrive_when_their_folder_says(events: Path) -> None:
    day = 86_400_000
    all_events = events_of(events)
    first_day = min(event["timestamp"] for event in all_events) // day
    assert max(event["timestamp"] for event in all_events) // day - first_day == 119
    assert {path.name for path in events.iterdir()} == {
        *(f"week-{number:02d}" for number in range(1, 18)), "day", "late",
    }  # fmt: skip
    # Nothing arrives before it happens; what is late is of the last week or months old.
    for number in range(1, 18):
        newest = max(event["timestamp"] for event in events_of(events / f"week-{number:02d}"))
        assert newest // day - first_day < 7 * number
    ages = [first_day + 119 - event["timestamp"] // day for event in events_of(events / "late")]
    assert sum(age < 7 for age in ages) > len(ages) / 2
    assert max(ages) > 30


def test_generated_events_hold_what_costs_time(events: Path) -> None:
    calls = [event for event in events_of(events) if event["event"] == "llm_response_generated"]
    assert {call["status"] for call in calls} == {"success", "error", "timeout"}
    assert {call["call_role"] for call in calls} == {"answer", "step"}
    assert {call["attempt_number"] for call in calls} == {1, 2}
    assert len({call["response_model"] for call in calls}) == 6
    without_query_id = [call for call in calls if call["query_id"] is None]
    assert 0.1 < len(without_query_id) / len(calls) < 0.5
    ids = [event["event_id"] for event in events_of(events)]
    assert 0.005 < 1 - len(set(ids)) / len(ids) < 0.02


def test_a_measure_is_that_of_the_command(tmp_path: Path) -> None:
    code = (
        "import time, pathlib\n"
        "kept = b'x' * 300_000_000\n"
        "end = time.process_time() + 0.4\n"
        "while time.process_time() < end: sum(range(100_000))\n"
        "spilled = pathlib.Path('below/duckdb_temp_storage-0.tmp')\n"
        "spilled.parent.mkdir()\n"
        "spilled.write_bytes(bytes(1000))\n"
        "time.sleep(0.4)\n"
        "spilled.unlink()\n"
        "print('done')\n"
    )
    cost = measure([sys.executable, "-c", code], folder=tmp_path, spill=[tmp_path])
    assert 0.4 <= cost.cpu_seconds < 2
    assert cost.wall_seconds >= 0.8
    # A process starts with the peak of the one that made it, here of all tests before this one.
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 300e6 < cost.peak_memory_bytes < max(600e6, 1.1 * own_peak)
    assert cost.peak_spill_bytes == 1000
    assert cost.output == "done\n"
    if cost.samples:
        whole = cost.cpu_between(cost.samples[0][0], cost.samples[-1][0])
        assert whole is not None
        assert abs(whole - cost.cpu_seconds) < 0.2
        # It slept at its end.
        assert (cost.cpu_between(cost.samples[-1][0] - 0.2, cost.samples[-1][0]) or 0) < 0.1


def test_a_command_that_fails_is_told_with_its_output() -> None:
    with pytest.raises(CommandError, match="no such luck"):
        measure([sys.executable, "-c", "import sys; sys.exit('no such luck')"])


def made_up(**cpu_seconds: float) -> dict[str, Any]:
    cost = {
        "wall_seconds": 1.0, "other_cores": None, "peak_memory_bytes": 4e9, "peak_spill_bytes": 0,
    }  # fmt: skip
    names = {"core": "build: core", "parse": "baseline: parse", "work": "baseline: work"}
    measures = {
        names.get(name, name): {**cost, "cpu_seconds": s} for name, s in cpu_seconds.items()
    }
    measures["load"] = {**cost, "cpu_seconds": 10.0, "lines": 2_000_000}
    measures["day: core"] = {**cost, "cpu_seconds": cpu_seconds["core"] / 2}
    return {"interactions": 10**6, "events_bytes": 10**9, "measures": measures}


def test_goals_are_met_at_their_floor_and_missed_beyond_it() -> None:
    def is_met(size: dict[str, Any], limit: str = "4GB") -> dict[str, bool | None]:
        return {goal["name"]: goal["is_met"] for goal in goals([size], limit)}

    ratio, memory = "core models / (baseline + parse)", "peak memory"
    size = made_up(core=15, parse=6, work=4)
    assert is_met(size)[ratio] is True
    assert is_met(made_up(core=15.1, parse=6, work=4))[ratio] is False
    assert is_met(size)["events loaded per CPU second"] is True
    size["measures"]["load"]["lines"] -= 1
    assert is_met(size)["events loaded per CPU second"] is False
    assert is_met(size)[memory] is True
    assert is_met(size, "2GB")[memory] is False
    # At a small size a day costs what dbt itself costs.
    assert is_met(size)["a new day / full build"] is None
    assert is_met({**size, "interactions": 10**7})["a new day / full build"] is False


def test_growth_is_compared_with_the_smallest_size() -> None:
    small, large = made_up(core=10, parse=6, work=4), made_up(core=120, parse=60, work=40)
    large["interactions"] = 10**7
    growth = "growth of core models per interaction"
    found = [goal for goal in goals([small, large], "4GB") if goal["name"] == growth]
    assert [(goal["interactions"], round(goal["value"], 6)) for goal in found] == [(10**7, 1.2)]
    report = {
        "machine": dict.fromkeys(
            ("system", "cores", "python", "duckdb", "dbt", "threads", "memory_limit"), "?"
        )
        | {"memory_bytes": 2**34},
        "sizes": [small, large],
        "goals": goals([small, large], "4GB"),
    }
    assert f"| {growth} | 10,000,000 |" in as_markdown(report)


def test_figures_replace_those_of_a_document_and_nothing_else() -> None:
    document = "# Title\n<!-- figures -->\n\nold\n\n<!-- end of figures -->\n\nmore\n"
    assert replace_figures(document, "new\n") == document.replace("old", "new")
    assert replace_figures("figures of last time\n", "new\n") == "new\n"


def test_the_documentation_has_a_place_for_the_figures() -> None:
    text = (ROOT / "docs" / "performance.md").read_text()
    assert "| build: core |" in text
    assert "# Performance" in replace_figures(text, "new\n")


def test_a_figure_that_differs_is_named() -> None:
    marts = {"sessions": "7", "cost_usd": "1.5"}
    assert disagreements({"marts": marts, "baseline": dict(marts)}) == []
    (line,) = disagreements({"marts": marts, "baseline": {"sessions": "8", "cost_usd": "1.5"}})
    assert line == "sessions: 7 in the marts, 8 in baseline"


def test_what_the_children_of_a_server_took_counts_as_its_own() -> None:
    child = "import time; end = time.process_time() + {}\nwhile time.process_time() < end: pass"
    served = subprocess.Popen(
        [sys.executable, "-c", f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {child.format(0.4)!r}])
subprocess.Popen([sys.executable, "-c", {child.format(0.4)!r} + "\\ninput()"], stdin=sys.stdin)
print("begun", flush=True)
input()
"""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with served:
        assert served.stdout
        served.stdout.readline()
        by_waited = server_seconds(served.pid)
        assert 0.4 < by_waited < 2
        deadline = time.monotonic() + 20
        while server_seconds(served.pid) < by_waited + 0.4:
            assert time.monotonic() < deadline, "a child that runs does not count"
            time.sleep(0.05)
    assert server_seconds(None) == 0


def test_the_table_of_engines_has_a_row_for_each(tmp_path: Path) -> None:
    costs = {
        stage: Cost(cpu=number * 1000 + 0.4, wall=number + 0.6, others=1)
        for number, stage in enumerate(("load", "build", "day: load", "day: build"), start=1)
    }
    results = [Result(name, costs, {"interactions": "2"}) for name in ("duckdb", "spark")]
    for result in results:
        file = tmp_path / "kept" / f"{result.engine}.json"
        result.write(file)
        assert Result.read(file) == result
    lines = engines_as_markdown({2_000_000: results}).splitlines()
    cells = "1,000 / 2 | 2,000 / 3 | 3,000 / 4 | 4,000 / 5 | 0.3"
    assert lines[2:] == [f"| 2,000,000 | {name} | {cells} |" for name in ("duckdb", "spark")]


def test_what_spark_shuffled_counts_for_the_table_that_it_wrote(tmp_path: Path) -> None:
    def started(execution: int, plan: str) -> dict[str, Any]:
        return {
            "Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",
            "executionId": execution,
            "physicalPlanDescription": f"== Physical Plan ==\n{plan}\n",
        }

    def job(execution: str | None, *stages: int) -> dict[str, Any]:
        properties = {} if execution is None else {"spark.sql.execution.id": execution}
        return {
            "Event": "SparkListenerJobStart", "Stage IDs": list(stages), "Properties": properties
        }  # fmt: skip

    def completed(stage: int, *, read: int, shuffled: int) -> dict[str, Any]:
        metrics = {"input.recordsRead": read, "shuffle.write.recordsWritten": shuffled}
        values = [
            {"Name": f"internal.metrics.{name}", "Value": value} for name, value in metrics.items()
        ]
        return {
            "Event": "SparkListenerStageCompleted",
            "Stage Info": {"Stage ID": stage, "Accumulables": [*values, {"Value": "5"}]},
        }

    new = (
        "(2) CreateDataSourceTableAsSelectCommand\n"
        "Arguments: `spark_catalog`.`marts`.`fct_sessions`, ErrorIfExists, [session_id]"
    )
    rewritten = (
        "(9) Execute InsertIntoHadoopFsRelationCommand\nInput [2]: [event_id#1, day#2]\n"
        "Arguments: file:/spark/tables/intermediate.db/int_interactions, false, [day#2], Parquet"
    )
    files = {
        "events_10_local-1": [completed(3, read=6, shuffled=0)],
        "events_2_local-1": [
            started(7, new), started(8, rewritten), started(9, "Scan parquet"),
            job("7", 0), job("8", 1, 3), job("9", 2), job(None, 4),
            completed(0, read=100, shuffled=40), completed(1, read=0, shuffled=2),
            completed(2, read=1, shuffled=1), completed(4, read=0, shuffled=3),
        ],
    }  # fmt: skip
    for name, events in files.items():
        (tmp_path / name).write_text("".join(json.dumps(event) + "\n" for event in events))
    work = work_by_table(events_of_log(tmp_path))
    assert work.shuffled == {"fct_sessions": 40, "int_interactions": 2, NO_TABLE: 4}
    assert work.read == {"fct_sessions": 100, "int_interactions": 6, NO_TABLE: 1}
