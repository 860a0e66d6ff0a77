"""What does the project cost? Loads, builds and asks, beside a baseline by hand on the same events.

    python bench/bench.py --interactions 1000000 --interactions 10000000

Every stage is a process of its own, whose CPU seconds, wall seconds, peak memory and spill are
measured. docs/performance.md says what the stages are and how to read the result. Exit status 1: a
stage failed, the marts and the baseline disagree, or, with --check, a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from measure import CommandError, Measure, measure
from report import Report, as_markdown, goals, replace_figures, show

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
STAGES = ("load", "build", "tests", "queries", "baseline", "day", "late")

Json = dict[str, Any]


@dataclass
class Options:
    """What the command line asks for."""

    memory_limit: str
    threads: int
    runs: int
    seed: int
    stages: Sequence[str]
    is_once: bool
    events: Path | None
    baseline: Path | None
    baseline_load: Path | None


@dataclass
class Bench:
    """The stages at one size, in a folder of their own.

    All warehouses have one path in turn, so that dbt parses the project once.
    """

    work: Path
    options: Options
    console: Console
    result: Json = field(default_factory=dict)
    #: Arguments of dbt that choose the models, by what they choose.
    parts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        """The warehouse of the stage that runs."""
        return self.work / "current" / "warehouse.duckdb"

    def use(self, name: str) -> None:
        """Makes a warehouse the one of the next stages."""
        (self.work / name).mkdir(exist_ok=True)
        link = self.work / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(self.work / name)

    def drop(self, name: str) -> None:
        """Removes a warehouse, or other files of a stage."""
        shutil.rmtree(self.work / name, ignore_errors=True)

    def run(self, name: str, command: Sequence[str], allowed: Sequence[int] = (0,)) -> Measure:
        """Runs and measures one command of this Python, and keeps the figures under its name."""
        spill = self.work / "spill"
        spill.mkdir(exist_ok=True)
        environment = {
            "LLM_ANALYTICS_WAREHOUSE": str(self.warehouse),
            "DBT_PROFILES_DIR": str(self.work / "profile"),
            "DBT_TARGET_PATH": str(self.work / "target"),
            "DBT_LOG_PATH": str(self.work / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PYTHONPATH": str(ROOT / "scripts"),
            "TMPDIR": str(spill),
            # As for a user who runs dbt again and again: Python compiles its modules once.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.work / "pycache"),
        }
        with self.console.status(name):
            done = measure(
                [sys.executable, *command],
                environment=environment,
                folder=ROOT,
                spill=[spill],
                allowed=allowed,
            )
        self.result.setdefault("measures", {})[name] = done.as_json()
        self.console.print(f"{name:<28} {done.cpu_seconds:8.1f} CPU s", highlight=False)
        return done

    def load(self, name: str, folders: Sequence[Path]) -> Json:
        """Loads files with `llm-analytics load`; returns its report."""
        command = ["-m", "llm_analytics", "load", "--json"]
        command += ["--memory-limit", self.options.memory_limit]
        # Without --threads, as a user would: several pieces of the files are read side by side.
        # 3: some lines were quarantined, which is no failure of the load.
        done = self.run(name, [*command, *map(str, folders)], allowed=(0, 3))
        files = json.loads(done.output)["files"]
        totals = {
            count: sum(file[f"n_{count}"] for file in files)
            for count in ("lines", "accepted", "duplicates", "quarantined")
        }
        self.result["measures"][name] |= totals
        return totals

    def dbt(self, name: str, *arguments: str) -> list[Json]:
        """Runs dbt; returns what each of its models cost, most first."""
        done = self.run(name, ["-c", "from dbt.cli.main import cli; cli()", *arguments])
        results = self.work / "target" / "run_results.json"
        if arguments[0] != "build" or not results.exists():
            return []
        nodes = json.loads(results.read_text())["results"]
        costs = [_model_cost(node, done) for node in nodes]
        self.result["measures"][name]["nodes"] = len(nodes)
        return sorted(costs, key=lambda cost: -(cost["cpu_seconds"] or cost["wall_seconds"]))

    def build(self, name: str) -> None:
        """Builds the core and then the rest of the models, and keeps what each model cost."""
        costs: list[Json] = self.result.setdefault("models", {}).setdefault(name, [])
        for part, selection in self.parts.items():
            kinds = ["--resource-type", "model", "--resource-type", "seed"]
            costs += self.dbt(f"{name}: {part}", "build", *kinds, *selection)

    def script(self, name: str, file: Path, database: Path, **more: str | Path) -> list[Json]:
        """Runs the steps of an SQL file into a new DuckDB file; returns what each took."""
        given = {f"--{option}": str(value) for option, value in more.items()}
        return self._sql(name, "script", file, database, given)

    def ask(self, name: str, file: Path, database: Path) -> list[Json]:
        """Runs the queries of an SQL file; returns their milliseconds."""
        return self._sql(name, "queries", file, database, {"--runs": str(self.options.runs)})

    def _sql(
        self, name: str, what: str, file: Path, database: Path, more: Mapping[str, str]
    ) -> list[Json]:
        given = {
            "--threads": str(self.options.threads),
            "--memory-limit": self.options.memory_limit,
            "--spill": str(self.work / "spill"),
            **more,
        }
        words = [word for pair in given.items() for word in pair]
        command = [str(BENCH / "run_sql.py"), what, str(file), str(database), *words]
        answer: list[Json] = json.loads(self.run(name, command).output)
        return answer

    def totals(self, database: Path, sql: str) -> dict[str, str]:
        """Named figures of a database, as exact decimals without trailing zeros."""
        # In a process of its own: this one must stay small.
        code = (
            "import duckdb, json, sys\n"
            "with duckdb.connect(sys.argv[1], read_only=True) as connection:\n"
            "    rows = connection.execute(sys.argv[2]).fetchall()\n"
            "json.dump({name: str(value) for name, value in rows}, sys.stdout)\n"
        )
        done = measure([sys.executable, "-c", code, str(database), sql])
        return {
            name: f"{Decimal(text).normalize():f}" for name, text in json.loads(done.output).items()
        }


def _model_cost(node: Json, done: Measure) -> Json:
    """CPU seconds (None where unknown) and wall seconds of one node of dbt's run_results.json."""
    cpu = None
    for timing in node["timing"]:
        if timing["name"] == "execute":
            start, end = (
                datetime.fromisoformat(timing[moment].replace("Z", "+00:00")).timestamp()
                for moment in ("started_at", "completed_at")
            )
            cpu = done.cpu_between(start, end)
    return {
        "name": node["unique_id"].rpartition(".")[2],
        "cpu_seconds": None if cpu is None else round(cpu, 2),
        "wall_seconds": round(node["execution_time"], 2),
    }


def prepare(bench: Bench) -> None:
    """Writes dbt's profile with the limits that were asked for, and parses the project.

    It finds out which models are the core: those with the tag `core`, and what they need.
    """
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text())
    duckdb_target = profile["llm_analytics"]["outputs"]["duckdb"]
    duckdb_target["config_options"] = {
        **duckdb_target.get("config_options", {}),
        "memory_limit": bench.options.memory_limit,
        "threads": bench.options.threads,
        "temp_directory": str(bench.work / "spill"),
    }
    (bench.work / "profile").mkdir()
    (bench.work / "profile" / "profiles.yml").write_text(yaml.safe_dump(profile))
    bench.use("empty")
    bench.dbt("parse", "parse")
    manifest = json.loads((bench.work / "target" / "manifest.json").read_text())
    if any("core" in node["tags"] for node in manifest["nodes"].values()):
        bench.parts = {"core": ["--select", "+tag:core"], "rest": ["--exclude", "+tag:core"]}
    else:
        bench.parts = {"core": []}


def measure_whole(bench: Bench, folders: Sequence[Path], day: Path | None = None) -> None:
    """Everything at once: load, full build, tests, queries of dashboards; then a day, if given."""
    stages = bench.options.stages
    bench.use("whole")
    bench.load("load", folders)
    if {"build", "tests", "queries"} & set(stages):
        bench.use("empty")
        bench.build("empty")
        if "tests" in stages:
            bench.dbt("empty: tests", "test")
        bench.use("whole")
        bench.build("build")
        if "tests" in stages:
            bench.dbt("build: tests", "test")
        bench.result["warehouse_bytes"] = bench.warehouse.stat().st_size
        bench.result["totals"] = {
            "marts": bench.totals(bench.warehouse, (BENCH / "totals.sql").read_text())
        }
    if "queries" in stages:
        bench.result["queries"] = bench.ask("queries", BENCH / "queries.sql", bench.warehouse)
    if day:
        bench.load("day: load", [day])
        bench.build("day")
    bench.drop("whole")


def measure_baseline(bench: Bench, events: Path) -> None:
    """The bare parse of the same files into typed tables, and the core of the work by hand."""
    options = bench.options
    folder = bench.work / "baseline"
    folder.mkdir()
    parse = options.baseline_load or BENCH / "baseline_load.sql"
    script = options.baseline or BENCH / "baseline.sql"
    bench.result["baseline_steps"] = {
        "parse": bench.script("baseline: parse", parse, folder / "raw.duckdb", data=events),
        "work": bench.script(
            "baseline: work", script, folder / "marts.duckdb", raw=folder / "raw.duckdb"
        ),
    }
    # Without what is late some calls lack their query, and only the models look for another one.
    if options.baseline is None and not options.is_once and "totals" in bench.result:
        bench.result["totals"]["baseline"] = bench.totals(folder / "marts.duckdb", "from totals")
    bench.drop("baseline")


def measure_increments(bench: Bench, events: Path) -> None:
    """The warehouse without its last day, then that day, then what comes late."""
    stages = bench.options.stages
    bench.use("days")
    weeks = sorted(folder for folder in events.iterdir() if folder.name.startswith("week"))
    bench.load("before: load", weeks)
    bench.build("before")
    bench.load("day: load", [events / "day"])
    bench.build("day")
    if "late" in stages:
        bench.load("late: load", [events / "late"])
        bench.build("late")
        if "totals" in bench.result:
            bench.result["totals"]["increments"] = bench.totals(
                bench.warehouse, (BENCH / "totals.sql").read_text()
            )
    bench.drop("days")


def run_size(interactions: int, work: Path, options: Options, console: Console) -> Json:
    """All stages that were asked for at one size; returns their figures."""
    bench = Bench(work, options, console)
    events = options.events
    stages = options.stages
    if interactions:
        bench.result["interactions"] = interactions
    if events is None:
        events = work / "events"
        size = ["--interactions", str(interactions), "--seed", str(options.seed)]
        made = bench.run("generate", [str(BENCH / "events.py"), "--out", str(events), *size])
        bench.result["generated"] = json.loads(made.output)
    files = [path for path in events.rglob("*") if path.is_file()]
    bench.result["events_bytes"] = sum(path.stat().st_size for path in files)
    if {"build", "tests", "queries", "day", "late"} & set(stages):
        prepare(bench)
    if options.is_once:
        weeks = work / "weeks"
        weeks.mkdir()
        for folder in events.glob("week-*"):
            (weeks / folder.name).symlink_to(folder.resolve())
        measure_whole(bench, sorted(weeks.iterdir()), events / "day")
        events = weeks
    elif {"load", "build", "tests", "queries"} & set(stages):
        measure_whole(bench, [events])
    if "baseline" in stages:
        if interactions or options.baseline_load:
            measure_baseline(bench, events)
        else:
            console.print("no baseline: other events need their own, with --baseline-load")
    if not options.is_once and {"day", "late"} & set(stages):
        if (events / "day").is_dir():
            measure_increments(bench, events)
        else:
            console.print(f"no day and no late events: {events} has no folders day and late")
    return bench.result


def machine(options: Options) -> Json:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
        "dbt": version("dbt-core"),
        "threads": options.threads,
        "memory_limit": options.memory_limit,
    }


def disagreements(totals: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The named figures that are not the same for the marts and for all others."""
    marts = totals.get("marts", {})
    return [
        f"{name}: {value} in the marts, {other.get(name)} in {source}"
        for source, other in totals.items()
        for name, value in marts.items()
        if other.get(name) != value
    ]


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """A new folder for one size below the one that was named; it is removed again."""
    base = given or ROOT / "build"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--interactions", type=int, action="append", help="size; give several to see growth")
    add(
        "--events",
        type=Path,
        help="folder of events, instead of new ones; with --interactions, bench/events.py wrote it",
    )
    add("--baseline-load", type=Path, help="SQL that parses them (DATADIR: their folder)")
    add("--baseline", type=Path, help="SQL of another baseline; `raw` is what was parsed")
    add("--stages", default=",".join(STAGES), help="which of %(default)s")
    add(
        "--once",
        action="store_true",
        help="one warehouse: the last day comes on top of the full build, what is late stays out",
    )
    add("--memory-limit", default="4GB", help="of DuckDB, for every stage (%(default)s)")
    add("--threads", type=int, default=2, help="of DuckDB, for every stage (%(default)s)")
    add("--runs", type=int, default=11, help="of each query of a dashboard (%(default)s)")
    add("--seed", type=int, default=1)
    add("--work", type=Path, help="folder for what is made meanwhile (build/)")
    add("--json", type=Path, help="file for all figures")
    add(
        "--markdown", type=Path, help="file for the tables, or a document that has a place for them"
    )
    add("--check", action="store_true", help="exit status 1 if a goal is missed")
    given = parser.parse_args(arguments)
    unknown = set(given.stages.split(",")) - set(STAGES)
    if unknown:
        parser.error(f"unknown stages: {', '.join(sorted(unknown))}")
    if (given.baseline is None) != (given.baseline_load is None):
        parser.error("--baseline and --baseline-load go together")
    if given.events and len(given.interactions or []) > 1:
        parser.error("--events has one size")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns the exit status."""
    given = parse_arguments(arguments)
    # Nobody's own settings change a figure.
    for name in [name for name in os.environ if name.startswith(("DBT_", "LLM_ANALYTICS_"))]:
        del os.environ[name]
    resolved = {
        name: path.resolve() if (path := getattr(given, name)) else None
        for name in ("events", "baseline", "baseline_load")
    }
    options = Options(
        given.memory_limit,
        given.threads,
        given.runs,
        given.seed,
        given.stages.split(","),
        given.once,
        **resolved,
    )
    console = Console(stderr=True)
    sizes: list[Json] = []
    for interactions in given.interactions or ([0] if given.events else [1_000_000]):
        with work_folder(given.work) as work:
            try:
                sizes.append(run_size(interactions, work, options, console))
            except CommandError as error:
                console.print(str(error), markup=False, highlight=False)
                return 1
    report: Report = {
        "machine": machine(options),
        "sizes": sizes,
        "goals": goals(sizes, options.memory_limit),
    }
    show(report, Console())
    if given.json:
        given.json.write_text(json.dumps(report, indent=2) + "\n")
    if given.markdown:
        before = given.markdown.read_text() if given.markdown.exists() else ""
        given.markdown.write_text(replace_figures(before, as_markdown(report)))
    wrong = [line for size in sizes for line in disagreements(size.get("totals", {}))]
    for line in wrong:
        console.print(f"disagreement: {line}", highlight=False)
    is_missed = any(goal["is_met"] is False for goal in report["goals"])
    return 1 if wrong or (given.check and is_missed) else 0


if __name__ == "__main__":
    sys.exit(main())
