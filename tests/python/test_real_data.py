"""Real public data through convert, load and dbt build: every figure is one known from elsewhere.

The figures of Chit-Chat are published, or counted from the data set itself. Where
LLM_ANALYTICS_SHARED names the folder of larger data sets, its oracles/real_data.json holds figures
that were computed apart from this project. Quantiles of the oracle are interpolated and ours are
nearest-rank: those are recomputed here from the source, and the oracle's must lie beside them.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.figures import nearest_rank
from support.project import DbtProject

MakeProject = Callable[[Path], DbtProject]
CsvRow = dict[str, str]

#: What the tests of chats read, and those of calls.
CHATS = (
    "fct_interactions", "fct_sessions", "fct_conversations", "fct_feedback", "user_days",
    "retention_by_cohort",
)  # fmt: skip
CALLS = ("fct_interactions", "fct_responses", "fct_sessions")


# ---- helpers


def load(project: DbtProject, folder: Path) -> int:
    """Load a folder of events, of which every line must land; returns how many."""
    project.command("load", folder)
    log = project.query("select n_lines, n_blank, n_duplicates, n_quarantined from raw.loads")
    ((n_lines, *others),) = log
    assert others == [0, 0, 0]
    return int(n_lines)


def build(project: DbtProject, *select: str, **variables: str) -> None:
    """`dbt build` with the tests of the data; unit tests look at none, and run elsewhere."""
    options = ("--exclude-resource-type", "unit_test", "--select", *select)
    project.dbt("build", *options, variables=variables)


def with_inputs(*marts: str) -> list[str]:
    """A selection of marts and of all that they are built from."""
    return [f"+{mart}" for mart in marts]


def value(project: DbtProject, sql: str) -> Any:
    """The only value of a query."""
    ((found,),) = project.query(sql)
    return found


def column(project: DbtProject, sql: str) -> list[Any]:
    """The first column of a query."""
    return [row[0] for row in project.query(sql)]


def retention(project: DbtProject, *day_numbers: int) -> dict[int, tuple[int, int, int]]:
    """Eligible, retained and rolling retained users by day number, over all cohorts."""
    wanted = ", ".join(map(str, day_numbers))
    rows = project.query(
        "select day_number, sum(n_eligible), sum(n_retained), sum(n_retained_rolling) "
        f"from marts.retention_by_cohort where day_number in ({wanted}) group by day_number"
    )
    return {int(n): (int(eligible), int(kept), int(rolling)) for n, eligible, kept, rolling in rows}


def day_n(project: DbtProject, *day_numbers: int) -> dict[int, str]:
    """Retained over eligible users by day number, as "267/1315"."""
    found = retention(project, *day_numbers)
    return {n: f"{kept}/{eligible}" for n, (eligible, kept, _) in found.items()}


def mean(values: Iterable[int]) -> float:
    """Sum over count."""
    listed = list(values)
    return sum(listed) / len(listed)


def shares(quantiles: dict[str, Any]) -> dict[str, float]:
    """The quantiles of an oracle's figures by their share: p95 is 0.95."""
    return {f"0.{name[1:]}": at for name, at in quantiles.items() if name.startswith("p")}


def check_quantiles(ours: list[int], source: list[int], oracle: dict[str, float]) -> None:
    """Ours are the nearest ranks of the source's values; the oracle's interpolations lie beside."""
    assert len(ours) == len(source)
    ranked = sorted(source)
    for share, interpolated in oracle.items():
        at = nearest_rank(ranked, share)
        assert nearest_rank(ours, share) == at
        before = ranked[max(ranked.index(at) - 1, 0)]
        after = ranked[min(len(ranked) - ranked[::-1].index(at), len(ranked) - 1)]
        assert before - 1e-6 <= interpolated <= after + 1e-6, share


# ---- Chit-Chat, from its package


def test_chitchat_has_its_known_figures(tmp_path: Path, make_project: MakeProject) -> None:
    pytest.importorskip("chitchat_dataset")
    project = make_project(tmp_path)
    project.command("convert", "chitchat", "--out", tmp_path / "events")
    # 5,988 of the conversations were rated, each on three sliders.
    assert load(project, tmp_path / "events") == 258_145 + 3 * 5_988

    build(project, *with_inputs(*CHATS))
    depths = column(project, "select n_queries from marts.fct_conversations")
    assert {
        "conversations": len(depths),
        "queries": value(project, "select count(*) from marts.fct_interactions"),
        "users": value(project, "select count(distinct user_id) from marts.user_days"),
        "sessions": value(project, "select count(*) from marts.fct_sessions"),
        "queries per conversation": round(mean(depths), 2),
        "p50": nearest_rank(depths, "0.5"),
        "p95": nearest_rank(depths, "0.95"),
        "ratings": value(project, "select count(*) from marts.fct_feedback where is_standing"),
    } == {
        "conversations": 7_168,
        "queries": 258_145,
        "users": 1_315,
        "sessions": 4_257,
        "queries per conversation": 36.01,
        "p50": 6,
        "p95": 155,
        "ratings": 3 * 5_988,
    }
    # The data ends at 17:09 of its last day: that day is not over, and counts for nobody.
    assert day_n(project, 1, 7, 30) == {1: "267/1315", 7: "53/1305", 30: "6/1112"}

    # With the last day over, more users are eligible; none of them was active on it.
    build(
        project, "int_as_of", "retention_by_cohort",
        llm_analytics_as_of="2018-11-17 00:00:00",
    )  # fmt: skip
    assert day_n(project, 1, 7, 30) == {1: "267/1315", 7: "53/1306", 30: "6/1135"}


# ---- a part of Chit-Chat, against an oracle


def read_slice(folder: Path) -> dict[str, Any]:
    """The slice's CSV files in the form of the data set's own file."""
    conversations: dict[str, Any] = {}
    with (folder / "conversations.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sliders = {name: row[f"rating_{name}"] for name in ("witty", "interesting", "upbeat")}
            ratings = {name: int(score) for name, score in sliders.items() if score}
            conversations[row["conversation_id"]] = {"messages": [], "ratings": ratings}
    with gzip.open(folder / "messages.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            message = {"sender": row["sender_id"], "timestamp": row["ts"], "text": row["text"]}
            conversations[row["conversation_id"]]["messages"].append([message])
    return conversations


def oracle_of(shared: Path, name: str) -> dict[str, Any]:
    """The figures of one data set of the oracle."""
    figures = json.loads((shared / "oracles" / "real_data.json").read_text())[name]
    return {figure: entry["value"] for figure, entry in figures.items()}


@pytest.mark.long
def test_a_part_of_chitchat_has_the_figures_of_the_oracle(
    tmp_path: Path, make_project: MakeProject, shared: Path
) -> None:
    oracle = oracle_of(shared, "chitchat_dev_slice")
    conversations = read_slice(shared / "data" / "chitchat")
    dataset = tmp_path / "dataset.json"
    dataset.write_text(json.dumps(conversations), encoding="utf-8")
    project = make_project(tmp_path)
    project.command("convert", "chitchat", dataset, "--out", tmp_path / "events")
    n_ratings = sum(len(conversation["ratings"]) for conversation in conversations.values())
    assert load(project, tmp_path / "events") == oracle["messages"] + n_ratings

    # The oracle counts the last day of the data as a whole day.
    build(
        project, *with_inputs(*CHATS, "engagement_daily"),
        llm_analytics_as_of="2018-05-17 00:00:00",
    )  # fmt: skip

    check_conversations(project, conversations, oracle)
    check_sessions(project, oracle)
    check_active_users(project, oracle)
    check_ratings(project, oracle)
    for n in (1, 3, 7, 14, 30):
        exact, rolling = oracle[f"retention_D{n}_exact"], oracle[f"retention_D{n}_unbounded"]
        expected = (exact["eligible"], exact["retained"], rolling["retained"])
        assert retention(project, n)[n] == expected, n


def check_conversations(
    project: DbtProject, conversations: dict[str, Any], oracle: dict[str, Any]
) -> None:
    """Conversations: how many, how deep, how long, and by how many people."""
    rows = project.records(
        "select user_id, n_users, n_queries, started_at, ended_at from marts.fct_conversations"
    )
    depths = [row["n_queries"] for row in rows]
    seconds = [int((row["ended_at"] - row["started_at"]).total_seconds()) for row in rows]
    assert len(rows) == oracle["conversations"]
    assert sum(depths) == oracle["messages"]
    assert mean(depths) == pytest.approx(oracle["depth_messages_mean"], rel=1e-12)
    assert max(depths) == oracle["depth_messages_max"]
    assert depths.count(1) == oracle["single_message_conversations"]
    assert [row["n_users"] for row in rows].count(1) == oracle["conversations_with_one_sender"]
    check_quantiles(
        depths,
        [len(conversation["messages"]) for conversation in conversations.values()],
        {f"0.{p}": oracle[f"depth_messages_p{p}"] for p in (50, 90, 95, 99)},
    )
    assert mean(seconds) == pytest.approx(oracle["conversation_duration_s_mean"], rel=1e-12)
    assert nearest_rank(seconds, "0.5") == oracle["conversation_duration_s_p50"]
    assert max(seconds) == oracle["conversation_duration_s_max"]


def check_sessions(project: DbtProject, oracle: dict[str, Any]) -> None:
    """Sessions: how many, how long, over midnight, over conversations."""
    rows = project.records("select * from marts.fct_sessions")
    assert len(rows) == oracle["sessions_30min_gap_gt_1800s"]
    queries = [row["n_queries"] for row in rows]
    assert mean(queries) == pytest.approx(oracle["session_messages_mean"], rel=1e-12)
    assert queries.count(1) == oracle["sessions_single_message"]
    durations = [int((row["ended_at"] - row["started_at"]).total_seconds()) for row in rows]
    assert durations == [row["duration_seconds"] for row in rows]
    assert mean(durations) == pytest.approx(oracle["session_duration_s_mean"], rel=1e-12)
    over_midnight = [row for row in rows if row["started_at"].date() != row["ended_at"].date()]
    assert len(over_midnight) == oracle["sessions_spanning_midnight_utc"]
    several = [row for row in rows if row["n_conversations"] > 1]
    assert len(several) == oracle["sessions_touching_2plus_conversations"]
    n_users = len({row["user_id"] for row in rows})
    assert n_users == oracle["users"]
    assert len(rows) / n_users == pytest.approx(oracle["sessions_per_user_mean"], rel=1e-12)


def check_active_users(project: DbtProject, oracle: dict[str, Any]) -> None:
    """Users by day, month, and week of their first message."""
    rows = project.query("select date_day, dau from marts.engagement_daily where dau > 0")
    dau: dict[Any, int] = dict(rows)
    assert len(dau) == oracle["active_days"]
    assert mean(dau.values()) == pytest.approx(oracle["dau_mean_over_active_days"], rel=1e-12)
    assert max(dau.values()) == oracle["dau_max"]
    assert str(max(dau, key=lambda day: dau[day])) == oracle["dau_max_date"]

    days = project.query("select user_id, activity_date from marts.user_days")
    months = Counter(month for _, month in {(user, f"{day:%Y-%m}") for user, day in days})
    assert months == oracle["mau_by_month"]

    active_weeks: dict[str, set[Any]] = defaultdict(set)
    for user, day in days:
        active_weeks[user].add(day - timedelta(days=day.weekday()))
    cohorts: dict[str, Counter[str]] = defaultdict(Counter)
    for weeks in active_weeks.values():
        first = min(weeks)
        cohorts[str(first)].update(str((week - first).days // 7) for week in weeks)
    assert cohorts == oracle["weekly_cohort_table"]


def check_ratings(project: DbtProject, oracle: dict[str, Any]) -> None:
    """Ratings: every score of every slider."""
    scores: dict[str, Counter[str]] = defaultdict(Counter)
    for slider, score in project.query(
        "select survey_id, feedback_score from marts.fct_feedback "
        "where feedback_type = 'rating' and is_standing"
    ):
        scores[slider][str(int(score))] += 1
    assert sum(scores["witty"].values()) == oracle["rated_conversations"]
    for slider in ("witty", "interesting", "upbeat"):
        assert scores[slider] == oracle[f"rating_{slider}"]["histogram"]


# ---- real calls of models, against an oracle


def test_claude_code_has_the_figures_of_the_oracle(
    tmp_path: Path, make_project: MakeProject, shared: Path, root: Path
) -> None:
    oracle = oracle_of(shared, "weka_dev_slice_odd")
    path = shared / "data" / "weka_claude_code" / "requests_odd_traces.csv"
    with path.open(encoding="utf-8", newline="") as file:
        source = list(csv.DictReader(file))
    project = make_project(tmp_path)
    project.command("convert", "claude-code", path, "--out", tmp_path / "events")
    assert load(project, tmp_path / "events") == oracle["requests"] == len(source)

    build(project, *with_inputs(*CALLS))
    calls = project.records("select * from marts.fct_responses")
    by_source_id = {
        f"{row['trace_id']}:{row['agent_id'] or 'main'}:{row['request_no']}": row for row in source
    }
    assert {call["response_event_id"] for call in calls} == by_source_id.keys()

    check_calls(calls, oracle)
    check_latency(calls, source, oracle)
    check_implied_queries(project, calls, source, oracle)
    check_cost(calls, by_source_id, oracle, root, shared)


def check_calls(calls: list[dict[str, Any]], oracle: dict[str, Any]) -> None:
    """Requests, tokens, cache, models, finish reasons."""
    assert sum(call["input_tokens"] for call in calls) == oracle["input_tokens_total"]
    assert sum(call["output_tokens"] for call in calls) == oracle["output_tokens_total"]
    cached = sum(call["cache_read_tokens"] for call in calls)
    assert cached == oracle["cached_input_tokens_total"]
    assert cached / oracle["input_tokens_total"] == pytest.approx(oracle["cache_hit_ratio"])
    assert Counter(call["model"] for call in calls) == oracle["requests_by_model"]
    reasons = Counter(call["finish_reason"] or "nan" for call in calls)
    assert reasons == oracle["stop_reason"]
    zero_output = [call for call in calls if call["output_tokens"] == 0]
    assert len(zero_output) == oracle["zero_output_requests"]
    by_session = Counter(call["user_id"] for call in calls)
    assert len(by_session) == oracle["sessions"]
    figures = oracle["requests_per_session"]
    assert mean(by_session.values()) == pytest.approx(figures["mean"], rel=1e-12)
    assert (min(by_session.values()), max(by_session.values())) == (figures["min"], figures["max"])


def check_latency(
    calls: list[dict[str, Any]], source: list[CsvRow], oracle: dict[str, Any]
) -> None:
    """Latency and time to first token: how many are known, their mean and quantiles."""
    for name, field in (("latency_ms", "api_time_s"), ("time_to_first_token_ms", "ttft_s")):
        ours = [call[name] for call in calls if call[name] is not None]
        theirs = [int(Decimal(row[field]) * 1000) for row in source if row[field]]
        figures = oracle[field]
        assert (len(ours), len(calls) - len(ours)) == (figures["n"], figures["null"])
        assert mean(ours) / 1000 == pytest.approx(figures["mean"], rel=1e-12)
        in_ms = {share: 1000 * at for share, at in shares(figures).items()}
        check_quantiles(ours, theirs, in_ms)


def check_implied_queries(
    project: DbtProject, calls: list[dict[str, Any]], source: list[CsvRow], oracle: dict[str, Any]
) -> None:
    """Each request of a main agent is a query; sub-agents' steps serve one of them."""
    n_main = sum(not row["agent_id"] for row in source)
    ((n_queries, n_answered, n_calls, n_steps, n_implied),) = project.query(
        "select count(*), count(answered_at), sum(n_calls), sum(n_steps), "
        "count(case when is_implied then 1 end) from marts.fct_interactions"
    )
    assert n_queries == n_answered == n_implied == n_main
    assert (n_calls, n_steps) == (len(source), len(source) - n_main)
    assert not any(call["interaction_id"] is None for call in calls)
    # The pauses that end a session lie between main agents' requests, sub-agents' fill none.
    n_sessions = value(project, "select count(*) from marts.fct_sessions")
    assert n_sessions == oracle["sub_sessions_30min"]


def check_cost(
    calls: list[dict[str, Any]],
    by_source_id: dict[str, CsvRow],
    oracle: dict[str, Any],
    root: Path,
    shared: Path,
) -> None:
    """Each call costs exactly what the seed says, and all what the oracle says where it knows."""
    prices = seed_prices(root)
    by_model: dict[str, Decimal] = defaultdict(Decimal)
    for call in calls:
        row = by_source_id[call["response_event_id"]]
        price = prices(row["model"], call["occurred_at"].date().isoformat())
        cached = int(row["cached_input_tokens"])
        expected = (
            (int(row["input_tokens"]) - cached) * price["input"]
            + cached * price["cache_read"]
            + int(row["output_tokens"]) * price["output"]
        ) / 1_000_000
        assert call["cost_usd"] == expected, row
        assert call["cost_basis"] == "split"
        by_model[row["model"]] += call["cost_usd"]

    # The oracle prices by a list without two of the models, which the seed has.
    listed = oracle["cost_usd_flat"]["by_model"].keys()
    n_unlisted = sum(call["model"] not in listed for call in calls)
    assert n_unlisted == oracle["unpriced_requests"]
    theirs = json.loads(
        (shared / "data" / "prices" / "litellm_1.109.1_model_prices.json").read_text()
    )
    for model in listed:
        ours = prices(model, "2026-03-02")
        for kind, key in (
            ("input", "input_cost_per_token"),
            ("cache_read", "cache_read_input_token_cost"),
            ("output", "output_cost_per_token"),
        ):
            assert ours[kind] == Decimal(str(theirs[model][key])) * 1_000_000, (model, kind)
    total = sum(by_model[model] for model in listed)
    figures = oracle["cost_usd_cache_aware"]
    assert total == Decimal(str(figures["total"]))
    n_listed = len(calls) - n_unlisted
    assert float(total / n_listed) == pytest.approx(figures["mean_per_priced_request"], rel=1e-12)


def seed_prices(root: Path) -> Callable[[str, str], dict[str, Decimal]]:
    """Look up the seed's US dollars per million tokens of an Anthropic model on a date."""
    with (root / "seeds" / "model_prices.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["provider"] == "anthropic"]

    def price(model: str, day: str) -> dict[str, Decimal]:
        (row,) = (
            row
            for row in rows
            if (row["model"], row["match"]) == (model, "exact")
            and row["valid_from"] <= day
            and (not row["valid_to"] or day < row["valid_to"])
        )
        kinds = ("input", "cache_read", "output")
        return {kind: Decimal(row[f"{kind}_usd_per_million"]) for kind in kinds}

    return price


# ---- traces of serving systems, against an oracle


@pytest.mark.long
def test_serving_traces_have_the_figures_of_the_oracle(
    tmp_path: Path, make_project: MakeProject, shared: Path
) -> None:
    project = make_project(tmp_path)
    data = shared / "data"
    # No trace but LLMPerf's says which model; Azure's is priced as the oracle prices it.
    priced = ("--model", "gpt-4o", "--start", "2025-01-06T00:00:00")
    traces = {
        "azure-llm": (data / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv", priced),
        "burstgpt": (data / "burstgpt" / "burstgpt_sample.csv", ()),
        "mooncake": (data / "mooncake" / "conversation_trace.jsonl", ()),
        "llmperf": (data / "llmperf_bedrock" / "bedrock_claude_instant_v1.jsonl", ()),
    }
    for name, (path, options) in traces.items():
        project.command("convert", name, path, *options, "--out", tmp_path / "events" / name)
    n_loaded = load(project, tmp_path / "events")
    build(project, *with_inputs("fct_responses", "fct_interactions"))
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in project.records("select * from marts.fct_responses order by occurred_at"):
        calls[call["response_event_id"].partition(":")[0]].append(call)
    assert n_loaded == sum(map(len, calls.values()))
    # Each call implies a query and serves its own.
    assert value(project, "select count(*) from marts.fct_interactions") == n_loaded
    assert all(call["interaction_id"] == call["response_event_id"]
               for name in calls for call in calls[name])  # fmt: skip

    check_azure(calls["azure-llm"], oracle_of(shared, "azure2023_conv"))
    check_mooncake(calls["mooncake"], oracle_of(shared, "mooncake_conversation"))
    check_llmperf(calls["llmperf"], oracle_of(shared, "llmperf_bedrock"))
    oracle = oracle_of(shared, "burstgpt_fixture")
    assert len(calls["burstgpt"]) == oracle["rows"]
    failed = [call for call in calls["burstgpt"] if not call["is_success"]]
    assert len(failed) == oracle["failures"]


def seconds_between(calls: list[dict[str, Any]]) -> float:
    """From the first call to the last, both by their recorded times."""
    return float((calls[-1]["occurred_at"] - calls[0]["occurred_at"]).total_seconds())


def check_tokens(calls: list[dict[str, Any]], name: str, oracle: dict[str, float]) -> None:
    """Quantiles of a count of tokens; the oracle's interpolations lie beside ours."""
    counts = [int(call[name]) for call in calls]
    check_quantiles(counts, counts, shares(oracle))


def check_azure(calls: list[dict[str, Any]], oracle: dict[str, Any]) -> None:
    """Requests, their busiest minute, their tokens and what they would have cost."""
    assert len(calls) == oracle["requests"]
    # The trace's times have one digit more than a microsecond.
    assert seconds_between(calls) == pytest.approx(oracle["span_s"], abs=1e-6)
    # The trace was moved to begin at midnight; the minutes are those of its own clock.
    moved = timedelta(seconds=46.68059)
    minutes = Counter(f"{call['occurred_at'] + moved:%H:%M}" for call in calls)
    assert max(minutes.values()) == oracle["max_per_minute"]
    for name, column in (("input_tokens", "ContextTokens"), ("output_tokens", "GeneratedTokens")):
        figures = oracle[column]
        counts = [call[name] for call in calls]
        assert (sum(counts), max(counts)) == (figures["sum"], figures["max"])
        assert mean(counts) == pytest.approx(figures["mean"], rel=1e-12)
        check_tokens(calls, name, figures)
    costs = [call["cost_usd"] for call in calls]
    figures = oracle["cost_usd_if_gpt4o"]
    assert sum(costs) == Decimal(str(figures["total"]))
    assert float(sum(costs) / len(costs)) == pytest.approx(figures["mean"], rel=1e-12)


def check_mooncake(calls: list[dict[str, Any]], oracle: dict[str, Any]) -> None:
    """Requests, how long they go on, and their tokens."""
    assert len(calls) == oracle["requests"] == oracle["published"]["requests"]
    assert seconds_between(calls) * 1000 == pytest.approx(oracle["span_ms"], abs=1e-3)
    for name, kind in (("input_tokens", "input"), ("output_tokens", "output")):
        assert mean(call[name] for call in calls) == pytest.approx(oracle[f"{kind}_mean"])
        check_tokens(calls, name, {f"p{p}": oracle[f"{kind}_p{p}"] for p in (50, 95, 99)})
    assert all(call["cost_basis"] == "unpriced" for call in calls)


def check_llmperf(calls: list[dict[str, Any]], oracle: dict[str, Any]) -> None:
    """Requests, their latency and time to first token, to the millisecond that is kept."""
    assert len(calls) == oracle["rows"]
    assert sum(not call["is_success"] for call in calls) == oracle["failures"]
    for name, column in (("latency_ms", "e2e_latency_ms"), ("time_to_first_token_ms", "ttft_ms")):
        figures = oracle[column]
        values = sorted(call[name] for call in calls)
        assert mean(values) == pytest.approx(figures["mean"], abs=0.5)
        for share, interpolated in shares(figures).items():
            rank = Decimal(share) * (len(values) - 1)
            low, high = values[int(rank)], values[min(int(rank) + 1, len(values) - 1)]
            assert low - 0.5 <= interpolated <= high + 0.5, (name, share)
    # Claude Instant has a price, by the name that Bedrock gives it.
    assert all(call["cost_basis"] == "split" for call in calls)
