"""What does one job cost on each engine? The models tagged `core` from nothing, and one day more.

    PYTHONPATH=tests/python python bench/bench_engines.py --interactions 1000000

DuckDB, PostgreSQL and Spark load the same events and build the same models, without tests.
Spark needs Java 17 and its own environment (scripts/ci/apart.sh spark venv); PostgreSQL is the
server of the tests. CPU seconds are those of the commands and of what works for them: Spark's
Java, PostgreSQL's server. Exit status 1: a stage failed, or the marts of two engines disagree.

The larger sizes take hours. With --results, what is measured is kept as JSON, one file for each
size and engine; another run goes on with the engines that are not there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

import psycopg2
from rich.console import Console

from bench import ROOT, disagreements, work_folder
from measure import CommandError, measure

SPARK_PYTHON = ROOT / "build" / "spark-venv" / "bin" / "python"
#: Ends Java before it ends itself, so that what Java took counts as its own.
DBT = """
from dbt.cli.main import cli
try:
    cli()
finally:
    try:
        from pyspark import SparkContext
    except ImportError:
        java = None
    else:
        java = SparkContext._gateway
    if java:
        java.proc.stdin.close()
        java.proc.wait()
"""
ENGINES = ("duckdb", "postgres", "spark")
STAGES = ("load", "build", "day: load", "day: build")
#: The server has half a minute of work between two of its checkpoints otherwise.
POSTGRES_SETTINGS = {"work_mem": "256MB", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}


@dataclass
class Cost:
    """What a stage cost: CPU seconds, wall seconds, CPU seconds of other programs meanwhile."""

    cpu: float = 0
    wall: float = 0
    others: float = 0


@dataclass
class Engine:
    """One engine: how to reach it, and what each stage on it cost."""

    name: str
    work: Path
    warehouse: str
    python: Path = Path(sys.executable)
    environment: Mapping[str, str] = field(default_factory=dict)
    #: The lake that it reads; None where it keeps what is loaded itself.
    lake: Path | None = None
    #: The process id of a server, which is no child of the commands.
    server: int | None = None
    costs: dict[str, Cost] = field(default_factory=dict)

    def load(self, stage: str, folders: Sequence[Path]) -> None:
        """Load events; where they go to a lake, make its files known too."""
        to_lake = ["--lake", str(self.lake)] if self.lake else []
        command = ["-m", "llm_analytics", "load", *to_lake, *map(str, folders)]
        # 3: some lines were quarantined, which is no failure of the load.
        self._run(stage, [sys.executable, *command], allowed=(0, 3))
        if self.lake:
            self.dbt(stage, "run-operation", "mount_lake")

    def dbt(self, stage: str, *arguments: str) -> str:
        """Run dbt, and add what it cost to a stage; returns what it printed."""
        return self._run(stage, [str(self.python), "-c", DBT, *arguments])

    def _run(self, stage: str, command: Sequence[str], allowed: Sequence[int] = (0,)) -> str:
        environment = {
            "LLM_ANALYTICS_WAREHOUSE": self.warehouse,
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(self.work / "target"),
            "DBT_LOG_PATH": str(self.work / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PYTHONPATH": str(ROOT / "scripts"),
            # As for a user who runs dbt again and again: Python compiles its modules once.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.work / "pycache"),
            **self.environment,
        }
        before = server_seconds(self.server)
        done = measure(command, environment=environment, folder=ROOT, allowed=allowed)
        by_server = server_seconds(self.server) - before
        cost = self.costs.setdefault(stage, Cost())
        cost.cpu += done.cpu_seconds + by_server
        cost.wall += done.wall_seconds
        cost.others += max(0.0, (done.other_cores or 0) * done.wall_seconds - by_server)
        return done.output


def server_seconds(pid: int | None) -> float:
    """CPU seconds of a process, of its children, and of those that it waited for; 0 without one."""
    if pid is None:
        return 0.0
    ticks = sum(map(int, _stat(pid)[11:15]))
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = _stat(int(entry.name))
        except OSError:  # it has ended since
            continue
        if int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """What the system says of a process, from its state on."""
    # The name of the command may hold blanks; it ends with the last bracket.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def engine(name: str, work: Path, memory: str) -> Iterator[Engine]:
    """An engine with an empty warehouse in a folder."""
    work.mkdir()
    if name == "duckdb":
        yield Engine(name, work, str(work / "warehouse.duckdb"))
    elif name == "spark":
        given = {
            "LLM_ANALYTICS_LAKE": str(work / "lake"),
            "LLM_ANALYTICS_SPARK_MEMORY": memory,
            "LLM_ANALYTICS_SPARK_PARTITIONS": "8",
        }
        yield Engine(name, work, f"spark:{work}", SPARK_PYTHON, given, work / "lake")
    else:
        from support.postgres import create_database, execute, postgres_server

        with postgres_server() as url:
            settings = [
                f"alter system set {key} = '{is_}'" for key, is_ in POSTGRES_SETTINGS.items()
            ]
            execute(url, *settings, "select pg_reload_conf()")
            warehouse = create_database(url, "warehouse")
            with closing(psycopg2.connect(warehouse)) as server:
                backend = server.info.backend_pid
                yield Engine(name, work, warehouse, server=int(_stat(backend)[1]))


def do_job(on: Engine, events: Path, console: Console) -> None:
    """Load all weeks and build; load the day after them and build."""
    core = ("--select", "+tag:core", "--resource-type", "model", "--resource-type", "seed")
    on.dbt("parse", "parse")
    for prefix, folders in (("", "week-*"), ("day: ", "day")):
        on.load(f"{prefix}load", sorted(events.glob(folders)))
        on.dbt(f"{prefix}build", "build", *core)
        for stage in (f"{prefix}load", f"{prefix}build"):
            cost = on.costs[stage]
            line = f"{on.name:<10}{stage:<12}{cost.cpu:8.1f} CPU s{cost.wall:8.1f} s"
            console.print(line, highlight=False)


def totals(of: Engine) -> dict[str, str]:
    """The figures of bench/totals.sql, as exact decimals without trailing zeros."""
    figures = (ROOT / "bench" / "totals.sql").read_text().rstrip().rstrip(";")
    sql = f"select name, cast(value as {{{{ dbt.type_string() }}}}) as value from ({figures}) as t"
    as_json = ("--quiet", "--output", "json", "--limit", "-1")
    shown = of.dbt("totals", "show", "--inline", sql, *as_json)
    rows = json.loads(shown[shown.index("{") :])["show"]
    return {row["name"]: f"{Decimal(row['value']).normalize():f}" for row in rows}


@dataclass
class Result:
    """What an engine's stages cost, and the figures that its marts hold."""

    engine: str
    costs: dict[str, Cost]
    totals: dict[str, str]

    def write(self, file: Path) -> None:
        """Keep it as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Result:
        """What `write` has kept."""
        kept = json.loads(file.read_text())
        costs = {stage: Cost(**cost) for stage, cost in kept["costs"].items()}
        return cls(kept["engine"], costs, kept["totals"])


def as_markdown(sizes: Mapping[int, Sequence[Result]]) -> str:
    """One table: CPU and wall seconds of each stage, by size and engine."""
    lines = [
        f"| interactions | engine | {' | '.join(STAGES)} | cores of others |",
        f"|---:|---|{'---:|' * (len(STAGES) + 1)}",
    ]
    for interactions, results in sizes.items():
        for each in results:
            costs = [each.costs[stage] for stage in STAGES]
            cells = [f"{cost.cpu:,.0f} / {cost.wall:,.0f}" for cost in costs]
            others = sum(cost.others for cost in costs) / sum(cost.wall for cost in costs)
            names = f"| {interactions:,} | {each.engine} |"
            lines.append(f"{names} {' | '.join(cells)} | {others:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Runs the job on each engine; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--interactions", type=int, action="append", help="size; give several to see growth")
    add("--events", type=Path, help="folder that bench/events.py has filled with that many")
    add("--engines", default=",".join(ENGINES), help="which of %(default)s")
    add("--spark-memory", default="6g", help="heap of Spark's Java (%(default)s)")
    add("--results", type=Path, help="folder for what is measured; what it holds is kept")
    add("--work", type=Path, help="folder for what is made meanwhile (build/)")
    add("--markdown", type=Path, help="file for the table")
    given = parser.parse_args()
    names = given.engines.split(",")
    if set(names) - set(ENGINES):
        parser.error(f"engines are {', '.join(ENGINES)}")
    for name in [name for name in os.environ if name.startswith(("DBT_", "LLM_ANALYTICS_"))]:
        del os.environ[name]
    console = Console(stderr=True)
    sizes: dict[int, list[Result]] = {}
    wrong: list[str] = []
    for interactions in given.interactions or [1_000_000]:
        kept = {
            name: given.results / f"{interactions}-{name}.json" for name in names if given.results
        }
        results = {name: Result.read(file) for name, file in kept.items() if file.exists()}
        missing = [name for name in names if name not in results]
        with work_folder(given.work) as work:
            events = given.events or work / "events"
            if missing and not given.events:
                size = ["--out", str(events), "--interactions", str(interactions)]
                measure([sys.executable, str(ROOT / "bench" / "events.py"), *size])
            for name in missing:
                try:
                    with engine(name, work / name, given.spark_memory) as on:
                        do_job(on, events, console)
                        results[name] = Result(name, on.costs, totals(on))
                except CommandError as error:
                    console.print(str(error), markup=False, highlight=False)
                    return 1
                shutil.rmtree(work / name)
                if name in kept:
                    results[name].write(kept[name])
        sizes[interactions] = [results[name] for name in names]
        # The first engine's are those that the others must have.
        first, *others = sizes[interactions]
        wrong += disagreements(
            {"marts": first.totals, **{each.engine: each.totals for each in others}}
        )
        table = as_markdown(sizes)
        if given.markdown:
            given.markdown.write_text(table)
    console.print(table, markup=False, highlight=False)
    for line in wrong:
        console.print(f"disagreement: {line}", highlight=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
