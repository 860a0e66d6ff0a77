"""The parameters of the simulated product: the ground truth that `truth.json` states.

Rates are probabilities, times have their unit in their name, money is US dollars. Every dataclass
is frozen: a variation is made with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class UserType:
    """How users of one kind behave.

    The user is active on the day of sign-up; lives one more day with probability
    `1 - daily_churn`, again and again; and is active on each later day of life with
    probability `active_day_rate`.
    """

    name: str
    share: float
    active_day_rate: float
    daily_churn: float
    #: Mean of the Poisson number of sessions beyond the first of an active day (at most 4 in all).
    extra_sessions: float
    #: Chance that a session ends after an interaction that went normally.
    stop_hazard: float
    #: Chance to buy at the end of each session, while on the free plan.
    purchase_hazard: float
    #: Trait that keeps the user out of user metrics: "is_internal", "is_bot" or None.
    excluded_by: str | None = None


@dataclass(frozen=True)
class PricePoint:
    """List price from a UTC date on, in US dollars per million tokens; None: no such class."""

    valid_from: str
    input_usd: float
    cache_read_usd: float
    cache_write_usd: float | None
    output_usd: float


@dataclass(frozen=True)
class ModelProfile:
    """A model that exists: how fast and how good it is here, and its real list prices."""

    name: str
    provider: str
    #: Latency of a successful answer is log-normal: exp(Normal(ln median, sigma)), in ms.
    median_latency_ms: float
    latency_sigma: float
    #: Chance that an answer is factually correct.
    accuracy: float
    #: Mean of the reasoning tokens of an answer (exponential); 0: the model does not reason.
    reasoning_tokens: float
    prices: tuple[PricePoint, ...]
    token_convention: str = "inclusive"


@dataclass(frozen=True)
class ModelEra:
    """Which models new conversations get from a UTC date on, with their weights."""

    valid_from: str
    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Feature:
    """A use of the product; an advanced one has to be adopted first."""

    name: str
    is_advanced: bool
    #: Weight among the basic features; of an advanced one, its use per conversation once adopted.
    usage: float
    #: Chance per session to adopt it, from its release on.
    adoption_hazard: float = 0.0
    #: Release, as a share of the window of days.
    released_at: float = 0.0


@dataclass(frozen=True)
class Experiment:
    """A randomised experiment on users; variants have equal weights."""

    name: str
    starts_at: float
    ends_at: float
    #: Goal that is drawn once per exposed user, and its chance in each variant.
    goal: str | None = None
    control_rate: float = 0.0
    treatment_rate: float = 0.0
    #: Models of the variants, where the experiment routes conversations.
    control_model: str | None = None
    treatment_model: str | None = None


@dataclass(frozen=True)
class Incident:
    """One planted incident: for `hours` from its start, some parameters change.

    Factors multiply, `added_…` are added; what is not named stays as it is.
    """

    name: str
    #: The default alert rule that has to find it.
    rule: str
    group: str
    start_hour: int
    hours: float
    latency_factor: float = 1.0
    added_error_rate: float = 0.0
    input_token_factor: float = 1.0
    satisfaction_factor: float = 1.0
    complaint_factor: float = 1.0
    added_stop_hazard: float = 0.0
    added_sessions: int = 0
    added_refinement_rate: float = 0.0
    is_down: bool = False
    #: Stream whose events are lost meanwhile.
    silent_stream: str | None = None


@dataclass(frozen=True)
class Feedback:
    """Who answers, and what. "Satisfied" is what the user feels, whether or not they say so."""

    satisfied_if_correct: float = 0.92
    satisfied_if_incorrect: float = 0.30
    #: Response bias: the unhappy answer more often.
    vote_rate_satisfied: float = 0.06
    vote_rate_unsatisfied: float = 0.20
    up_if_satisfied: float = 0.97
    up_if_unsatisfied: float = 0.06
    retract_rate: float = 0.04
    #: Share of the retracted votes that are followed by the opposite vote.
    revote_rate: float = 0.5
    comment_rate_up: float = 0.10
    comment_rate_down: float = 0.40
    star_rate: float = 0.02
    #: Distribution over 1 to 5 stars.
    stars_satisfied: tuple[float, ...] = (0.01, 0.03, 0.11, 0.35, 0.50)
    stars_unsatisfied: tuple[float, ...] = (0.35, 0.30, 0.20, 0.10, 0.05)
    copy_rate_satisfied: float = 0.15
    copy_rate_unsatisfied: float = 0.02
    #: Share of the copied answers that are copied twice.
    second_copy_rate: float = 0.2
    share_rate_satisfied: float = 0.02
    share_rate_unsatisfied: float = 0.002
    #: Surveys: the mood is drawn once per user and wave (NPS), once per session (CSAT).
    happy_rate: float = 0.65
    nps_wave_days: int = 30
    nps_first_wave_day: int = 20
    nps_response_rate_happy: float = 0.35
    nps_response_rate_unhappy: float = 0.55
    #: Distribution over 0 to 10.
    nps_happy: tuple[float, ...] = (
        0.0, 0.0, 0.0, 0.01, 0.01, 0.03, 0.05, 0.15, 0.25, 0.28, 0.22,
    )  # fmt: skip
    nps_unhappy: tuple[float, ...] = (
        0.06, 0.06, 0.08, 0.10, 0.12, 0.18, 0.18, 0.12, 0.06, 0.03, 0.01,
    )  # fmt: skip
    nps_second_answer_rate: float = 0.05
    csat_response_rate_happy: float = 0.03
    csat_response_rate_unhappy: float = 0.06
    #: Distribution over 1 to 5 points.
    csat_happy: tuple[float, ...] = (0.01, 0.04, 0.15, 0.45, 0.35)
    csat_unhappy: tuple[float, ...] = (0.25, 0.30, 0.25, 0.15, 0.05)


@dataclass(frozen=True)
class Evaluation:
    """Who judges which answers, and how often they err."""

    human_rate: float = 0.03
    #: Share of the human-rated answers that a second human rates.
    double_rate: float = 0.4
    judge_rate: float = 0.15
    not_verifiable_rate: float = 0.05
    #: P(says correct | correct) and P(says incorrect | incorrect).
    human_sensitivity: float = 0.96
    human_specificity: float = 0.94
    judge_sensitivity: float = 0.92
    judge_specificity: float = 0.75
    #: P(unsupported claim | answer is or is not correct), and how well it is found.
    hallucination_if_correct: float = 0.02
    hallucination_if_incorrect: float = 0.45
    hallucination_judge_sensitivity: float = 0.80
    hallucination_judge_specificity: float = 0.97
    relevance_mean_correct: float = 0.85
    relevance_mean_incorrect: float = 0.55
    relevance_sd: float = 0.10
    n_human_raters: int = 4


@dataclass(frozen=True)
class Defects:
    """Share of the events of a stream to which each defect happens.

    Those of the first group change or repeat a true event; those of the second write one more
    line, which has to be quarantined, beside the true one, so that nothing true is lost.
    """

    duplicate_rate: float = 0.01
    #: One id, two contents: with `event_version` (the higher is the truth), and without.
    versioned_rate: float = 0.002
    conflicting_rate: float = 0.001
    #: Arrival hours to days after the event.
    late_rate: float = 0.02
    late_hours: tuple[float, float] = (3.0, 96.0)
    #: Arrival minutes after the event, so that others overtake it.
    disordered_rate: float = 0.05
    disordered_minutes: tuple[float, float] = (2.0, 30.0)
    #: The sender's clock is a few seconds off, to either side.
    skewed_rate: float = 0.01
    skewed_seconds: float = 3.0
    missing_session_rate: float = 0.003
    missing_turn_rate: float = 0.003
    unknown_model_rate: float = 0.003
    negative_latency_rate: float = 0.001

    malformed_rate: float = 0.001
    far_future_rate: float = 0.0003
    far_past_rate: float = 0.0002
    missing_timestamp_rate: float = 0.0002

    #: Device clocks that are far off show a time this many days away.
    far_days: int = 18_000
    unknown_model: str = "inhouse-experimental-7b"
    streams: tuple[str, ...] = ("queries", "responses", "feedback", "product_events")


def _models() -> tuple[ModelProfile, ...]:
    always = "2024-01-01"
    return (
        ModelProfile(
            "gpt-4o", "openai", 1500, 0.55, 0.90, 0,
            (
                PricePoint(always, 5.0, 5.0, None, 15.0),
                PricePoint("2024-10-02", 2.5, 1.25, None, 10.0),
            ),
        ),
        ModelProfile(
            "gpt-4o-mini", "openai", 900, 0.50, 0.84, 0,
            (PricePoint(always, 0.15, 0.075, None, 0.6),),
        ),
        ModelProfile(
            "o3", "openai", 2600, 0.60, 0.94, 400,
            (
                PricePoint(always, 10.0, 2.5, None, 40.0),
                PricePoint("2025-06-10", 2.0, 0.5, None, 8.0),
            ),
        ),
        ModelProfile(
            "claude-3-7-sonnet-20250219", "anthropic", 1800, 0.55, 0.91, 0,
            (PricePoint(always, 3.0, 0.3, 3.75, 15.0),), "exclusive",
        ),
        ModelProfile(
            "claude-sonnet-4-20250514", "anthropic", 1700, 0.55, 0.92, 0,
            (PricePoint(always, 3.0, 0.3, 3.75, 15.0),), "exclusive",
        ),
        ModelProfile(
            "claude-sonnet-4-5-20250929", "anthropic", 1600, 0.55, 0.93, 0,
            (PricePoint(always, 3.0, 0.3, 3.75, 15.0),), "exclusive",
        ),
        ModelProfile(
            "claude-haiku-4-5-20251001", "anthropic", 900, 0.50, 0.88, 0,
            (PricePoint(always, 1.0, 0.1, 1.25, 5.0),), "exclusive",
        ),
        ModelProfile(
            "gemini-2.5-flash", "gcp.gemini", 1100, 0.55, 0.87, 150,
            (
                PricePoint(always, 0.3, 0.075, None, 2.5),
                PricePoint("2025-11-16", 0.3, 0.03, None, 2.5),
            ),
        ),
        ModelProfile(
            "gpt-5", "openai", 2200, 0.60, 0.94, 300,
            (PricePoint(always, 1.25, 0.125, None, 10.0),),
        ),
        ModelProfile(
            "gpt-5-mini", "openai", 1200, 0.55, 0.89, 150,
            (PricePoint(always, 0.25, 0.025, None, 2.0),),
        ),
    )  # fmt: skip


def _eras() -> tuple[ModelEra, ...]:
    sonnet_3_7, sonnet_4 = "claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514"
    sonnet_4_5, haiku_4_5 = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
    return (
        ModelEra("2024-01-01", (("gpt-4o", 0.6), ("gpt-4o-mini", 0.4))),
        ModelEra(
            "2025-04-16",
            (("gpt-4o", 0.35), ("gpt-4o-mini", 0.25), (sonnet_3_7, 0.25), ("o3", 0.15)),
        ),
        ModelEra(
            "2025-05-22",
            (("gpt-4o", 0.35), ("gpt-4o-mini", 0.2), (sonnet_4, 0.3), ("o3", 0.15)),
        ),
        ModelEra(
            "2025-06-17",
            (
                ("gpt-4o", 0.3),
                ("gpt-4o-mini", 0.15),
                (sonnet_4, 0.25),
                ("o3", 0.15),
                ("gemini-2.5-flash", 0.15),
            ),
        ),
        ModelEra(
            "2025-08-07",
            (("gpt-5", 0.3), ("gpt-5-mini", 0.2), (sonnet_4, 0.3), ("gemini-2.5-flash", 0.2)),
        ),
        ModelEra(
            "2025-10-15",
            (
                ("gpt-5", 0.3),
                ("gpt-5-mini", 0.15),
                (sonnet_4_5, 0.25),
                (haiku_4_5, 0.15),
                ("gemini-2.5-flash", 0.15),
            ),
        ),
    )


def _incidents() -> tuple[Incident, ...]:
    return (
        Incident("slow_answers", "latency_p95", "performance", 11, 6, latency_factor=6.0),
        Incident("failing_calls", "error_rate", "performance", 9, 6, added_error_rate=0.25),
        Incident("runaway_context", "token_spike", "performance", 8, 12, input_token_factor=8.0),
        Incident("outage", "availability", "performance", 12, 3, is_down=True),
        Incident("worse_answers", "satisfaction_drop", "quality", 0, 24, satisfaction_factor=0.35),
        Incident("wave_of_complaints", "negative_feedback", "quality", 0, 24, complaint_factor=4.0),
        Incident("users_leave", "abandonment", "quality", 0, 24, added_stop_hazard=0.45),
        Incident(
            "odd_behaviour", "unusual_behaviour", "quality", 0, 24,
            added_sessions=2, added_refinement_rate=0.40,
        ),
        Incident("silent_stream", "stream_silence", "silence", 6, 12, silent_stream="probes"),
    )  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """Everything that shapes the simulated product, but its size, its dates and its seed."""

    user_types: tuple[UserType, ...] = (
        UserType("power", 0.10, 0.65, 0.004, 0.8, 0.12, 0.008),
        UserType("regular", 0.38, 0.30, 0.010, 0.3, 0.16, 0.012),
        UserType("occasional", 0.34, 0.10, 0.015, 0.1, 0.22, 0.006),
        UserType("one_time", 0.16, 0.0, 1.0, 0.0, 0.30, 0.0),
        UserType("internal", 0.015, 0.50, 0.002, 0.5, 0.15, 0.0, "is_internal"),
        UserType("bot", 0.005, 0.90, 0.01, 1.0, 0.05, 0.0, "is_bot"),
    )
    #: Sign-up waves: weight, first and last day as shares of the window.
    sign_up_waves: tuple[tuple[float, float, float], ...] = (
        (0.50, 0.0, 1.0),
        (0.30, 0.0, 0.10),
        (0.20, 0.30, 0.40),
    )
    countries: tuple[tuple[str, float], ...] = (
        ("US", 0.4), ("GB", 0.15), ("DE", 0.15), ("IN", 0.2), ("BR", 0.1),
    )  # fmt: skip
    #: Currency of purchases by country; others pay in USD. The amount is the same number.
    currencies: tuple[tuple[str, str], ...] = (("DE", "EUR"),)
    platforms: tuple[tuple[str, float], ...] = (
        ("web", 0.6), ("ios", 0.2), ("android", 0.15), ("api", 0.05),
    )  # fmt: skip
    #: Users whose client sends the bare events of the guide: no ids, one number of tokens.
    plain_tracker_rate: float = 0.03
    #: Users who are only known by an anonymous id until the end of their first session.
    anonymous_rate: float = 0.20
    #: Aliases that are linked to two users, per user; no event carries them.
    shared_alias_rate: float = 0.004
    account_rate: float = 0.30
    users_per_account: int = 8
    #: Activation: both steps are done in the first session, each with its own chance.
    activation_steps: tuple[tuple[str, float], ...] = (
        ("tour_completed", 0.65), ("integration_connected", 0.55),
    )  # fmt: skip
    consent_opt_in_rate: float = 0.95
    consent_opt_out_rate: float = 0.0
    consent_erasure_rate: float = 0.0

    features: tuple[Feature, ...] = (
        Feature("chat", False, 0.7),
        Feature("summarise", False, 0.3),
        Feature("code", True, 0.3, 0.05),
        Feature("agent", True, 0.3, 0.06, 0.25),
    )
    models: tuple[ModelProfile, ...] = field(default_factory=_models)
    model_eras: tuple[ModelEra, ...] = field(default_factory=_eras)
    #: Model of agents' steps and of titles.
    auxiliary_model: str = "gpt-4o-mini"

    #: Sessions: chance that a session of a day whose next day is active too runs over midnight.
    midnight_rate: float = 0.03
    max_turns: int = 60
    max_session_minutes: float = 80.0
    think_median_seconds: float = 45.0
    think_sigma: float = 0.8
    max_think_minutes: float = 18.0
    #: Chance that the next query opens a new conversation, while the session goes on.
    new_conversation_rate: float = 0.06
    #: Chance that the next query of the conversation refines the one before it, by how that ended.
    refine_after_normal: float = 0.12
    refine_after_slow: float = 0.15
    refine_after_negative: float = 0.50
    refine_after_failure: float = 0.60
    #: Share of the refinements that are a regenerate, an edit, labelled, merely similar.
    refinement_kinds: tuple[tuple[str, float], ...] = (
        ("regenerate", 0.35), ("edit", 0.20), ("clarification", 0.20), ("similar", 0.25),
    )  # fmt: skip
    #: Chance that the session ends after an interaction, over the hazard of the user type.
    stop_after_slow: float = 0.12
    stop_after_negative: float = 0.18
    stop_after_error: float = 0.35
    stop_after_unanswered: float = 0.40
    #: Chance that a session reached its goal, by how its last interaction ended.
    goal: str = "task_completed"
    goal_after_normal: float = 0.50
    goal_after_slow: float = 0.35
    goal_after_negative: float = 0.15
    goal_after_failure: float = 0.05

    slow_after_ms: int = 5000
    #: No call at all is logged for the query.
    unanswered_rate: float = 0.004
    #: A call that should answer fails; then it is tried again, up to `max_attempts`.
    attempt_error_rate: float = 0.015
    retry_rate: float = 0.80
    max_attempts: int = 3
    error_statuses: tuple[tuple[str, float], ...] = (
        ("error", 0.55), ("timeout", 0.20), ("malformed", 0.10), ("filtered", 0.15),
    )  # fmt: skip
    timeout_ms: int = 30_000
    max_latency_ms: int = 55_000
    agent_latency_factor: float = 2.2
    #: Steps of an agent's answer beyond the first: Poisson, at most `max_agent_steps` in all.
    agent_extra_steps: float = 2.5
    max_agent_steps: int = 12
    step_error_rate: float = 0.01
    #: Chance that the first exchange of a conversation also makes a title.
    title_rate: float = 0.8
    cache_hit_rate: float = 0.7
    cached_share: float = 0.6
    system_prompt_tokens: int = 350
    citation_rate: float = 0.25
    tool_cost_usd: float = 0.01
    #: Share of the calls whose tracker logs a cost, and how it errs.
    logged_cost_rate: float = 0.6
    logged_ignores_cache_rate: float = 0.05
    logged_stale_price_rate: float = 0.10

    plan_price: float = 20.0
    renewal_days: int = 30
    refund_rate: float = 0.05

    feedback: Feedback = field(default_factory=Feedback)
    evaluation: Evaluation = field(default_factory=Evaluation)
    experiments: tuple[Experiment, ...] = (
        Experiment("onboarding_hint", 0.25, 0.90, "project_created", 0.20, 0.28),
        Experiment("aa_check", 0.15, 0.95, "template_saved", 0.25, 0.25),
        Experiment(
            "cheaper_model", 0.50, 0.95,
            control_model="gpt-4o", treatment_model="gpt-4o-mini",
        ),
    )  # fmt: skip
    #: Chance that a later session of an exposed user sends the exposure again.
    repeated_exposure_rate: float = 0.2

    incidents: tuple[Incident, ...] = field(default_factory=_incidents)
    #: Incidents lie on days of their own from this share of the window on.
    first_incident_at: float = 0.5

    probe_minutes: int = 5
    probe_failure_rate: float = 0.0005
    #: Machines: name and US dollars per hour.
    resources: tuple[tuple[str, float], ...] = (
        ("api-cluster", 1.2), ("vector-database", 0.8), ("gpu-pool", 4.5),
    )  # fmt: skip

    defects: Defects = field(default_factory=Defects)

    def model_index(self, name: str) -> int:
        """Position of a model among `models`; ValueError if there is none of that name."""
        return [model.name for model in self.models].index(name)
