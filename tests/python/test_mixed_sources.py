"""Several sources that record the same calls: counted once, however and whenever they arrive.

The truth is drawn first (who called what, when), then each recorder writes down its part of it. So
it is known which records are one call: what is merged wrongly and what is missed are both counted.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from support.compare import differing_tables, snapshot
from support.killing import killed_in_model
from support.made_up_sources import SOURCES, create_tables, write_sources
from support.project import DbtProject
from support.recorders import call_record, corrected, draw, land_part
from support.small_project import at, small_project

pytestmark = pytest.mark.dbt

#: Sources come one by one, and with each its staging views change.
ZONE_A = ("--select", "path:models/staging", "path:models/intermediate")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """A copy of the project with two made-up sources."""
    project = small_project(tmp_path_factory.mktemp("mixed"), tuple(SOURCES))
    write_sources(project)
    return project


def merged_pairs(project: DbtProject) -> dict[str, str]:
    """The kept call of each suppressed one."""
    return dict(
        project.query(
            "select response_event_id, kept_response_event_id from marts.suppressed_calls"
        )
    )


def test_calls_of_several_recorders_count_once(mixed: DbtProject, tmp_path: Path) -> None:
    project = at(mixed, tmp_path / "truth")
    create_tables(project)
    drawn = draw(3, 160)
    # What cannot be told from the records: two calls of two recorders at one moment that are equal,
    # and one call whose recorders have clocks 5 s apart.
    late, tokens = 40 * 200, {"input_tokens": 77, "output_tokens": 7}
    drawn.add("tracer", "alike-1", call_record(late, event_id="tracer:alike", **tokens))
    drawn.add("gateway", "alike-2", call_record(late + 1, event_id="gateway:alike", **tokens))
    drawn.add("tracer", "skewed", call_record(late + 90, event_id="tracer:skewed", **tokens))
    drawn.add("gateway", "skewed", call_record(late + 95, event_id="gateway:skewed", **tokens))
    land_part(project, 1, drawn.records)
    project.dbt("seed")
    project.dbt("build", "--exclude-resource-type", "unit_test")

    suppressed = merged_pairs(project)
    wrong = {pair for pair in suppressed.items() if drawn.truth[pair[0]] != drawn.truth[pair[1]]}
    counted = [drawn.truth[record] for record in drawn.truth if record not in suppressed]
    missed = {call for call in counted if counted.count(call) > 1}
    n_second = len(drawn.truth) - len(set(drawn.truth.values()))
    right = len(suppressed) - len(wrong)
    precision, recall = right / len(suppressed), right / n_second
    print(f"precision {precision:.3f}, recall {recall:.3f} of {n_second} second records")
    assert {"gateway:alike", "tracer:alike"} in map(set, wrong)
    assert "skewed" in missed
    # Of equal requests begun within a second, clocks decide which record goes with which: a pair
    # may be wrong where the count is right.
    assert precision > 0.95
    assert recall > 0.95
    assert abs(len(suppressed) - n_second) <= 2
    # Tokens of all records are those that count and those that do not.
    landed = sum(record.get("input_tokens", 0) for _, record in drawn.records)
    found: dict[str, int] = dict(
        project.query("select reason, input_tokens from marts.cost_bridge")
    )
    assert sum(found.values()) == landed
    assert found["suppressed"] > landed / 4


def test_what_has_grown_through_kills_equals_what_is_built_at_once(
    mixed: DbtProject, tmp_path: Path
) -> None:
    rng = random.Random(11)  # noqa: S311
    drawn = draw(5, 60)
    records = [*drawn.records, *corrected(drawn, rng)]
    rng.shuffle(records)
    n_loads = 3
    parts = [records[number::n_loads] for number in range(n_loads)]
    # At first there are events alone, so that sources come to a warehouse that knows none.
    parts[0] = [(table, record) for table, record in records if table in ("events", "feedback")][
        ::2
    ]
    builds = [
        (),
        ("+int_response_matches",),
        ("int_load_horizon", "int_repeated_events", "int_duplicate_calls", "int_interactions"),
    ]
    grown = at(mixed, tmp_path / "grown")
    create_tables(grown)
    grown.dbt("seed")
    deaths = []
    for number, (part, build) in enumerate(zip(parts, builds, strict=True), start=1):
        land_part(grown, number, part)
        deaths.append(killed_in_model(grown, ("run", *ZONE_A), rng))
        grown.dbt("run", *(("--select", *build) if build else ZONE_A))
    grown.dbt("run")
    assert any(death.node is not None for death in deaths), deaths

    at_once = at(mixed, tmp_path / "at-once")
    create_tables(at_once)
    at_once.dbt("seed")
    for number, part in enumerate(parts, start=1):
        land_part(at_once, number, part)
    at_once.dbt("run")
    faults = differing_tables(snapshot(grown), snapshot(at_once))
    assert not faults, "\n".join(faults)
    assert len(merged_pairs(grown)) > 20
