-- One row per reporting date on which a stretch of use begins, and resource.
with

infrastructure_usage as (
    select * from {{ ref('int_infrastructure_usage') }}
),

stretches as (
    select
        {{ llm_analytics.reporting_date('coalesce(started_at, occurred_at)') }} as date_day,
        resource,
        cost_usd,
        utilisation,
        case
            when started_at < occurred_at
                then {{ llm_analytics.microseconds_between('started_at', 'occurred_at') }}
            else 0
        end as microseconds
    from infrastructure_usage
),

final as (
    select
        date_day,
        resource,
        count(*) as n_records,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_without_cost,
        {{ llm_analytics.sum_usd('cost_usd') }} as cost_usd,
        cast(sum(microseconds) * 0.000001 as decimal(38, 12)) as used_seconds,
        cast(
            sum(case when utilisation is not null then microseconds end) * 0.000001
            as decimal(38, 12)
        ) as measured_seconds,
        cast(sum(utilisation * microseconds) * 0.000001 as decimal(38, 12)) as busy_seconds,
        {{ llm_analytics.ratio(
            'sum(utilisation * microseconds)',
            'sum(case when utilisation is not null then microseconds end)',
        ) }} as utilisation
    from stretches
    group by date_day, resource
)

select * from final
