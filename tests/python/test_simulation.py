"""The files of `simulate`: the same bytes again, valid events, defects counted, safe writing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.simulation import Parameters, Simulation, register, simulate, writing
from llm_analytics.simulation.simulator import STREAMS

END = dt.date(2025, 6, 30)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """A small product with everything in it."""
    return simulate(tmp_path_factory.mktemp("product"), 100, 60, 11)


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder, by its path within it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parse(line: bytes) -> dict[str, Any] | None:
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return event


def moment(value: int | str) -> dt.datetime:
    if isinstance(value, int):
        return dt.datetime.fromtimestamp(value / 1000, dt.UTC)
    return dt.datetime.fromisoformat(value)


def is_good(event: dict[str, Any] | None) -> bool:
    """Does the loader have to take it: an object with a time that can be?"""
    return event is not None and "timestamp" in event and event_year(event) == END.year


def event_year(event: dict[str, Any]) -> int:
    return moment(event["timestamp"]).year


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = simulate(tmp_path / "a", 40, 20, 3, loads=3)
    second = simulate(tmp_path / "b", 40, 20, 3, loads=3)
    other = simulate(tmp_path / "c", 40, 20, 4, loads=3)
    assert contents(first.folder) == contents(second.folder)
    assert contents(first.folder)["load-001/queries.jsonl"] not in contents(other.folder).values()


def test_the_bytes_do_not_depend_on_the_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROWS_PER_PART", 500)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    many = simulate(tmp_path / "many", 40, 20, 3)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(writing, "ROWS_PER_PART", 100_000)
    one = simulate(tmp_path / "one", 40, 20, 3)
    assert contents(many.folder) == contents(one.folder)


@pytest.mark.parametrize("cut", [{"loads": 4}, {"split_days": 7}])
def test_loads_are_the_same_lines_cut_by_arrival(tmp_path: Path, cut: dict[str, int]) -> None:
    whole = simulate(tmp_path / "whole", 40, 28, 3)
    parts = simulate(
        tmp_path / "parts", 40, 28, 3, loads=cut.get("loads"), split_days=cut.get("split_days")
    )
    folders = sorted(path for path in parts.folder.iterdir() if path.is_dir())
    assert [path.name for path in folders][:2] == ["load-001", "load-002"]
    for stream in STREAMS:
        pieces = [path / f"{stream}.jsonl" for path in folders]
        joined = b"".join(path.read_bytes() for path in pieces if path.exists())
        assert joined == (whole.folder / f"{stream}.jsonl").read_bytes(), stream
    first, second = (
        [
            moment(event["timestamp"])
            for line in (folder / "queries.jsonl").read_bytes().splitlines()
            if is_good(event := parse(line)) and event is not None
        ]
        for folder in folders[:2]
    )
    assert any(max(first) - at > dt.timedelta(hours=2) for at in second), "nothing comes late"


def test_every_line_that_is_not_planted_rubbish_fits_the_tracking_plan(
    product: Simulation, root: Path
) -> None:
    for stream in STREAMS:
        schema = json.loads((root / "docs" / "tracking_plan" / f"{stream}.json").read_text())
        validator = Draft202012Validator(schema)
        lines = (product.folder / f"{stream}.jsonl").read_bytes().splitlines()
        assert lines, stream
        step = max(len(lines) // 600, 1)
        for line in lines[::step]:
            event = parse(line)
            if event is None or not is_good(event):
                continue
            assert event["event"] == schema["x-event"]
            assert set(event) <= set(schema["properties"]), stream
            assert validator.is_valid(event), next(validator.iter_errors(event)).message


def test_lengths_are_those_of_the_texts(product: Simulation) -> None:
    for stream, text, length in (
        ("queries", "query_text", "query_length"),
        ("responses", "response_text", "response_length"),
    ):
        for line in (product.folder / f"{stream}.jsonl").read_bytes().splitlines()[::50]:
            event = parse(line)
            if event is not None and text in event:
                assert len(event[text]) == event[length]


def test_truth_counts_every_line_and_every_defect(product: Simulation) -> None:
    start, unknown_model = product.truth["arguments"]["start"], Parameters().defects.unknown_model
    for stream in STREAMS:
        lines = (product.folder / f"{stream}.jsonl").read_bytes().splitlines()
        found: Counter[str] = Counter()
        seen: set[bytes] = set()
        contents_of: dict[str, set[bytes]] = {}
        changed: dict[str, set[str]] = {}
        for line in lines:
            event = parse(line)
            if event is None:
                found["malformed"] += 1
            elif "timestamp" not in event:
                found["missing_timestamp"] += 1
            elif event_year(event) > END.year:
                found["far_future"] += 1
            elif event_year(event) < int(start[:4]):
                found["far_past"] += 1
            elif line in seen:
                found["duplicate"] += 1
            else:
                seen.add(line)
                key = event.get("event_id", line.decode())
                contents_of.setdefault(key, set()).add(line)
                found["old_version"] += event.get("event_version") == 1
                for name, is_so in (
                    (
                        "missing_session",
                        "session_id" not in event and event.get("is_user_action", True),
                    ),
                    ("missing_turn", "conversation_turn" not in event),
                    ("negative_latency", event.get("latency_ms", 0) < 0),
                    (
                        "unknown_model",
                        unknown_model in (event.get("response_model"), event.get("model_version")),
                    ),
                ):
                    if is_so:
                        changed.setdefault(name, set()).add(key)
        file = product.truth["files"][f"{stream}.jsonl"]
        quarantined = (
            found["malformed"]
            + found["missing_timestamp"]
            + found["far_future"]
            + found["far_past"]
        )
        assert file == {
            "lines": len(lines),
            "accepted": len(seen),
            "duplicate": found["duplicate"],
            "quarantined": quarantined,
        }
        defects = product.truth["defects"].get(stream, {})
        several = sum(len(versions) > 1 for versions in contents_of.values())
        assert several == defects.get("old_version", 0) + defects.get("conflicting_content", 0)
        for name in ("malformed", "missing_timestamp", "far_future", "far_past", "duplicate"):
            assert found[name] == defects.get(name, 0), (stream, name)
        assert found["old_version"] == defects.get("old_version", 0)
        for name in ("missing_session", "missing_turn", "negative_latency", "unknown_model"):
            if name in defects:
                assert len(changed.get(name, ())) == defects[name], (stream, name)


def test_no_time_lies_outside_of_the_window(product: Simulation) -> None:
    start = dt.datetime.fromisoformat(product.truth["arguments"]["start"]).replace(tzinfo=dt.UTC)
    end = dt.datetime.combine(END + dt.timedelta(days=1), dt.time(), dt.UTC)
    for stream in STREAMS:
        for line in (product.folder / f"{stream}.jsonl").read_bytes().splitlines()[::3]:
            event = parse(line)
            if event is not None and is_good(event):
                assert start <= moment(event["timestamp"]) < end, (stream, event)


def test_without_defects_every_line_is_accepted(tmp_path: Path) -> None:
    result = simulate(tmp_path, 30, 15, 5, with_defects=False)
    assert result.truth["defects"] == {}
    for counts in result.truth["files"].values():
        assert counts["accepted"] == counts["lines"]


def test_each_incident_has_its_own_days_and_shows(product: Simulation) -> None:
    incidents = product.truth["incidents"]
    assert [one["rule"] for one in incidents] == [one.rule for one in Parameters().incidents]
    assert product.truth["incidents_without_a_day"] == []
    for one, following in itertools.pairwise(incidents):
        assert one["start"] < one["end"] <= following["start"]
    times = {one["name"]: (moment(one["start"]), moment(one["end"])) for one in incidents}

    probes = [
        json.loads(line) for line in (product.folder / "probes.jsonl").read_bytes().splitlines()
    ]
    start, end = times["silent_stream"]
    assert not any(start <= moment(probe["timestamp"]) < end for probe in probes)
    start, end = times["outage"]
    down = [probe for probe in probes if start <= moment(probe["timestamp"]) < end]
    assert down
    assert not any(probe["is_up"] for probe in down)

    calls = [
        event
        for line in (product.folder / "responses.jsonl").read_bytes().splitlines()
        if is_good(event := parse(line))
        and event is not None
        and event.get("call_role") == "answer"
    ]
    margin = dt.timedelta(minutes=3)
    during = [call for call in calls if start + margin <= moment(call["timestamp"]) < end - margin]
    assert during
    assert all(call["status"] != "success" for call in during)
    start, end = times["slow_answers"]
    slow = [
        call["latency_ms"]
        for call in calls
        if start + margin <= moment(call["timestamp"]) < end and call["status"] == "success"
    ]
    assert sum(value > 5000 for value in slow) > len(slow) / 2


def test_a_short_window_says_which_incidents_it_has_no_day_for(tmp_path: Path) -> None:
    truth = simulate(tmp_path, 20, 8, 1).truth
    names = [one.name for one in Parameters().incidents]
    assert [one["name"] for one in truth["incidents"]] + truth["incidents_without_a_day"] == names
    assert truth["incidents_without_a_day"]


def test_parameters_can_be_changed_and_are_written_down(tmp_path: Path) -> None:
    parameters = dataclasses.replace(Parameters(), attempt_error_rate=1.0, title_rate=0.0)
    result = simulate(
        tmp_path, 20, 10, 1, with_incidents=False, with_defects=False, parameters=parameters
    )
    lines = (tmp_path / "responses.jsonl").read_bytes().splitlines()
    answers = [call for call in map(json.loads, lines) if call.get("call_role") == "answer"]
    assert answers
    assert not any(call["status"] == "success" for call in answers)
    assert result.truth["parameters"]["attempt_error_rate"] == 1.0
    assert result.truth["planted"]["user_error_rate"] == pytest.approx(1.0)
    assert json.loads((tmp_path / "truth.json").read_text()) == json.loads(json.dumps(result.truth))


def test_the_smallest_product_works(tmp_path: Path) -> None:
    result = simulate(tmp_path, 1, 1, 0)
    assert result.n_sessions >= 1
    assert (tmp_path / "queries.jsonl").stat().st_size > 0


def test_an_earlier_simulation_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    simulate(tmp_path, 20, 10, 1, loads=2)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "load-002" / "mine.txt").write_text("mine too")
    simulate(tmp_path, 20, 10, 1)
    assert not (tmp_path / "load-001").exists()
    assert [path.name for path in (tmp_path / "load-002").iterdir()] == ["mine.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".simulation-*"))
    assert (tmp_path / "queries.jsonl").exists()


def test_files_that_are_not_of_a_simulation_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text("precious")
    with pytest.raises(LlmAnalyticsError, match="not of an earlier simulation"):
        simulate(tmp_path, 20, 10, 1)
    assert (tmp_path / "queries.jsonl").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": 0}, "users must be"),
        ({"days": 0}, "days must be"),
        ({"seed": -1}, "seed"),
        ({"loads": 0}, "loads must be"),
        ({"split_days": 0}, "split-days must be"),
        ({"loads": 2, "split_days": 2}, "not both"),
    ],
)
def test_senseless_arguments_are_refused(
    tmp_path: Path, arguments: dict[str, int], message: str
) -> None:
    given: dict[str, Any] = {"users": 5, "days": 5, "seed": 1, **arguments}
    with pytest.raises(LlmAnalyticsError, match=message):
        simulate(tmp_path, **given)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(LlmAnalyticsError, match="is a file"):
        simulate(file, 5, 5, 1)
    with pytest.raises(LlmAnalyticsError, match="cannot write the simulation"):
        simulate(file / "below", 5, 5, 1)


def test_the_command_writes_and_says_what(tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    arguments = ["--users", "10", "--days", "5", "--end", "2025-02-28", "--json"]
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "new"), *arguments])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["users"] == 10
    truth = json.loads((tmp_path / "new" / "truth.json").read_text())
    assert truth["arguments"]["end"] == "2025-02-28"
    assert sum(counts["lines"] for counts in truth["files"].values()) == summary["lines"]

    refused = CliRunner().invoke(app, ["--out", str(tmp_path / "new"), "--end", "tomorrow"])
    assert isinstance(refused.exception, LlmAnalyticsError)


def test_the_loader_finds_what_truth_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    product = simulate(tmp_path / "events", 60, 30, 7, loads=2)
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    found = {}
    for load in ("load-001", "load-002"):
        assert main(["load", "--json", str(product.folder / load)]) == 3
        for file in json.loads(capsys.readouterr().out)["files"]:
            found[f"{load}/{Path(file['file_name']).name}"] = {
                "lines": file["n_lines"],
                "accepted": file["n_accepted"],
                "duplicate": file["n_duplicates"],
                "quarantined": file["n_quarantined"],
            }
    assert found == product.truth["files"]
