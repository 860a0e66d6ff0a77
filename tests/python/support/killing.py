"""Builds and loads in processes of their own, that can be killed, and that say where they are.

They are forked from a server that has imported dbt, and get the parsed manifest as a file, so that
most of what a process costs is what it does before it is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from llm_analytics.backup import copy_warehouse
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.warehouse import open_duckdb
from support.project import DbtProject

#: What is imported once, before the forks.
_PRELOADED = [
    "dbt.cli.main", "dbt.adapters.duckdb.impl", "dbt.task.run", "llm_analytics.loading.load",
]  # fmt: skip
#: How long anything may take that should take a few seconds.
_PATIENCE_S = 300


@dataclass(frozen=True)
class Moment:
    """What a build says of itself: what it begins (`start`, `end`, `statement`, `done`), where."""

    kind: str
    #: The model, or nothing between models.
    node: str
    #: First word of a statement, such as `begin`, `create`, `delete`, `commit`; of a node that
    #: begins or ends, its materialization.
    statement: str = ""


@dataclass(frozen=True)
class Death:
    """Where a build was when it was killed, as far as it could still say."""

    #: The model that had begun and not ended.
    node: str | None
    #: The last statement of that model, and whether the engine had not answered yet.
    statement: str
    is_running: bool
    #: Had the model's transaction begun, and not been committed?
    is_in_transaction: bool
    #: The build had ended before it could be killed.
    is_too_late: bool


class Building:
    """A build that has begun in a process of its own."""

    def __init__(self, project: DbtProject, args: Sequence[str]):
        """Begin a build with dbt's arguments, such as `run --full-refresh`."""
        path = project.work_path / "manifest.pickle"
        if not path.exists():
            manifest = project.manifest()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(manifest))
        command = [
            "--quiet", "--no-write-json", *args,
            "--project-dir", str(project.root), "--profiles-dir", str(project.root),
            "--target-path", str(project.target_path),
            "--log-path", str(project.work_path / "logs"), "--log-level-file", "none",
            "--vars", "{}",
        ]  # fmt: skip
        self._process, self._events = _begin(_build, path, command, project.environment)
        self.said: list[Moment] = []

    def moments(self) -> Iterator[Moment]:
        """What the build says, until it ends."""
        while self._events.poll(_PATIENCE_S):
            try:
                moment = Moment(*self._events.recv())
            except EOFError:
                return
            self.said.append(moment)
            yield moment
        raise AssertionError(f"the build hangs after {self.said[-1:]}")

    def kill(self) -> Death:
        """Kill the build, and find out where it was."""
        _kill(self._process)
        for _ in self.moments():
            pass
        self._process.join(_PATIENCE_S)
        return _death(self.said, is_too_late=self._process.exitcode != -signal.SIGKILL)

    def finish(self) -> None:
        """Wait for the build; it must succeed."""
        for _ in self.moments():
            pass
        self._process.join(_PATIENCE_S)
        assert self._process.exitcode == 0, f"exit {self._process.exitcode}"


def killed_in_model(project: DbtProject, args: Sequence[str], random: Random) -> Death:
    """Kill a build while one of its tables is being written; which, where and when is drawn.

    After a statement of some kind was sent, up to a twentieth of a second later.
    """
    # A full refresh creates every table; only what is there already is deleted from.
    n_of = {"begin": 12, "create": 12, "commit": 12, "delete": 0 if "--full-refresh" in args else 5}
    word = random.choice([word for word, n_statements in n_of.items() if n_statements])
    left = random.randrange(1, n_of[word] + 1)
    building = Building(project, args)
    tables: set[str] = set()
    for moment in building.moments():
        if moment.kind == "start" and moment.statement in ("table", "incremental"):
            tables.add(moment.node)
        left -= moment.kind == "statement" and moment.statement == word and moment.node in tables
        if left == 0:
            break
    time.sleep(random.choice((0, 0.002, 0.01, 0.05)) * random.random())
    return building.kill()


def killed_at_random(
    project: DbtProject, args: Sequence[str], random: Random, seconds: float
) -> Death:
    """Kill a build at any moment of so many seconds from its first statement."""
    building = Building(project, args)
    next(building.moments())
    time.sleep(random.random() * seconds)
    return building.kill()


def seconds_of_build(project: DbtProject, args: Sequence[str]) -> float:
    """How long an undisturbed build takes, from its first statement to its end."""
    building = Building(project, args)
    next(building.moments())
    began = time.monotonic()
    building.finish()
    return time.monotonic() - began


class Loading:
    """A load that has begun in a process of its own."""

    def __init__(self, warehouse: Path, path: Path):
        """Begin to load a file."""
        self._process, self._events = _begin(_load, warehouse, path)

    def wait_until_begun(self) -> None:
        """Wait until all is imported and the load itself begins."""
        assert self._events.poll(_PATIENCE_S)
        self._events.recv()

    def kill(self) -> bool:
        """Kill the load; returns whether it had said that it was done."""
        _kill(self._process)
        self._process.join(_PATIENCE_S)
        return self._has_answered()

    def finish(self) -> None:
        """Wait for the load; it must succeed."""
        self._process.join(_PATIENCE_S)
        assert self._process.exitcode == 0
        assert self._has_answered()

    def _has_answered(self) -> bool:
        """Is the last thing that it said that it is done?"""
        answer = False
        try:
            while self._events.poll():
                answer = self._events.recv()
        except EOFError:
            pass
        return answer


def set_aside(warehouse: Path, copy: Path) -> None:
    """Copy a warehouse, with what a process that was killed has left beside the file."""
    with open_duckdb(str(warehouse)) as database:
        database.execute("checkpoint")
    copy_warehouse(warehouse, copy)


def torn_by_kill(warehouse: Path, copy: Path) -> bool:
    """Put a copy in the place of a file that a kill tore, as docs/incremental.md says.

    DuckDB writes its metadata over blocks in use. Returns whether it was torn; any other error of
    opening it is raised.
    """
    try:
        open_duckdb(str(warehouse), read_only=True).close()
    except LlmAnalyticsError as error:
        if "is damaged" not in str(error):
            raise
        copy_warehouse(copy, warehouse)
        return True
    return False


def _begin(target: Any, *args: object) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*args, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _kill(process: multiprocessing.process.BaseProcess) -> None:
    assert process.pid is not None
    # Not there any more: it had ended, as its exit code will say.
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _build(
    manifest: Path, command: list[str], environment: Mapping[str, str], events: Connection
) -> None:
    """Run dbt; in the process that may be killed."""
    from dbt.cli.main import dbtRunner

    os.environ.update(environment)

    def tell(event: Any) -> None:
        name, node = event.info.name, ""
        if hasattr(event.data, "node_info"):
            node = event.data.node_info.node_name
        if name in ("NodeStart", "NodeFinished"):
            kind = event.data.node_info.materialized
            events.send(("start" if name == "NodeStart" else "end", node, kind))
        elif name == "SQLQuery":
            events.send(("statement", node, _first_word(event.data.sql)))
        elif name == "SQLQueryStatus":
            events.send(("done", node))

    done = dbtRunner(manifest=_unpickled(manifest), callbacks=[tell]).invoke(command)
    events.close()
    os._exit(0 if done.success else 1)


def _unpickled(path: Path) -> Any:
    """The parsed manifest, without the indexes that dbt makes when it needs them."""
    manifest = pickle.loads(path.read_bytes())  # noqa: S301 - written by the test
    # dbt pickles a manifest without its fixtures, so that what follows them lands one place off.
    manifest.fixtures = {}
    for name in vars(manifest):
        if name.endswith("_lookup"):
            setattr(manifest, name, None)
    return manifest


def _load(warehouse: Path, path: Path, events: Connection) -> None:
    """Load a file; in the process that may be killed."""
    from load_helpers import load_files

    events.send(False)
    load_files(warehouse, path)
    events.send(True)


def _first_word(sql: str) -> str:
    return re.sub(r"/\*.*?\*/", "", sql, flags=re.DOTALL).strip().partition(" ")[0].lower()


def _death(said: Sequence[Moment], is_too_late: bool) -> Death:
    """Read where the build was from what it said; one model at a time is being built."""
    node, statement, is_running, is_in_transaction = None, "", False, False
    for moment in said:
        if moment.kind == "start":
            node, statement, is_running, is_in_transaction = moment.node, "", False, False
        elif moment.kind == "end":
            node = None
        elif moment.kind == "statement":
            statement, is_running = moment.statement, True
            is_in_transaction = is_in_transaction or statement == "begin"
        else:
            is_running = False
            is_in_transaction = is_in_transaction and statement != "commit"
    return Death(node, statement, is_running, node is not None and is_in_transaction, is_too_late)
