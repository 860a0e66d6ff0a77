"""The semantic layer: every metric, asked through MetricFlow, is the figure of the mart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import chdir
from typing import Any

import pytest

from metrics_page import contracts
from support.project import DbtProject, copy_project

# The layer is built once, by one of pytest's workers.
pytestmark = [pytest.mark.dbt, pytest.mark.xdist_group("semantic layer")]

#: What a mart says of a metric over everything loaded. The marts are others than those the
#: semantic models read, wherever another one knows.
TOTALS: Mapping[str, str] = {
    "interactions": "sum(n_interactions) from marts.cost_daily",
    "active_users": "count(*) from marts.dim_users where n_active_days > 0 and not is_excluded",
    "weekly_active_users": "wau from marts.engagement_daily order by date_day desc limit 1",
    "monthly_active_users": "mau from marts.engagement_daily order by date_day desc limit 1",
    "new_users": "count(*) from marts.dim_users where cohort_date is not null and not is_excluded",
    "sessions": "sum(n_sessions) from marts.engagement_daily",
    "session_duration_mean": "avg(duration_seconds) from marts.fct_sessions where not is_oversized",
    "session_duration_p50": "value from marts.headline_metrics"
    " where metric = 'session_duration_p50'",
    "session_duration_p95": "quantile_disc(duration_seconds, 0.95) from marts.fct_sessions"
    " where not is_oversized",
    "single_interaction_share": "avg(case when n_queries = 1 then 1.0 else 0 end)"
    " from marts.fct_sessions where not is_oversized",
    "messages_per_session": "value from marts.headline_metrics"
    " where metric = 'messages_per_session'",
    "session_completion": "avg(case when is_completed then 1.0 else 0 end)"
    " from marts.fct_sessions where is_closed and is_completed is not null",
    "session_outcome_coverage": "count(is_completed) / count(*) from marts.fct_sessions"
    " where is_closed",
    "return_session_rate": "avg(case when is_returned then 1.0 else 0 end)"
    " from marts.fct_sessions where is_return_mature",
    "conversations": "count(*) from marts.fct_conversations",
    "conversation_depth_mean": "value from marts.headline_metrics"
    " where metric = 'conversation_depth'",
    "conversation_depth_p50": "quantile_disc(depth, 0.5) from marts.fct_conversations"
    " where is_closed",
    "conversation_depth_p90": "quantile_disc(depth, 0.9) from marts.fct_conversations"
    " where is_closed",
    "messages_per_conversation": "avg(n_messages) from marts.fct_conversations where is_closed",
    "answered_share": "count(answer_id) / count(*) from marts.fct_interactions",
    "model_calls": "sum(n_calls) from marts.model_performance_daily",
    "error_rate": "value from marts.headline_metrics where metric = 'error_rate'",
    "user_error_rate": "value from marts.headline_metrics where metric = 'user_error_rate'",
    **{
        f"{outcome}_rate": f"sum(n_{outcome}) / sum(n_attempts) from marts.model_performance_daily"
        for outcome in ("malformed", "truncated", "filtered")
    },
    "reasoning_tokens": "sum(reasoning_tokens) from marts.cost_daily",
    "total_tokens": "sum(total_tokens) from marts.cost_daily",
    "latency_p50": "quantile_disc(latency_ms, 0.5) from marts.fct_responses"
    " where is_successful_answer",
    "latency_p95": "value from marts.headline_metrics where metric = 'latency_p95'",
    "latency_p99": "quantile_disc(latency_ms, 0.99) from marts.fct_responses"
    " where is_successful_answer",
    "time_to_first_token_p50": "quantile_disc(time_to_first_token_ms, 0.5)"
    " from marts.fct_responses where is_successful_answer",
    "time_to_first_token_p95": "quantile_disc(time_to_first_token_ms, 0.95)"
    " from marts.fct_responses where is_successful_answer",
    "tokens_per_response": "sum(answer_output_tokens) / sum(n_answers_with_tokens)"
    " from marts.model_performance_daily",
    "input_tokens": "sum(input_tokens) from marts.cost_daily",
    "output_tokens": "sum(output_tokens) from marts.cost_daily",
    "cache_read_share": "sum(cache_read_tokens) / sum(input_tokens) from marts.cost_daily",
    "thumbs_ratio": "value from marts.headline_metrics where metric = 'thumbs_ratio'",
    "feedback_response_rate": "value from marts.headline_metrics where metric = 'response_rate'",
    "copy_share_rate": "sum(n_copied_or_shared) / sum(n_answers) from marts.satisfaction_daily",
    "model_cost": "sum(cost_usd) from marts.cost_daily",
    "logged_cost": "sum(logged_cost_usd) from marts.cost_daily",
    "unpriced_call_share": "sum(n_unpriced_calls) / sum(n_calls) from marts.cost_daily",
    "cost_per_interaction": "value from marts.headline_metrics"
    " where metric = 'cost_per_interaction'",
    "cost_coverage": "sum(n_priced_interactions) / sum(n_interactions) from marts.cost_daily",
    "cost_per_active_user": "sum(cost_usd) / count(distinct user_id) from marts.fct_interactions",
    "tokens_per_interaction": "sum(total_tokens) / count(*) from marts.fct_interactions",
    "retention": "sum(n_retained) / sum(n_eligible) from marts.retention_by_cohort",
    "refinement_rate": "count(refinement_rule) / sum(case when is_answered then 1 else 0 end)"
    " from marts.fct_interactions",
    "follow_up_rate": "sum(numerator) / sum(denominator) from marts.metrics_daily"
    " where metric = 'follow_up_rate'",
    "context_retention": "sum(numerator) / sum(denominator) from marts.metrics_daily"
    " where metric = 'context_retention'",
    "session_restart_rate": "sum(numerator) / sum(denominator) from marts.metrics_daily"
    " where metric = 'session_restart_rate'",
    "abandonment_rate": "sum(n_abandoned) / sum(n_interactions)"
    " from marts.abandonment_by_end_state",
    "availability": "sum(case when state = 'up' then 1 else 0 end) / count(*)"
    " from marts.availability_by_bucket where state <> 'unknown'",
    "complaint_rate": "sum(n_complaints) / sum(n_eligible) from marts.satisfaction_daily",
    "goal_completion": "sum(n_completed) / sum(n_mature) from marts.goal_completion_by_cohort",
    "activation_rate": "sum(n_activated) / sum(n_mature) from marts.activation_by_cohort"
    " where step is null",
    "revenue": "sum(revenue_usd) from marts.revenue_monthly",
    "n_payments": "sum(n_payments) from marts.user_revenue_days",
    "revenue_per_user": "sum(r.revenue_usd) / (select count(*) from marts.dim_users"
    " where n_active_days > 0 and not is_excluded) from marts.revenue_monthly as r",
    "accuracy": "sum(numerator) / sum(denominator) from marts.metrics_daily"
    " where metric = 'accuracy'",
    "hallucination_rate": "sum(numerator) / sum(denominator) from marts.metrics_daily"
    " where metric = 'hallucination_rate'",
    "evaluation_score": "avg(score) from intermediate.int_evaluations",
    "wasted_cost_share": "1 - sum(case when reason = 'useful' then cost_usd end) / sum(cost_usd)"
    " from marts.cost_waste_daily",
    "infrastructure_cost": "sum(cost_usd) from intermediate.int_infrastructure_usage",
    "csat": "sum(case when score >= 4 then n_answers else 0 end) / sum(n_answers)"
    " from marts.scores_daily where feedback_type = 'csat'",
    "nps": "100 * (sum(case when score >= 9 then n_answers else 0 end)"
    " - sum(case when score <= 6 then n_answers else 0 end)) / sum(n_answers)"
    " from marts.scores_daily where feedback_type = 'nps'",
    "rolling_retention": "sum(n_retained_rolling) / sum(n_eligible) from marts.retention_by_cohort",
}

#: A metric by a dimension, and the rows of the mart.
SLICES: Mapping[tuple[str, str], str] = {
    ("active_users", "metric_time__day"): "select date_day, dau from marts.engagement_daily"
    " where dau > 0",
    ("weekly_active_users", "metric_time__day"): "select date_day, wau from marts.engagement_daily",
    ("error_rate", "call__model"): "select model, sum(n_failed) / sum(n_attempts)"
    " from marts.model_performance_daily group by model having sum(n_attempts) > 0",
    ("model_cost", "call__provider"): "select provider, sum(cost_usd) from marts.cost_daily"
    " group by provider",
    ("interactions", "user__plan"): "select users.plan, count(*) from marts.fct_interactions as i"
    " left join marts.dim_users as users on i.user_id = users.user_id group by users.plan",
    ("cost_per_interaction", "interaction__prompt_version"): "select prompt_version,"
    " sum(cost_usd) / count(cost_usd) from marts.fct_interactions group by prompt_version",
    ("sessions", "user__country"): "select users.country, count(*) from marts.fct_sessions as s"
    " left join marts.dim_users as users on s.user_id = users.user_id group by users.country",
    ("retention", "cohort_day__day_number"): "select day_number,"
    " sum(n_retained) / sum(n_eligible) from marts.retention_by_cohort group by day_number"
    " having sum(n_eligible) > 0",
    ("interactions", "interaction__platform"): "select platform, count(*)"
    " from marts.fct_interactions group by platform",
    ("active_users", "user__cohort_date__week"): "select date_trunc('week', cohort_date), count(*)"
    " from marts.dim_users where n_active_days > 0 and not is_excluded group by all",
}


class Layer:
    """A warehouse, and MetricFlow in front of it."""

    def __init__(self, project: DbtProject, configuration: Any) -> None:
        """Take a built project and what MetricFlow made of it."""
        self.project = project
        self.engine = configuration.mf
        self.sql_client = configuration.sql_client

    def ask(self, **request: Any) -> list[tuple[Any, ...]]:
        """The rows of a query of metrics."""
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        table = self.engine.query(MetricFlowQueryRequest.create(**request)).result_df
        return [tuple(row) for row in table.rows]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query of the marts, on the connection that has the file open."""
        return [tuple(row) for row in self.sql_client.query(sql).rows]


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layer]:
    """A small simulated product. MetricFlow reads `target/` at the top of a project, so a copy."""
    root = copy_project(tmp_path_factory.mktemp("semantic") / "project")
    project = DbtProject(root, str(root / "warehouse.duckdb"), root)
    events = root / "events"
    simulated = ("--users", "60", "--days", "40", "--seed", "7")
    project.command("simulate", "--out", events, *simulated)
    project.load(*sorted(events.glob("*.jsonl")))
    project.dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    with pytest.MonkeyPatch.context() as patch, chdir(root):
        for name, value in project.environment.items():
            patch.setenv(name, value)
        patch.setenv("DBT_PROFILES_DIR", str(root))
        from dbt_metricflow.cli.cli_configuration import CLIConfiguration

        configuration = CLIConfiguration()
        configuration.setup()
        yield Layer(project, configuration)


def _is_equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return float(one) == pytest.approx(float(other), rel=1e-12, abs=1e-15)


def _text(value: Any) -> str:
    return str(value)[:10] if hasattr(value, "year") else str(value)


def test_every_metric_has_a_mart_to_agree_with(layer: Layer) -> None:
    known = {metric.name for metric in layer.engine.list_metrics()}
    inputs = {
        part.name
        for metric in layer.project.manifest().metrics.values()
        for part in (
            metric.type_params.numerator,
            metric.type_params.denominator,
            *(metric.type_params.metrics or ()),
        )
        if part is not None
    }
    assert known - inputs - TOTALS.keys() == set()
    assert TOTALS.keys() - known == set()


@pytest.mark.parametrize("metric", TOTALS)
def test_a_metric_is_the_figure_of_the_mart(layer: Layer, metric: str) -> None:
    ((asked,),) = layer.ask(metric_names=[metric])
    ((expected,),) = layer.query(f"select {TOTALS[metric]}")
    assert _is_equal(asked, expected), f"{asked} is not {expected}"


@pytest.mark.parametrize(("metric", "dimension"), SLICES)
def test_a_metric_by_a_dimension_is_that_of_the_mart(
    layer: Layer, metric: str, dimension: str
) -> None:
    asked = {
        _text(key): value
        for key, value in layer.ask(metric_names=[metric], group_by_names=[dimension])
        if value is not None
    }
    expected = {
        _text(key): value
        for key, value in layer.query(SLICES[metric, dimension])
        if value is not None
    }
    assert len(expected) > 1
    assert asked.keys() == expected.keys()
    wrong = {key for key in asked if not _is_equal(asked[key], expected[key])}
    assert not wrong, {key: (asked[key], expected[key]) for key in wrong}


def test_a_ratio_is_what_the_contract_of_its_mart_says(layer: Layer) -> None:
    wrong, seen = [], 0
    for each in contracts(layer.project.manifest()):
        if each.numerator is None:
            continue
        rows = layer.query(
            f"select {each.columns[0]}, {each.numerator}, {each.denominator} from marts.{each.mart}"
        )
        for value, numerator, denominator in rows:
            known = numerator is not None and denominator
            expected = float(numerator) / float(denominator) if known else None
            # A window that is not over has parts in some marts, and a value in none.
            if value is not None and not _is_equal(value, expected):
                wrong.append((each.name, value, numerator, denominator))
        seen += any(row[0] is not None for row in rows)
    assert wrong == []
    assert seen > 25


@pytest.mark.parametrize("board", ["executive_board", "product_board", "engineering_board"])
def test_a_saved_query_of_a_board_answers(layer: Layer, board: str) -> None:
    rows = layer.ask(saved_query_name=board)
    assert len(rows) > 20
    dates = {_text(row[0]) for row in rows}
    assert len(dates) > 20


def test_the_layer_is_valid(layer: Layer) -> None:
    """What `mf validate-configs` checks, of the YAML and of its SQL on this warehouse."""
    from dbt_metricflow.cli.dbt_connectors.dbt_config_accessor import dbtArtifacts
    from metricflow.validation.data_warehouse_model_validator import DataWarehouseModelValidator
    from metricflow_semantic_interfaces.validations.semantic_manifest_validator import (
        SemanticManifestValidator,
    )

    manifest = dbtArtifacts.build_semantic_manifest_from_dbt_project_root(layer.project.root)
    warehouse = DataWarehouseModelValidator(sql_client=layer.sql_client)
    results = [
        SemanticManifestValidator().validate_semantic_manifest(manifest),
        warehouse.validate_semantic_models(manifest),
        warehouse.validate_dimensions(manifest),
        warehouse.validate_entities(manifest),
        warehouse.validate_metrics(manifest),
    ]
    issues = [issue.as_readable_str() for result in results for issue in result.all_issues]
    assert not issues, "\n".join(issues)
