"""Sums of an arm, exact, and the estimates that follow from them.

Sums of squares lose every digit to cancellation when they are centred in floating point: at a mean
of 1e9 and a deviation of 1 nothing is left. So sums stay integers or fractions until the last
division.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations_with_replacement

#: The four quantities of a unit: numerator and denominator, during and before the experiment.
NAMES = ("num", "den", "num_pre", "den_pre")
#: Their ten products, in the order in which `Sums.products` holds them.
PAIRS = tuple(combinations_with_replacement(range(4), 2))

Number = int | float | Decimal | Fraction


@dataclass(frozen=True)
class Estimate:
    """A value, the variance of that value (not of a unit), and its degrees of freedom."""

    value: float
    variance: float
    degrees: float
    n: int


@dataclass(frozen=True)
class Sums:
    """Sums over the units of an arm: each quantity and each product of two; exact.

    `n` units; `firsts` the sums of NAMES; `products` the sums of PAIRS.
    """

    n: int
    firsts: tuple[Fraction, ...]
    products: tuple[Fraction, ...]

    @classmethod
    def make(cls, n: int, firsts: Sequence[Number], products: Sequence[Number]) -> Sums:
        """Sums as a query returns them; floats are taken as they are, not rounded.

        Raises ValueError for a negative n or another number of sums.
        """
        if n < 0 or len(firsts) != len(NAMES) or len(products) != len(PAIRS):
            raise ValueError("an arm has n >= 0 units, 4 sums and 10 sums of products")
        return cls(n, tuple(Fraction(x) for x in firsts), tuple(Fraction(x) for x in products))

    @classmethod
    def of_mean(cls, n: int, total: Number, squares: Number) -> Sums:
        """Of a mean per unit, from its count, sum and sum of squares; nothing known before."""
        return cls.make(n, (total, n, 0, 0), (squares, total, 0, 0, n, 0, 0, 0, 0, 0))

    @classmethod
    def of_units(cls, units: Iterable[Sequence[Number]]) -> Sums:
        """Of the units themselves, (num, den, num_pre, den_pre) each."""
        n, firsts, products = 0, [Fraction(0)] * 4, [Fraction(0)] * len(PAIRS)
        for unit in units:
            values = [Fraction(value) for value in unit]
            n += 1
            firsts = [total + value for total, value in zip(firsts, values, strict=True)]
            products = [
                total + values[a] * values[b] for total, (a, b) in zip(products, PAIRS, strict=True)
            ]
        return cls(n, tuple(firsts), tuple(products))

    def __add__(self, other: Sums) -> Sums:
        """Of the units of both."""
        return Sums(
            self.n + other.n,
            tuple(a + b for a, b in zip(self.firsts, other.firsts, strict=True)),
            tuple(a + b for a, b in zip(self.products, other.products, strict=True)),
        )

    def covariance(self, a: int, b: int) -> Fraction:
        """Sample covariance of two quantities (positions in NAMES); needs two units."""
        product = self.products[PAIRS.index((min(a, b), max(a, b)))]
        return (self.n * product - self.firsts[a] * self.firsts[b]) / (self.n * (self.n - 1))

    @property
    def has_before(self) -> bool:
        """Is anything known from before the experiment that varies between units?"""
        return self.n > 1 and self.firsts[3] > 0 and self.spread(2, 3, 2, 3) > 0

    @property
    def is_binary(self) -> bool:
        """Is every unit 0 or 1 of 1? Of integers, x² = x for these alone."""
        whole = self.firsts[0].denominator == 1
        return (
            whole
            and self.products[0] == self.firsts[0]
            and self.firsts[1] == self.n
            and self.products[PAIRS.index((1, 1))] == self.n
        )

    def ratio(self, numerator: int = 0, denominator: int = 1) -> Fraction | None:
        """Sum over sum: of totals, so never an average of ratios. None where there is nothing."""
        return (
            self.firsts[numerator] / self.firsts[denominator] if self.firsts[denominator] else None
        )

    def spread(self, a: int, b: int, c: int, d: int) -> Fraction:
        """Covariance between units of the linearised ratios a/b and c/d (delta method).

        Source: Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, eq. 4.
        For b = d = 1 it is the sample covariance of a and c.
        """
        first, second = self.ratio(a, b), self.ratio(c, d)
        if first is None or second is None:
            return Fraction(0)
        numerator = (
            self.covariance(a, c)
            - second * self.covariance(a, d)
            - first * self.covariance(b, c)
            + first * second * self.covariance(b, d)
        )
        return numerator * self.n * self.n / (self.firsts[b] * self.firsts[d])


def estimate(sums: Sums, scale: Number = 1) -> Estimate | None:
    """Mean per unit, or ratio of means, with its variance; None below two units or without any den.

    `scale` is what one unit of the value is in the numerator's integers: 1000000 if the sums are in
    micro-dollars and the estimate in dollars. Degrees of freedom are n - 1. Source of the variance:
    the delta method (see `Sums`); for a mean it is s²/n.
    """
    value = sums.ratio()
    if sums.n < 2 or value is None:
        return None
    exact = Fraction(scale)
    variance = sums.spread(0, 1, 0, 1) / sums.n
    return Estimate(float(value / exact), float(variance / exact**2), sums.n - 1, sums.n)


@dataclass(frozen=True)
class Adjusted:
    """Two arms after CUPED, and by how much the variance of their difference fell (0 to 1)."""

    control: Estimate
    treatment: Estimate
    coefficient: float
    reduction: float


def adjusted(control: Sums, treatment: Sums, scale: Number = 1) -> Adjusted | None:
    """Both arms corrected by what their units did before; None if that tells nothing.

    θ = cov(y, x) / var(x) over the units of both arms together, x̄ too, so that the correction does
    not depend on which arm is which. Source: Deng, Xu, Kohavi, Walker (2013), CUPED, eq. 4 and 5;
    for ratios the linearised ratio takes the place of the mean.
    """
    plain = estimate(control, scale), estimate(treatment, scale)
    both = control + treatment
    covariate = both.ratio(2, 3)
    arms = (control, treatment)
    ratios_before = [arm.ratio(2, 3) for arm in arms]
    if plain[0] is None or plain[1] is None or not both.has_before or covariate is None:
        return None
    if None in ratios_before:
        return None
    theta = both.spread(0, 1, 2, 3) / both.spread(2, 3, 2, 3)
    exact = Fraction(scale)
    results = []
    for arm, before in zip(arms, ratios_before, strict=True):
        value, shift = arm.ratio(), before
        if value is None or shift is None:
            return None
        variance = (
            arm.spread(0, 1, 0, 1)
            - 2 * theta * arm.spread(0, 1, 2, 3)
            + theta**2 * arm.spread(2, 3, 2, 3)
        ) / arm.n
        results.append(
            Estimate(
                float((value - theta * (shift - covariate)) / exact),
                float(variance / exact**2),
                arm.n - 1,
                arm.n,
            )
        )
    before_variance = plain[0].variance + plain[1].variance
    after = results[0].variance + results[1].variance
    return Adjusted(
        results[0],
        results[1],
        float(theta),
        1 - after / before_variance if before_variance > 0 else 0.0,
    )


def combined(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """The weighted mean of independent estimates; weights are made to sum to 1.

    Phases of an experiment whose allocation changed are combined so, each weighted by its units of
    all arms alike: pooled, Simpson's paradox compares the days instead of the arms. Source: Crook
    et al. (2009), Seven pitfalls, section 4; degrees of freedom by Satterthwaite (1946).
    """
    total = sum(weights)
    shares = [weight / total for weight in weights]
    variances = [share**2 * part.variance for share, part in zip(shares, parts, strict=True)]
    below = sum(v**2 / part.degrees for v, part in zip(variances, parts, strict=True))
    return Estimate(
        sum(share * part.value for share, part in zip(shares, parts, strict=True)),
        sum(variances),
        sum(variances) ** 2 / below if below else sum(part.degrees for part in parts),
        sum(part.n for part in parts),
    )
