"""Incremental tables never mix rows of two definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from histories import recipe
from support.project import DbtProject
from support.raw_tables import Load, create_raw_tables, write_loads
from support.small_project import at

#: Another value of every setting that marts alone use, which are rebuilt on each run, or that says
#: only how much is read again.
USED_BY_MARTS = {
    "timezone": "Pacific/Apia",
    "as_of": "2030-01-01 00:00:00",
    "oversized_session_hours": 1,
    "max_retention_days": 9,
    "return_window_days": 2,
    "max_turns": 5,
    "score_scales": {"tone": [1, 5]},
    "experiment_window_days": 3,
    "experiment_days_before": 5,
    "follow_up_minutes": 10,
    "restart_window_minutes": 3,
    "availability_min_attempts": 9,
    "availability_error_share": 0.25,
    "csat_points": 7,
    "pass_score": 0.9,
    "target_cache_rate": 0.5,
    "logged_cost_tolerance": 0.5,
    "activation_window_days": 3,
    "power_user_days": 9,
    "regular_user_days": 3,
    "table_window_days": 9,
}
#: Another value of every setting that shapes rows of incremental tables.
USED_BY_INCREMENTAL_MODELS = {
    "session_gap_minutes": 20,
    "refinement_window_minutes": 4,
    "similarity_threshold": 0.5,
    "slow_answer_ms": 4000,
    "answer_due_seconds": 60,
    "tokens_used_meaning": "output",
    "input_token_share": 0.5,
    "feedback_score_names": ["verdict"],
    "rating_score_names": ["points"],
    "posthog_surveys": {"survey": "nps"},
    "duplicate_tolerance_seconds": 9,
    "response_replay_seconds": 60,
    "source_priority": ["langfuse"],
}


def _incremental_sql(project: DbtProject, settings: Mapping[str, Any]) -> dict[str, str]:
    """The code of a full refresh of every incremental model, by name."""
    variables = {f"llm_analytics_{name}": value for name, value in settings.items()}
    project.dbt("compile", "--full-refresh", "--select", "int_session_events", "int_interactions",
                "int_response_matches", "int_feedback_matches", variables=variables)  # fmt: skip
    return {
        path.stem: path.read_text()
        for path in project.target_path.glob("compiled/**/models/intermediate/**/*.sql")
    }


def _fingerprints(code: Mapping[str, str]) -> set[str]:
    fingerprint = re.compile(r"cast\(\d+ as bigint\)\s+as definitions_fingerprint", re.IGNORECASE)
    return {match[0] for sql in code.values() for match in fingerprint.finditer(sql)}


def test_every_setting_is_said_to_shape_incremental_rows_or_not(root: Path) -> None:
    macro = (root / "macros/definitions/setting.sql").read_text()
    settings = set(re.findall(r"^\s+'(\w+)': ", macro, flags=re.MULTILINE))
    assert settings == USED_BY_MARTS.keys() | USED_BY_INCREMENTAL_MODELS.keys()


def test_settings_of_marts_change_no_incremental_model(project: DbtProject) -> None:
    assert _incremental_sql(project, USED_BY_MARTS) == _incremental_sql(project, {})


@pytest.mark.long
@pytest.mark.parametrize("name", USED_BY_INCREMENTAL_MODELS)
def test_a_setting_of_incremental_models_changes_their_fingerprint(
    project: DbtProject, name: str
) -> None:
    before = _fingerprints(_incremental_sql(project, {}))
    after = _fingerprints(_incremental_sql(project, {name: USED_BY_INCREMENTAL_MODELS[name]}))
    assert len(before) == len(after) == 4
    assert not before & after


@pytest.mark.dbt
def test_a_changed_definition_stops_the_build_and_says_how_to_go_on(
    small: DbtProject, tmp_path: Path
) -> None:
    project = at(small, tmp_path / "warehouse")
    create_raw_tables(project)
    write_loads(project, [Load(1, recipe(1).events())])
    project.dbt("seed")
    sessions = ("run", "--select", "+int_session_events")
    project.dbt(*sessions)
    ids = "select distinct session_id from intermediate.int_session_events order by 1"
    before = project.query(ids)
    changed = {"llm_analytics_session_gap_minutes": 2}

    refused = project.dbt(*sessions, variables=changed, check=False)
    assert not refused.success
    (message,) = {
        str(result.message) for result in refused.result.results if result.status == "error"
    }
    assert "int_session_events was built with other definitions" in message
    assert "dbt build --full-refresh" in message
    assert project.query(ids) == before

    kept = {**changed, "llm_analytics_keep_old_definitions": True}
    project.dbt(*sessions, variables=kept)
    assert project.query(ids) == before
    project.dbt(*sessions, "--full-refresh", variables=changed)
    assert len(project.query(ids)) > len(before)
    project.dbt(*sessions, variables=changed)
