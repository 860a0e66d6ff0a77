-- How good are projections of lifetime value? Week by week of a user's life, what cohorts that have
-- lived it are worth per user, what was projected from half that age, and what would have been
-- said by assuming that nothing more comes.
with

backtests as (
    select
        projected.day_number,
        projected.n_cohort,
        projected.lifetime_value_usd,
        projected.projected_lifetime_value_usd,
        known.lifetime_value_usd as known_value_usd
    from {{ ref('lifetime_value_by_cohort') }} as projected
    inner join {{ ref('lifetime_value_by_cohort') }} as known
        on
            projected.cohort_date = known.cohort_date
            and projected.projected_from_day = known.day_number
    where
        projected.is_mature
        and mod(projected.day_number, 7) = 0
)

select
    day_number,
    count(*) as n_cohorts,
    sum(n_cohort) as n_users,
    sum(n_cohort * lifetime_value_usd) / sum(n_cohort) as lifetime_value_usd,
    sum(n_cohort * projected_lifetime_value_usd) / sum(n_cohort) as projected_value_usd,
    sum(n_cohort * known_value_usd) / sum(n_cohort) as value_if_nothing_more_comes_usd,
    sum(n_cohort * abs(projected_lifetime_value_usd - lifetime_value_usd)) / sum(n_cohort)
        as mean_error_usd
from backtests
group by day_number
order by day_number
