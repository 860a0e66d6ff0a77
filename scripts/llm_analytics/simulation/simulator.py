"""Simulate a product and write what its trackers would have sent, and the truth about it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ..errors import LlmAnalyticsError
from .background import simulate_infrastructure, simulate_probes
from .calls import last_answers, simulate_calls
from .conversations import feature_use, simulate_interactions, text_lengths
from .defects import spoil
from .evaluations import simulate_evaluations
from .experiments import forced_models, simulate_exposures
from .feedback import simulate_feedback
from .incidents import Effects, PlannedIncident, plan_incidents
from .parameters import Defects, Incident, Parameters
from .population import Window, simulate_sessions, simulate_users
from .product_events import reach_goals, simulate_product_events
from .randomness import Columns, Randomness
from .streams import Stream, StreamBuilder
from .traits import signed_up_at, simulate_consents, simulate_identities, simulate_traits
from .truth import planted
from .writing import Loads, Writer

DEFAULT_END = dt.date(2025, 6, 30)
TRUTH = "truth.json"
STREAMS = (
    "queries", "responses", "feedback", "product_events", "exposures", "evaluations",
    "identities", "user_traits", "consents", "infrastructure_usage", "probes",
)  # fmt: skip
#: Version of the layout of truth.json.
TRUTH_FORMAT = 1


@dataclass(frozen=True)
class Simulation:
    """What was written: the folder, the truth, and some counts for a person."""

    folder: Path
    truth: dict[str, Any]
    n_users: int
    n_sessions: int
    n_interactions: int
    n_lines: int


def simulate(
    out: Path,
    users: int,
    days: int,
    seed: int,
    *,
    end: dt.date = DEFAULT_END,
    loads: int | None = None,
    split_days: int | None = None,
    with_incidents: bool = True,
    with_defects: bool = True,
    parameters: Parameters | None = None,
) -> Simulation:
    """Write `<stream>.jsonl` and truth.json into `out`: the same arguments, the same bytes.

    The simulated days are the `days` UTC dates up to and including `end`. With `loads` or
    `split_days` the lines are cut by arrival into folders `load-001`, `load-002`, ….
    An earlier simulation in `out` is replaced; anything else in it is left alone.

    Raises LlmAnalyticsError if an argument makes no sense, `out` holds files that this would
    overwrite, or the files cannot be written.
    """
    parameters = parameters or Parameters()
    _check(out, users, days, seed, loads, split_days)
    start = end - dt.timedelta(days=days - 1)
    start_ms = (
        int(dt.datetime(start.year, start.month, start.day, tzinfo=dt.UTC).timestamp()) * 1000
    )
    window = Window(start_ms, days)
    defects = parameters.defects if with_defects else None
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".simulation-", dir=out) as name:
            folder = Path(name)
            result = _run(
                folder, parameters, seed, users, window, defects, with_incidents,
                Loads(window.start_ms, window.end_ms, loads, split_days),
            )  # fmt: skip
            result.truth["arguments"] = {
                "users": users,
                "days": days,
                "seed": seed,
                "start": start.isoformat(),
                "end": end.isoformat(),
                "loads": loads,
                "split_days": split_days,
                "with_incidents": with_incidents,
                "with_defects": with_defects,
            }
            text = json.dumps(result.truth, indent=2, sort_keys=True, ensure_ascii=False)
            (folder / TRUTH).write_text(text + "\n", encoding="utf-8")
            _replace(folder, out)
    except (OSError, duckdb.IOException) as error:
        raise LlmAnalyticsError(f"cannot write the simulation into {out}: {error}") from error
    return dataclasses.replace(result, folder=out)


def _check(
    out: Path, users: int, days: int, seed: int, loads: int | None, split_days: int | None
) -> None:
    if users < 1:
        raise LlmAnalyticsError(f"users must be at least 1, not {users}")
    if not 1 <= days <= 730:
        raise LlmAnalyticsError(f"days must be between 1 and 730, not {days}")
    if seed < 0:
        raise LlmAnalyticsError(f"the seed must not be negative: {seed}")
    if loads is not None and split_days is not None:
        raise LlmAnalyticsError("give either a number of loads or a number of days, not both")
    if loads is not None and not 1 <= loads <= 999:
        raise LlmAnalyticsError(f"loads must be between 1 and 999, not {loads}")
    if split_days is not None and split_days < 1:
        raise LlmAnalyticsError(f"split-days must be at least 1, not {split_days}")
    if out.exists() and not out.is_dir():
        raise LlmAnalyticsError(f"{out} is a file, not a folder")
    if out.is_dir() and not (out / TRUTH).exists():
        taken = next(_written(out), None)
        if taken is not None:
            raise LlmAnalyticsError(f"{taken} is not of an earlier simulation: it stays")


def _written(folder: Path) -> Iterator[Path]:
    """What a simulation writes and the folder holds."""
    for path in sorted(folder.iterdir()):
        is_stream = path.is_file() and path.suffix == ".jsonl" and path.stem in STREAMS
        is_load = path.is_dir() and re.fullmatch(r"load-\d{3,}", path.name) is not None
        if is_stream or is_load or path.name == TRUTH:
            yield path


def _replace(folder: Path, out: Path) -> None:
    """Put new files in the place of an earlier simulation's; truth.json goes first, comes last."""
    old = sorted(_written(out), key=lambda path: path.name != TRUTH)
    for path in old:
        if path.is_dir():
            for stream in STREAMS:
                (path / f"{stream}.jsonl").unlink(missing_ok=True)
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink()
    for path in sorted(_written(folder), key=lambda path: path.name == TRUTH):
        if path.is_dir() and (out / path.name).is_dir():
            for file in path.iterdir():
                shutil.move(file, out / path.name / file.name)
        else:
            shutil.move(path, out / path.name)


def _run(
    folder: Path,
    parameters: Parameters,
    seed: int,
    n_users: int,
    window: Window,
    defects: Defects | None,
    with_incidents: bool,
    loads: Loads,
) -> Simulation:
    randomness = Randomness(seed)
    incidents, omitted = plan_incidents(parameters, window.start_ms, window.days)
    if not with_incidents:
        incidents, omitted = [], list(parameters.incidents)
    effects = Effects(incidents)
    users = simulate_users(parameters, randomness, n_users, window)
    sessions = simulate_sessions(parameters, randomness, users, window, effects)
    interactions = simulate_interactions(
        parameters,
        randomness,
        users,
        sessions,
        feature_use(parameters, randomness, sessions, n_users, window),
        forced_models(parameters, randomness, sessions, n_users, window),
        window,
        effects,
    )
    interactions["text_length"] = text_lengths(interactions)
    interactions["user"] = sessions["user"][interactions["session"]]
    interactions["is_plain"] = sessions["is_plain"][interactions["session"]]
    last = np.nonzero(interactions["is_last"])[0]
    for name, source in (("last_answer_at", "answered_at"), ("end_state", "end_state")):
        sessions[name] = np.zeros(len(sessions["user"]), dtype=np.int64)
        sessions[name][interactions["session"][last]] = interactions[source][last]
    sessions["is_goal_reached"] = reach_goals(parameters, randomness, sessions)

    defect_counts: dict[str, dict[str, int]] = {}
    files: dict[str, dict[str, int]] = {}
    writer = Writer(folder, loads, defects or parameters.defects)
    try:
        for stream in _streams(
            parameters, randomness, window, effects, users, sessions, interactions
        ):
            _silence(stream, effects)
            emission, counts = spoil(defects, randomness, stream.name, stream.events)
            if counts:
                defect_counts[stream.name] = counts
            files.update(writer.write(stream, emission))
    finally:
        writer.close()
    truth = {
        "format": TRUTH_FORMAT,
        "parameters": dataclasses.asdict(parameters),
        "planted": planted(parameters),
        "incidents": [_incident(plan) for plan in incidents],
        "incidents_without_a_day": [incident.name for incident in omitted],
        "experiments": _experiments(parameters, window),
        "defects": defect_counts,
        "files": files,
    }
    return Simulation(
        folder,
        truth,
        n_users,
        len(sessions["user"]),
        len(interactions["session"]),
        sum(counts["lines"] for counts in files.values()),
    )


def _streams(
    parameters: Parameters,
    randomness: Randomness,
    window: Window,
    effects: Effects,
    users: Columns,
    sessions: Columns,
    interactions: Columns,
) -> Iterator[Stream]:
    """Each stream in turn; a stream's table is gone before the next one is made."""
    n_users = len(users["type"])
    builder = StreamBuilder(parameters, randomness, window, users, sessions, interactions)
    yield builder.queries()
    calls = simulate_calls(parameters, randomness, interactions, effects)
    yield builder.responses(calls)
    feedback = simulate_feedback(
        parameters,
        randomness,
        interactions,
        last_answers(calls, len(interactions["session"])),
        sessions,
        window,
    )
    yield builder.feedback(feedback, calls)
    exposures, goals = simulate_exposures(parameters, randomness, sessions, n_users, window)
    events, plans = simulate_product_events(
        parameters, randomness, users, sessions, interactions, goals, window
    )
    yield builder.product_events(events)
    yield builder.exposures(exposures)
    scores = simulate_evaluations(parameters, randomness, interactions, calls, window)
    yield builder.evaluations(scores, calls)
    sign_up = signed_up_at(users, sessions)
    yield builder.identities(simulate_identities(parameters, randomness, users, sign_up))
    yield builder.user_traits(simulate_traits(parameters, users, plans, sign_up))
    yield builder.consents(simulate_consents(parameters, randomness, users, sign_up, window))
    yield builder.infrastructure_usage(
        simulate_infrastructure(parameters, randomness, window, interactions["asked_at"])
    )
    yield builder.probes(simulate_probes(parameters, randomness, window, effects))


def _silence(stream: Stream, effects: Effects) -> None:
    """Lose the events of a stream that fell silent."""

    def concerns(incident: Incident) -> bool:
        return incident.silent_stream == stream.name

    lost = effects.during(stream.events["timestamp"], concerns)
    if lost.any():
        for name, values in stream.events.items():
            stream.events[name] = values[~lost]


def _incident(plan: PlannedIncident) -> dict[str, Any]:
    facts = dataclasses.asdict(plan.incident)
    normal = {
        field.name: field.default
        for field in dataclasses.fields(Incident)
        if field.default is not dataclasses.MISSING
    }
    return {
        "name": plan.incident.name,
        "rule": plan.incident.rule,
        "group": plan.incident.group,
        "start": _moment(plan.start_ms),
        "end": _moment(plan.end_ms),
        "effects": {name: facts[name] for name in normal if facts[name] != normal[name]},
    }


def _experiments(parameters: Parameters, window: Window) -> list[dict[str, Any]]:
    by_name = planted(parameters)["models"]
    result = []
    for experiment in parameters.experiments:
        facts: dict[str, Any] = {
            "name": experiment.name,
            "start": _moment(window.moment(experiment.starts_at)),
            "end": _moment(window.moment(experiment.ends_at)),
            "unit": "user",
            "weights": {"control": 0.5, "treatment": 0.5},
        }
        if experiment.goal is not None:
            facts["goal"] = experiment.goal
            facts["goal_rate"] = {
                "control": experiment.control_rate,
                "treatment": experiment.treatment_rate,
            }
            facts["relative_lift"] = experiment.treatment_rate / experiment.control_rate - 1
        if experiment.control_model is not None and experiment.treatment_model is not None:
            facts["models"] = {
                "control": experiment.control_model,
                "treatment": experiment.treatment_model,
            }
            facts["accuracy_difference"] = (
                by_name[experiment.treatment_model]["accuracy"]
                - by_name[experiment.control_model]["accuracy"]
            )
        result.append(facts)
    return result


def _moment(milliseconds: int) -> str:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
