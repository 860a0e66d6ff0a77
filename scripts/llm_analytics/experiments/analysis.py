"""From the rows of an experiment's marts to findings: which test, which critical value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.decision import Decision, Evidence, Guardrails, Primary, decide
from llm_analytics.statistics.bayes import Posterior, posterior
from llm_analytics.statistics.multiplicity import benjamini_hochberg, holm
from llm_analytics.statistics.pivot import (
    Comparison,
    Equivalence,
    NonInferiority,
    compare,
    equivalence,
    non_inferiority,
)
from llm_analytics.statistics.power import detectable_effect, power_of
from llm_analytics.statistics.proportions import (
    Counts,
    compare_proportions,
    non_inferior_proportions,
)
from llm_analytics.statistics.quantiles import (
    FEWEST_CLUSTERS,
    QuantileSums,
    bootstrap_estimate,
    estimate_by_ranks,
)
from llm_analytics.statistics.sample_ratio import SampleRatio, sample_ratio
from llm_analytics.statistics.segments import cochran_q
from llm_analytics.statistics.sequential import (
    always_valid_critical,
    always_valid_p,
    group_sequential_bounds,
)
from llm_analytics.statistics.sums import (
    NAMES,
    PAIRS,
    Estimate,
    Sums,
    adjusted,
    combined,
    estimate,
)
from llm_analytics.statistics.twyman import is_at_maximum, is_one_unit, is_too_good

Method = Literal["fixed", "sequential", "group-sequential", "bayes"]
Row = Mapping[str, Any]

#: Power at which an effect that matters has to be found before its absence is believed.
PLANNED_POWER = 0.8
#: Share of units that saw several variants above which they are worth a warning.
CROSSOVER_SHARE = 0.01
#: Units of an arm below which its past is too noisy to correct it by.
FEWEST_FOR_CUPED = 100
ALL = "__all__"


@dataclass(frozen=True)
class Marts:
    """The rows of one experiment."""

    experiment: Row
    arm_stats: Sequence[Row]
    quantile_stats: Sequence[Row]
    assignment: Sequence[Row]
    #: Rows of experiment_quantile_values; only read where there are few units.
    quantile_values: Sequence[Row] = ()


@dataclass(frozen=True)
class Options:
    """How an experiment is read. `alpha` None is the experiment's own."""

    method: Method = "fixed"
    use_cuped: bool = True
    alpha: float | None = None
    segment: str | None = None
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One metric of one arm against control."""

    metric: str
    variant: str
    role: str
    segment: str
    unit: str
    test: str
    is_higher_better: bool
    comparison: Comparison
    p_value: float
    p_adjusted: float
    is_significant: bool
    non_inferiority: NonInferiority | None
    equivalence: Equivalence | None
    margin_kind: str | None
    power: float | None
    detectable_lift: float | None
    variance_reduction: float | None
    posterior: Posterior | None
    n_immature: int

    @property
    def is_good(self) -> bool:
        """Is the difference on the better side?"""
        return (self.comparison.difference > 0) == self.is_higher_better

    @property
    def verdict(self) -> str:
        """In one word, for people."""
        if self.role != "secondary" and self.non_inferiority is not None:
            if self.non_inferiority.is_shown:
                return "no worse"
            return "worse" if self.is_significant and not self.is_good else "unclear"
        if not self.is_significant:
            return "unclear"
        return "better" if self.is_good else "worse"


@dataclass(frozen=True)
class Heterogeneity:
    """Do the segments differ? Of one metric and arm."""

    metric: str
    variant: str
    q: float
    p_value: float


@dataclass(frozen=True)
class Report:
    """All that is said about an experiment."""

    experiment_id: str
    decision: Decision
    reason: str
    method: Method
    alpha: float
    control: str
    n_units: Mapping[str, int]
    sample_ratio: SampleRatio
    evidence: Evidence
    findings: Sequence[Finding]
    segments: Sequence[Finding] = ()
    heterogeneity: Sequence[Heterogeneity] = ()
    warnings: Sequence[str] = ()
    #: What the segments divide by, and how far the events reached that were read.
    segment_name: str | None = None
    read_until: datetime | None = None


@dataclass
class _Warnings:
    """Each warning once, in the order in which they came up."""

    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)


@dataclass(frozen=True)
class _Pair:
    """Two arms of a metric with how they are compared."""

    control: Estimate
    treatment: Estimate
    test: str
    counts: tuple[Counts, Counts] | None = None
    reduction: float | None = None


def read_sums(row: Row) -> Sums:
    """The exact sums of a row of experiment_arm_stats."""
    return Sums.make(
        int(row["n_units"]),
        [row[f"sum_{name}"] for name in NAMES],
        [row[f"sum_{NAMES[a]}_{NAMES[b]}"] for a, b in PAIRS],
    )


def analyse(marts: Marts, options: Options) -> Report:
    """Everything about an experiment. Raises LlmAnalyticsError for options that do not fit it."""
    experiment = marts.experiment
    alpha = float(experiment["alpha"]) if options.alpha is None else options.alpha
    control = experiment["control_variant"]
    warnings = _Warnings()
    ratio = _sample_ratio(marts, warnings)
    whole = [row for row in marts.arm_stats if row["segment_name"] == ALL]
    names = sorted({row["metric"] for row in [*whole, *marts.quantile_stats]})
    for name in options.metrics:
        if name not in names:
            raise LlmAnalyticsError(
                f"{experiment['experiment_id']} has no metric {name}; it has: {', '.join(names)}"
            )
    context = _Context(marts, options, alpha, control, warnings, _n_primaries(whole, marts))
    findings = _adjusted_p(
        [
            *context.findings(whole),
            *context.quantile_findings(),
        ],
        alpha,
        options.method,
    )
    evidence = _evidence(marts, findings, ratio, options, warnings)
    if options.metrics:
        findings = [one for one in findings if one.metric in options.metrics]
    decision, reason = decide(evidence)
    _general_warnings(marts, findings, evidence, warnings)
    segments, heterogeneity = _segments(context, options, whole)
    return Report(
        experiment_id=experiment["experiment_id"],
        decision=decision,
        reason=reason if not ratio.is_mismatch else (ratio.reason or reason),
        method=options.method,
        alpha=alpha,
        control=control,
        n_units=_units(marts),
        sample_ratio=ratio,
        evidence=evidence,
        findings=findings,
        segments=segments,
        heterogeneity=heterogeneity,
        warnings=warnings.texts,
        segment_name=options.segment,
        read_until=experiment.get("read_until"),
    )


def _units(marts: Marts) -> dict[str, int]:
    """Analysed units of each variant."""
    found: dict[str, int] = {}
    for row in marts.assignment:
        if row["segment_name"] == ALL:
            found[row["variant"]] = found.get(row["variant"], 0) + int(row["n_units"])
    return dict(sorted(found.items()))


def worst_sample_ratio(assignment: Iterable[Row]) -> SampleRatio:
    """Of each phase apart, for their weights differ; the worst of them."""
    results = [
        sample_ratio(
            {row["variant"]: int(row["n_units"]) for row in rows},
            {row["variant"]: float(row["planned_weight"]) for row in rows},
        )
        for rows in _phases(assignment).values()
    ]
    tested = [result for result in results if result.p_value is not None]
    return (
        min(tested, key=lambda one: one.p_value or 0.0)
        if tested
        else SampleRatio(None, False, None)
    )


def _phases(assignment: Iterable[Row]) -> dict[str, list[Row]]:
    phases: dict[str, list[Row]] = {}
    for row in assignment:
        if row["segment_name"] == ALL:
            phases.setdefault(row["allocation_phase"], []).append(row)
    return phases


def _sample_ratio(marts: Marts, warnings: _Warnings) -> SampleRatio:
    n_phases = len(_phases(marts.assignment))
    if n_phases > 1:
        warnings.add(
            f"the allocation changed ({n_phases} phases): each is estimated apart and then"
            " combined, because pooled arms compare the phases"
        )
    return worst_sample_ratio(marts.assignment)


def _n_primaries(rows: Iterable[Row], marts: Marts) -> int:
    found = {
        (row["metric"], row["variant"])
        for row in [*rows, *marts.quantile_stats]
        if row["metric_role"] == "primary" and row["variant"] != marts.experiment["control_variant"]
    }
    return max(1, len(found))


@dataclass(frozen=True)
class _Context:
    """What the comparison of any two arms needs."""

    marts: Marts
    options: Options
    alpha: float
    control: str
    warnings: _Warnings
    n_primaries: int

    def findings(self, rows: Sequence[Row], is_segment: bool = False) -> list[Finding]:
        """Of each metric, arm and segment of rows of experiment_arm_stats."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row["metric"], row["segment"]), []).append(row)
        found = []
        for (_, segment), members in sorted(groups.items()):
            for variant in sorted({row["variant"] for row in members} - {self.control}):
                pair = self._pair(members, variant)
                row = next(row for row in members if row["variant"] == variant)
                if pair is not None:
                    if not is_segment:
                        self._check_units(members, variant)
                    found.append(self._finding(pair, row, segment))
        return found

    def _check_units(self, members: Sequence[Row], variant: str) -> None:
        for row in members:
            if row["variant"] not in (variant, self.control):
                continue
            if is_one_unit(float(row["sum_num"]), float(row["max_num"] or 0)):
                self.warnings.add(
                    f"{row['metric']}: one unit has more than half of all of {row['variant']}"
                )

    def _pair(self, members: Sequence[Row], variant: str) -> _Pair | None:
        """Both arms, each phase apart and then combined; None where nothing can be compared."""
        phases = sorted({row["allocation_phase"] for row in members})
        pairs = []
        for phase in phases:
            arms = {row["variant"]: row for row in members if row["allocation_phase"] == phase}
            if self.control in arms and variant in arms:
                pair = self._phase_pair(arms[self.control], arms[variant])
                if pair is not None:
                    pairs.append(pair)
                    continue
            if len(phases) > 1:
                self.warnings.add(f"phase {phase} lacks an arm and is left out of {variant}")
        if len(pairs) < 2:
            return pairs[0] if pairs else None
        weights = [float(pair.control.n + pair.treatment.n) for pair in pairs]
        return _Pair(
            combined([pair.control for pair in pairs], weights),
            combined([pair.treatment for pair in pairs], weights),
            f"{pairs[0].test}, {len(pairs)} phases combined",
        )

    def _phase_pair(self, control: Row, treatment: Row) -> _Pair | None:
        sums = read_sums(control), read_sums(treatment)
        scale = int(treatment["num_scale"])
        if self.options.use_cuped:
            found = adjusted(*sums, scale)
            is_large = min(arm.n for arm in sums) >= FEWEST_FOR_CUPED
            if found is not None and is_large and found.reduction > 0:
                return _Pair(found.control, found.treatment, "CUPED", reduction=found.reduction)
        arms = [estimate(arm, scale) for arm in sums]
        if arms[0] is None or arms[1] is None:
            return None
        if scale == 1 and all(arm.is_binary for arm in sums):
            counts = [Counts(int(arm.firsts[0]), arm.n) for arm in sums]
            return _Pair(arms[0], arms[1], "score test", (counts[0], counts[1]))
        is_mean = all(arm.firsts[1] == arm.n and arm.products[4] == arm.n for arm in sums)
        return _Pair(arms[0], arms[1], "Welch's t" if is_mean else "delta method")

    def quantile_findings(self) -> list[Finding]:
        """Of the rows of experiment_quantile_stats."""
        found = []
        for metric in sorted({row["metric"] for row in self.marts.quantile_stats}):
            rows = [row for row in self.marts.quantile_stats if row["metric"] == metric]
            if len({row["allocation_phase"] for row in rows}) > 1:
                self.warnings.add(f"{metric}: quantiles of several phases are not combined")
                continue
            arms = {row["variant"]: row for row in rows}
            if self.control not in arms:
                continue
            for variant in sorted(arms.keys() - {self.control}):
                pair = self._quantile_pair(arms[self.control], arms[variant])
                if pair is not None:
                    found.append(self._finding(pair, arms[variant], ALL))
        return found

    def _quantile_pair(self, control: Row, treatment: Row) -> _Pair | None:
        rows = control, treatment
        for row in rows:
            if is_at_maximum(float(row["quantile_value"]), float(row["max_value"])):
                self.warnings.add(
                    f"{row['metric']}: the quantile of {row['variant']} is the largest value,"
                    " perhaps a timeout"
                )
        is_small = min(int(row["n_units"]) for row in rows) < FEWEST_CLUSTERS
        arms = [self._bootstrap(row) if is_small else _by_ranks(row) for row in rows]
        if arms[0] is None or arms[1] is None:
            self.warnings.add(f"{treatment['metric']}: too few values for an interval")
            return None
        return _Pair(arms[0], arms[1], "cluster bootstrap" if is_small else "clustered ranks")

    def _bootstrap(self, row: Row) -> Estimate | None:
        members = [
            value
            for value in self.marts.quantile_values
            if value["metric"] == row["metric"] and value["variant"] == row["variant"]
        ]
        if not members:
            return None
        scale = int(row["num_scale"])
        return bootstrap_estimate(
            [value["unit_id"] for value in members],
            [float(value["value"]) / scale for value in members],
            int(row["quantile_percent"]) / 100,
        )

    def _critical(self, n: int) -> float | None:
        """The critical value of the method with n units; None is that of the test itself."""
        planned = self.marts.experiment["planned_units"]
        level = self.alpha / self.n_primaries
        if self.options.method == "sequential":
            return always_valid_critical(n, float(planned or n), level)
        if self.options.method == "group-sequential":
            return group_sequential_bounds(_looks(self.marts.experiment, n), level)[-1]
        return None

    def _finding(self, pair: _Pair, row: Row, segment: str) -> Finding:
        n = pair.control.n + pair.treatment.n
        critical = self._critical(n) if segment == ALL else None
        higher = bool(row["is_higher_better"])
        margin = None if row["margin"] is None else float(row["margin"])
        is_relative = row["margin_kind"] != "absolute"
        if pair.counts is not None:
            comparison = compare_proportions(*pair.counts, self.alpha, critical=critical)
        else:
            comparison = compare(pair.control, pair.treatment, self.alpha, critical=critical)
        shown, both_ways = None, None
        if margin is not None:
            shown = _within(pair, comparison, margin, is_relative, higher_is_better=higher)
            # No value is lower by 100 % or more.
            if not is_relative or margin < 1:
                both_ways = equivalence(
                    shown,
                    _within(pair, comparison, margin, is_relative, higher_is_better=not higher),
                )
        p_value = comparison.p_value
        if critical is not None and self.options.method == "sequential":
            planned = self.marts.experiment["planned_units"]
            p_value = always_valid_p(
                comparison.statistic, n, float(planned or n), self.alpha / self.n_primaries
            )
        self._check(comparison, row, segment)
        control_value = comparison.control.value
        smallest = self.marts.experiment["minimum_effect"]
        free = comparison.degrees if math.isfinite(comparison.degrees) else float(n)
        has_lift = control_value > 0 and comparison.error > 0
        return Finding(
            metric=row["metric"],
            variant=row["variant"],
            role=row["metric_role"],
            segment=segment,
            unit=row["unit"],
            test=pair.test,
            is_higher_better=higher,
            comparison=comparison,
            p_value=p_value,
            p_adjusted=p_value,
            is_significant=abs(comparison.statistic) > comparison.critical,
            non_inferiority=shown,
            equivalence=both_ways,
            margin_kind=row["margin_kind"],
            power=power_of(float(smallest) * control_value, comparison.error, free, self.alpha)
            if has_lift and smallest is not None
            else None,
            detectable_lift=detectable_effect(comparison.error, free, PLANNED_POWER, self.alpha)
            / control_value
            if has_lift
            else None,
            variance_reduction=pair.reduction,
            posterior=posterior(
                comparison,
                higher_is_better=higher,
                margin=margin if margin is not None and is_relative else 0.0,
            ),
            n_immature=int(row.get("n_immature") or 0),
        )

    def _check(self, comparison: Comparison, row: Row, segment: str) -> None:
        where = row["metric"] if segment == ALL else f"{row['metric']} in {segment}"
        if is_too_good(comparison):
            self.warnings.add(
                f"{where}: |T| = {abs(comparison.statistic):.1f} is larger than changes of"
                " products are; look for a bug before believing it (Twyman's law)"
            )
        if comparison.is_unbounded and segment == ALL and comparison.control.value > 0:
            self.warnings.add(
                f"{where}: the control cannot be told from zero, so that the relative change"
                " has no bounds"
            )


def _within(
    pair: _Pair,
    comparison: Comparison,
    margin: float,
    is_relative: bool,
    *,
    higher_is_better: bool,
) -> NonInferiority:
    """Does the treatment stay within the margin, on the side that is worse?"""
    if pair.counts is not None:
        return non_inferior_proportions(
            *pair.counts, margin, comparison.critical,
            higher_is_better=higher_is_better, is_relative=is_relative,
        )  # fmt: skip
    return non_inferiority(
        comparison, margin, higher_is_better=higher_is_better, is_relative=is_relative
    )


def _by_ranks(row: Row) -> Estimate | None:
    scale = int(row["num_scale"])
    sums = Sums.make(
        int(row["n_units"]),
        [row["sum_num"], row["sum_den"], 0, 0],
        [row["sum_num_num"], row["sum_num_den"], 0, 0, row["sum_den_den"], 0, 0, 0, 0, 0],
    )
    low, high = (
        None if row[name] is None else float(row[name]) / scale
        for name in ("low_value", "high_value")
    )
    return estimate_by_ranks(QuantileSums(sums, float(row["quantile_value"]) / scale, low, high))


def _looks(experiment: Row, n: int) -> list[float]:
    """The looks taken by now: those planned before, and the share of the planned units reached."""
    planned, given = experiment["planned_units"], experiment["planned_looks"]
    if not planned or not given:
        raise LlmAnalyticsError(
            f"{experiment['experiment_id']} plans no looks: declare planned_units and"
            " planned_looks in the seed experiments before it starts"
        )
    try:
        shares = sorted(float(share) for share in str(given).split(";"))
    except ValueError as error:
        raise LlmAnalyticsError(f"planned_looks is no list of shares: {given}") from error
    now = min(1.0, n / float(planned))
    return [share for share in shares if 0 < share < now - 1e-9] + [now]


def _adjusted_p(findings: list[Finding], alpha: float, method: Method) -> list[Finding]:
    """p-values of all primaries by Holm, of all secondaries by Benjamini-Hochberg; guardrails not.

    A fixed horizon decides by the adjusted p. The other methods share alpha among the primaries,
    so that their bounds hold as they are.
    """
    result = list(findings)
    for role, adjust in (("primary", holm), ("secondary", benjamini_hochberg)):
        places = [place for place, one in enumerate(result) if one.role == role]
        for place, p in zip(places, adjust([result[i].p_value for i in places]), strict=True):
            one = result[place]
            is_shared = method in ("sequential", "group-sequential")
            result[place] = replace(
                one,
                p_adjusted=p,
                is_significant=one.is_significant if is_shared else p < alpha,
            )
    return result


def _evidence(
    marts: Marts,
    findings: Sequence[Finding],
    ratio: SampleRatio,
    options: Options,
    warnings: _Warnings,
) -> Evidence:
    primaries = [one for one in findings if one.role == "primary"]
    guardrails = [one for one in findings if one.role == "guardrail"]
    declared = {
        row["metric"]
        for row in [*marts.arm_stats, *marts.quantile_stats]
        if row["metric_role"] == "guardrail"
    }
    silent = sorted(declared - {one.metric for one in guardrails})
    for metric in silent:
        warnings.add(f"{metric} is a guardrail and has no data to compare")
    states = [_primary_state(one, options, marts) for one in primaries]
    primary = next(
        (state for state in (Primary.WORSE, Primary.UNCLEAR, Primary.WINS) if state in states),
        Primary.MISSING,
    )
    held = [_guardrail_state(one) for one in guardrails] + [Guardrails.UNCLEAR] * len(silent)
    worst = next(
        (state for state in (Guardrails.HARMED, Guardrails.UNCLEAR) if state in held),
        Guardrails.HELD,
    )
    return Evidence(
        is_sample_ratio_broken=ratio.is_mismatch,
        primary=primary,
        guardrails=worst,
        is_mature=options.method in ("sequential", "group-sequential")
        or _is_mature(marts, primaries),
        is_powered=bool(primaries)
        and all(one.power is not None and one.power >= PLANNED_POWER for one in primaries),
    )


def _is_mature(marts: Marts, primaries: Sequence[Finding]) -> bool:
    """Have the planned units had their window; without a plan, has every unit?"""
    planned = marts.experiment["planned_units"]
    rows = [
        row
        for row in marts.arm_stats
        if row["segment_name"] == ALL and row["metric"] in {one.metric for one in primaries}
    ]
    if planned:
        totals: dict[str, int] = {}
        for row in rows:
            totals[row["metric"]] = totals.get(row["metric"], 0) + int(row["n_units"])
        return all(total >= int(planned) for total in totals.values())
    return all(int(row["n_immature"]) == 0 for row in rows)


def _primary_state(one: Finding, options: Options, marts: Marts) -> Primary:
    if options.method == "bayes" and one.posterior is not None:
        level = (float(marts.experiment["alpha"]) if options.alpha is None else options.alpha) / 2
        if one.posterior.p_better < level and one.non_inferiority is None:
            return Primary.WORSE
        chance = (
            one.posterior.p_better if one.non_inferiority is None else one.posterior.p_not_worse
        )
        return Primary.WINS if chance > 1 - level else Primary.UNCLEAR
    if one.non_inferiority is not None:
        if one.non_inferiority.is_shown:
            return Primary.WINS
        return Primary.WORSE if one.is_significant and not one.is_good else Primary.UNCLEAR
    if not one.is_significant:
        return Primary.UNCLEAR
    return Primary.WINS if one.is_good else Primary.WORSE


def _guardrail_state(one: Finding) -> Guardrails:
    """Without a margin a guardrail must only not be seen to get worse."""
    is_worse = one.is_significant and not one.is_good
    if one.non_inferiority is None:
        return Guardrails.HARMED if is_worse else Guardrails.HELD
    if one.non_inferiority.is_shown:
        return Guardrails.HELD
    return Guardrails.HARMED if is_worse else Guardrails.UNCLEAR


def _general_warnings(
    marts: Marts, findings: Sequence[Finding], evidence: Evidence, warnings: _Warnings
) -> None:
    experiment = marts.experiment
    if not experiment["is_declared"]:
        warnings.add(
            "the experiment is not declared: equal weights and default windows are assumed"
        )
    n_units, crossed = int(experiment["n_units"]), int(experiment["n_crossovers"])
    if n_units and crossed > CROSSOVER_SHARE * n_units:
        warnings.add(
            f"{crossed} of {n_units} units saw several variants and are left out:"
            " is the assignment stable?"
        )
    immature = max((one.n_immature for one in findings), default=0)
    if immature:
        warnings.add(f"up to {immature} units of an arm are still inside their window: left out")
    if evidence.primary is Primary.UNCLEAR and not evidence.is_powered:
        if experiment["minimum_effect"] is None:
            warnings.add("no minimum effect is declared: nothing says when to stop looking for one")
        else:
            warnings.add(
                f"the power for an effect of {float(experiment['minimum_effect']):.0%} is below"
                f" {PLANNED_POWER:.0%}"
            )


def _segments(
    context: _Context, options: Options, whole: Sequence[Row]
) -> tuple[list[Finding], list[Heterogeneity]]:
    if options.segment is None:
        return [], []
    known = sorted({row["segment_name"] for row in context.marts.arm_stats} - {ALL})
    if options.segment not in known:
        raise LlmAnalyticsError(f"no segment {options.segment}; there are: {', '.join(known)}")
    wanted = set(options.metrics) or {
        row["metric"] for row in whole if row["metric_role"] == "primary"
    }
    rows = [
        row
        for row in context.marts.arm_stats
        if row["segment_name"] == options.segment and row["metric"] in wanted
    ]
    found = context.findings(rows, is_segment=True)
    differences = []
    for metric, variant in sorted({(one.metric, one.variant) for one in found}):
        parts = [one for one in found if (one.metric, one.variant) == (metric, variant)]
        q = cochran_q(
            [one.comparison.difference for one in parts], [one.comparison.error for one in parts]
        )
        if q is not None:
            differences.append(Heterogeneity(metric, variant, *q))
    adjusted_p = benjamini_hochberg([one.p_value for one in found])
    segments = [
        replace(one, p_adjusted=p, is_significant=p < context.alpha)
        for one, p in zip(found, adjusted_p, strict=True)
    ]
    return segments, differences
