"""The command: exit statuses, one line for every error, and the same as a module."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from load_helpers import query_event, rows, write_lines

#: Enough for a load to take longer than the signal that interrupts it.
N_LINES = 160_000


@pytest.fixture(autouse=True)
def _own_warehouse(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))


def test_exit_statuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    bad = write_lines(tmp_path / "queries-bad.jsonl", [b"{"])
    assert main(["load", str(good)]) == 0
    assert main(["load", str(good), "--json"]) == 0
    assert main(["load", str(bad)]) == 3
    assert "not_json 1" in capsys.readouterr().out
    assert main(["load", str(tmp_path / "none")]) == 1
    assert main(["load"]) == 2
    assert main(["load", "--text", "maybe", str(good)]) == 2
    assert main(["nonsense"]) == 2
    assert main(["--version"]) == 0


def test_the_report_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(tmp_path / "queries.jsonl", [query_event(1), b"", b"{", query_event(1)])
    main(["load", "--json", str(path)])
    report = json.loads(capsys.readouterr().out)
    file = report["files"][0]
    names = ("lines", "blank", "accepted", "duplicates", "quarantined")
    assert [file[f"n_{name}"] for name in names] == [4, 1, 1, 1, 1]
    assert (report["load_seq"], report["policy"], report["reasons"]) == (1, "drop", {"not_json": 1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["load", "nowhere.jsonl"], "no such file: nowhere.jsonl"),
        (["load", "--source", "other", "x"], "unknown source 'other'; known: events"),
        (["load", "--stream", "other", "x"], "unknown stream 'other'"),
        (["status"], "no warehouse at"),
    ],
)
def test_an_error_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("llm-analytics: ")
    assert message in output.err
    assert output.err.count("\n") == 1
    assert main([*arguments, "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_locked_warehouse_names_its_process(tmp_path: Path, warehouse: Path) -> None:
    path = write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    with duckdb.connect(str(warehouse)):
        result = _run("load", str(path))
    assert result.returncode == 1
    assert (
        result.stderr
        == f"llm-analytics: {warehouse} is locked by pid {os.getpid()}; close it first\n"
    )


def test_what_is_no_warehouse(
    tmp_path: Path, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.write_bytes(b"not a database" * 1000)
    path = write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    assert main(["load", str(path)]) == 1
    assert "is not a warehouse file" in capsys.readouterr().err
    assert warehouse.read_bytes() == b"not a database" * 1000


@pytest.fixture
def _hears_interrupts() -> Iterator[None]:
    """What is started in the background ignores Ctrl-C, and so does what it starts."""
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, heard)


@pytest.mark.usefixtures("_hears_interrupts")
def test_an_interrupted_load_says_so_only_where_it_changed_nothing(
    tmp_path: Path, warehouse: Path
) -> None:
    path = write_lines(
        tmp_path / "queries.jsonl", (query_event(n, filler="x" * 400) for n in range(N_LINES))
    )
    n_interrupted = 0
    for delay in (0.02, 0.1, 0.2, 0.3, 0.4):
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_analytics", "load", str(path)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        # What sends the signal is to be in time, whatever else runs.
        os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        deadline = time.monotonic() + 60
        while not warehouse.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        if errors:
            assert errors == "llm-analytics: interrupted; nothing was changed\n"
            assert process.returncode == 130
            assert rows(warehouse, "select count(*) from duckdb_tables()") == [(0,)]
            n_interrupted += 1
        else:  # the load was quicker than the signal
            assert rows(warehouse, "select count(*) from raw.events_queries") == [(N_LINES,)]
        warehouse.unlink()
    assert n_interrupted


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llm_analytics", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_module_is_the_command() -> None:
    assert _run("--version").stdout.startswith("llm-analytics ")
    result = _run("--help")
    assert result.returncode == 0
    for name in ("load", "status", "simulate"):
        assert name in result.stdout
