"""How many units an effect needs, and which effect the units can show: the test, inverted."""

from __future__ import annotations

import math

from scipy import optimize, stats


def power_of(effect: float, error: float, degrees: float, alpha: float = 0.05) -> float:
    """Chance that a two-sided test at alpha rejects when the true difference is `effect`.

    `error` is the standard error of the difference. Exact under normal data: the noncentral t with
    the degrees of freedom of the test. Source: Cohen (1988); as R's power.t.test with strict.
    """
    if error <= 0:
        return 1.0 if effect else alpha
    limit = float(stats.t.isf(alpha / 2, degrees))
    shift = abs(effect) / error
    # scipy's noncentral t fails far out, where the answer is 1 to every digit.
    if shift - limit > 30:
        return 1.0
    upper = float(stats.nct.sf(limit, degrees, shift))
    lower = float(stats.nct.cdf(-limit, degrees, shift)) if shift < 10 else 0.0
    return min(1.0, upper + (lower if math.isfinite(lower) else 0.0))


def detectable_effect(
    error: float, degrees: float, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Smallest true difference that is found with this power: the inverse of `power_of`.

    Raises ValueError if not alpha < power < 1.
    """
    if not alpha < power < 1:
        raise ValueError(f"power must be between alpha and 1, not {power}")
    if error <= 0:
        return 0.0
    limit = float(stats.t.isf(alpha / 2, degrees))
    most = (limit + float(stats.norm.isf((1 - power) / 2)) + 10) * error
    return float(
        optimize.brentq(
            lambda effect: power_of(effect, error, degrees, alpha) - power,
            0.0,
            most,
            xtol=1e-15 * most,
        )
    )


def _at_size(n: float, deviation: float, share: float) -> tuple[float, float]:
    """Standard error and degrees of freedom with n units in all, `share` of them in treatment."""
    treated, control = n * share, n * (1 - share)
    error = deviation * math.sqrt(1 / treated + 1 / control)
    # Welch's degrees with equal deviations; n - 2 where the arms are equal.
    below = (1 / treated) ** 2 / (treated - 1) + (1 / control) ** 2 / (control - 1)
    return error, (1 / treated + 1 / control) ** 2 / below


def units_needed(
    effect: float, deviation: float, power: float = 0.8, alpha: float = 0.05, share: float = 0.5
) -> float:
    """Units of both arms together that show `effect`; not rounded.

    `deviation` is that of one unit, `share` the part of the units in treatment. Raises ValueError
    for an effect of zero, or a share or power that is none.
    """
    if not effect or not 0 < share < 1 or not alpha < power < 1:
        raise ValueError("an effect, a share between 0 and 1 and a power above alpha are needed")
    if deviation <= 0:
        return 4.0
    lowest = 2.000001 / min(share, 1 - share)
    enough = max(16.0 * (deviation / effect) ** 2 * 4 / min(share, 1 - share), lowest) * 4 + 100

    def missing(n: float) -> float:
        return power_of(effect, *_at_size(n, deviation, share), alpha) - power

    if missing(lowest) >= 0:
        return lowest
    while missing(enough) < 0:
        enough *= 4
    return float(optimize.brentq(missing, lowest, enough, xtol=1e-9, rtol=1e-13))


def units_for_proportions(
    control: float, treatment: float, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Units of each arm for two rates with the pooled z test. Source: Fleiss (1981), eq. 3.14."""
    if control == treatment or not (0 <= control <= 1 and 0 <= treatment <= 1):
        raise ValueError("two different rates between 0 and 1 are needed")
    pooled = (control + treatment) / 2
    z_alpha, z_power = float(stats.norm.isf(alpha / 2)), float(stats.norm.ppf(power))
    null = math.sqrt(2 * pooled * (1 - pooled))
    alternative = math.sqrt(control * (1 - control) + treatment * (1 - treatment))
    return float(((z_alpha * null + z_power * alternative) / (control - treatment)) ** 2)
