"""Notices of incidents: each opening and each recovery once, to a receiver of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import pytest

from llm_analytics.alerts.memory import Book, open_book, read_book
from llm_analytics.alerts.notices import Kind, Notice, deliver, remember
from llm_analytics.alerts.troubles import Trouble
from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.notify import Message, channels
from support.project import DbtProject

NOW = datetime(2025, 3, 10, 12)
HOUR = timedelta(hours=1)
MAX_AGE = 48 * HOUR


class KilledError(Exception):
    """Stands for a kill of the command."""


@dataclass
class Receiver:
    """A channel that keeps what it is sent."""

    name: str = "test"
    taken: list[Message] = field(default_factory=list)
    is_up: bool = True
    dies_after: int | None = None

    @property
    def digest(self) -> str:
        """The name will do."""
        return self.name

    def send(self, message: Message) -> bool:
        """Take it, if up; die of the one it is to die of."""
        if self.is_up:
            self.taken.append(message)
        if len(self.taken) == self.dies_after:
            raise KilledError
        return self.is_up

    @property
    def titles(self) -> list[str]:
        """Of all that was taken."""
        return [message.title for message in self.taken]


def trouble(hour: int = -3, last: int = -1, resolved: int | None = None) -> Trouble:
    """Errors from so many hours after NOW until so many."""
    return Trouble(
        "errors", "", "critical", NOW + hour * HOUR, NOW + last * HOUR,
        None if resolved is None else NOW + resolved * HOUR, ("Look.",),
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state that was written once, so that what is found is news."""
    path = tmp_path / "alerts.json"
    with open_book(path) as book:
        book.save()
    return path


def send(path: Path, troubles: list[Trouble], *to: Receiver, now: datetime = NOW) -> list[Notice]:
    """One run of the command."""
    with open_book(path) as book:
        found = list(deliver(book, remember(book, troubles, now, MAX_AGE), to))
        book.save()
    return found


def test_an_incident_has_one_opening_notice_and_one_recovery(state: Path) -> None:
    receiver = Receiver()
    for _ in range(3):
        send(state, [trouble()], receiver)
    send(state, [trouble(last=0)], receiver)
    assert receiver.titles == ["[critical] errors"]
    for _ in range(3):
        send(state, [trouble(last=0, resolved=0)], receiver)
    assert receiver.titles == ["[critical] errors", "[resolved] errors"]
    assert receiver.taken[0].level == "failure"
    # The next one is another.
    both = [trouble(last=0, resolved=0), trouble(2, 3)]
    send(state, both, receiver, now=NOW + 3 * HOUR)
    assert receiver.titles[2:] == ["[critical] errors"]


def test_what_came_and_went_between_two_runs_has_both_notices(state: Path) -> None:
    kinds = [each.kind for each in send(state, [trouble(resolved=0)], Receiver())]
    assert kinds == [Kind.OPENED, Kind.RESOLVED]


def test_history_is_acknowledged(tmp_path: Path, state: Path) -> None:
    old, over, open_ = trouble(-100, -49), trouble(-9, -8, -7), trouble()
    # Without a state all that is over is history, and so is what is older than the maximum age.
    receiver = Receiver()
    new = tmp_path / "new" / "alerts.json"
    send(new, [old, over, open_], receiver)
    send(new, [old, over, open_], receiver)
    assert [message.body for message in receiver.taken] == ["Look."]
    # Exactly the maximum age is news; a load of old events is not.
    send(state, [trouble(-100, -49), trouble(-60, -48, -47)], receiver)
    assert receiver.titles[1:] == ["[critical] errors", "[resolved] errors"]
    # What seemed to be history goes on.
    send(state, [trouble(-100, 0)], receiver)
    assert receiver.titles[3:] == ["[critical] errors"]


def test_late_events_move_merge_reopen_and_withdraw(state: Path) -> None:
    receiver = Receiver()
    send(state, [trouble(-6, -5, -4), trouble(-3, -2)], receiver)
    assert len(receiver.taken) == 3
    # A late event shows that it was one from the start: it is open, and that is known.
    send(state, [trouble(-7, -1)], receiver)
    assert len(receiver.taken) == 3
    send(state, [trouble(-7, -1, 0)], receiver)
    assert receiver.titles[3:] == ["[resolved] errors"]
    # It was not over after all; and then it never was.
    send(state, [trouble(-7, 0)], receiver)
    assert receiver.titles[4:] == ["[critical] errors"]
    for _ in range(2):
        send(state, [], receiver)
    assert receiver.titles[5:] == ["[resolved] errors"]
    assert receiver.taken[-1].body.startswith("It is no longer seen.")


def test_a_dead_channel_is_tried_again_and_the_others_are_not(state: Path) -> None:
    up, down = Receiver("up"), Receiver("down", is_up=False)
    (notice,) = send(state, [trouble()], up, down)
    assert not notice.is_delivered
    send(state, [trouble()], up, down)
    down.is_up = True
    (notice,) = send(state, [trouble()], up, down)
    assert notice.is_delivered
    assert (len(up.taken), len(down.taken)) == (1, 1)
    # What nobody could be told within the maximum age is not told any more.
    down.is_up = False
    send(state, [trouble(), trouble(1, 2)], down, now=NOW + 2 * HOUR)
    down.is_up = True
    send(state, [trouble(), trouble(1, 2)], down, now=NOW + 60 * HOUR)
    assert len(down.taken) == 1


def test_a_kill_between_sending_and_recording_sends_once_more(state: Path) -> None:
    first, second = Receiver("first"), Receiver("second", dies_after=1)
    with pytest.raises(KilledError):
        send(state, [trouble()], first, second)
    second.dies_after = None
    for _ in range(2):
        send(state, [trouble()], first, second)
    # At least once: only the one on its way when the command died comes twice.
    assert (len(first.taken), len(second.taken)) == (1, 2)


def test_without_channels_nothing_is_written(state: Path) -> None:
    before = state.read_text()
    book = read_book(state)
    pairs = remember(book, [trouble(resolved=0)], NOW, MAX_AGE)
    assert [each.kind for each in deliver(book, pairs, [])] == [Kind.OPENED, Kind.RESOLVED]
    book.save()
    assert state.read_text() == before


def test_a_state_has_one_writer_and_says_what_is_wrong_with_it(state: Path) -> None:
    with open_book(state), pytest.raises(LlmAnalyticsError, match="in use"), open_book(state):
        pass
    state.write_text('{"incidents": [{}]}')
    with pytest.raises(LlmAnalyticsError, match="is no state of alerts"):
        read_book(state)
    assert Book([], is_new=True).save() is None  # type: ignore[func-returns-value]


def test_services_come_from_the_environment_and_are_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_NOTIFY", "json://host/secret xyz://other/secret")
    with pytest.raises(LlmAnalyticsError, match="URL 2 is of no service") as caught:
        channels()
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("LLM_ANALYTICS_NOTIFY", "json://host/secret, jsons://host/secret")
    assert [each.name for each in channels()] == ["json", "jsons"]
    assert "secret" not in repr(channels())
    monkeypatch.delenv("LLM_ANALYTICS_NOTIFY")
    with pytest.raises(LlmAnalyticsError, match="names no service"):
        channels()


# ---- the command, on marts and over the network


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """What a service on this machine was sent."""
    taken: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LLM_ANALYTICS_NOTIFY", f"json://127.0.0.1:{server.server_port}/notes")
    yield taken
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Fill the tables that the command reads: an incident, how far events and loads reach."""
    file = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    now = datetime.now(UTC).replace(tzinfo=None)

    def fill(is_open: bool, event_age: float = 1, load_age: float = 1, built: int = 2) -> None:
        with duckdb.connect(str(file)) as database:
            for schema in ("raw", "intermediate", "marts"):
                database.execute(f"create schema if not exists {schema}")
            database.execute(
                "create or replace table marts.incidents as select 'error_rate' as rule,"
                " 'error_rate' as metric, null::varchar as value, 'critical' as severity,"
                " 2::bigint as n_firings, $1::timestamp as opened_at,"
                " $2::timestamp as last_seen_at, $3::timestamp as resolved_at",
                [now - 4 * HOUR, now - 2 * HOUR, None if is_open else now - HOUR],
            )
            database.execute(
                "create or replace table marts.alert_events as select 'error_rate' as rule,"
                " null::varchar as value, last_seen_at as window_ended_at, 0.25 as metric_value,"
                " 0.01 as alert_limit, null::double as baseline, 'Switch <the> model' as runbook"
                " from marts.incidents"
            )
            database.execute(
                "create or replace table intermediate.int_as_of as select * from (values"
                " ('queries', $1::timestamp), ('responses', $1), ('feedback', null))"
                " as t (stream, newest_at)",
                [now - event_age * HOUR],
            )
            database.execute(
                "create or replace table intermediate.int_load_horizon as"
                f" select {built}::bigint as load_seq"
            )
            database.execute(
                "create or replace table raw.loads as select * from (values"
                " (1::bigint, $1::timestamp), (2, $2)) as t (load_seq, loaded_at)",
                [now - 100 * HOUR, now - load_age * HOUR],
            )

    return fill


def test_a_planted_incident_reaches_a_service_once_opened_and_once_resolved(
    marts: Callable[..., None],
    posted: list[dict[str, str]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    marts(is_open=True)
    assert main(["alert", "send", "--dry-run", "--json"]) == 3
    (due,) = json.loads(capsys.readouterr().out)["notices"]
    assert (due["kind"], due["rule"], due["is_delivered"]) == ("opened", "error_rate", False)
    assert (posted, (tmp_path / "warehouse.duckdb.alerts.json").exists()) == ([], False)
    assert main(["alert", "send"]) == 0
    assert main(["alert", "send"]) == 0
    marts(is_open=False)
    assert main(["alert", "send", "--json"]) == 0
    assert main(["alert", "send"]) == 0
    assert main(["alert", "send", "--dry-run"]) == 0
    assert [(each["title"], each["type"]) for each in posted] == [
        ("[critical] error_rate", "failure"),
        ("[resolved] error_rate", "success"),
    ]
    assert "error_rate was 0.25 (limit 0.01)" in posted[0]["message"]
    assert "Switch <the> model" in posted[0]["message"]
    assert "0 open, nothing new to tell" in capsys.readouterr().out


def test_heartbeats_are_missed_by_the_clock(
    marts: Callable[..., None], posted: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["alert", "send", "--max-age", "1"]  # too short for the incident
    marts(is_open=True, event_age=25, load_age=1, built=0)
    assert main(command) == 0
    assert main(command) == 0
    assert [each["title"] for each in posted] == [
        "[critical] heartbeat_stream_silent (queries)",
        "[critical] heartbeat_stream_silent (responses)",
        "[critical] heartbeat_build_late",
    ]
    # Load 1 is in the marts, load 2 is an hour old; events are back.
    marts(is_open=True, event_age=23, load_age=1, built=1)
    assert main(command) == 0
    assert [each["title"][:10] for each in posted[3:]] == ["[resolved]"] * 3
    assert main([*command, "--no-heartbeat"]) == 0
    marts(is_open=True, event_age=25)
    assert main([*command, "--no-heartbeat"]) == 0
    assert main([*command, "--stream", "feedback"]) == 0
    assert len(posted) == 6
    assert main([*command, "--stream", "nothing"]) == 1
    assert "no stream nothing; there are feedback, queries, responses" in capsys.readouterr().err


def test_what_no_service_takes_is_an_error_and_due_again(
    marts: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marts(is_open=True)
    monkeypatch.setenv("LLM_ANALYTICS_NOTIFY", "json://127.0.0.1:9/notes")  # nobody listens
    for _ in range(2):
        assert main(["alert", "send"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "1 of 1 notices were not taken" in line


def test_loads_grow_stale_by_the_clock_of_dbt(project: DbtProject) -> None:
    """`dbt source freshness` warns after a day and fails after two, by the newest load."""
    for age, statuses in ((1, {"pass"}), (30, {"warn"}), (50, {"error"})):
        project.execute(
            "create schema if not exists raw",
            "create or replace table raw.loads as select 1::bigint as load_seq,"
            f" cast(now() at time zone 'UTC' as timestamp) - interval '{age} hours' as loaded_at",
        )
        result = project.dbt("source", "freshness", check=False)
        assert {str(each.status) for each in result.result.results} == statuses
