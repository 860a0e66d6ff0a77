-- One row per reporting date of the call, provider, model, measure and milliseconds to three
-- digits. Histograms of any days and models add up; quantiles of days do not.
{% set measures = ['latency', 'client_latency', 'time_to_first_token'] %}

with

calls as (
    select * from {{ ref('int_calls') }}
),

answers as (
    select
        response_date as date_day,
        provider,
        model,
        is_successful_answer,
        latency_ms,
        client_latency_ms,
        time_to_first_token_ms
    from calls
    where call_role = 'answer'
),

measured as (
    {% for measure in measures -%}
    select
        date_day,
        provider,
        model,
        '{{ measure }}' as measure,
        {{ measure }}_ms as value_ms
    from answers
    where is_successful_answer
    union all
    {% endfor -%}
    select
        date_day,
        provider,
        model,
        'attempt_latency' as measure,
        latency_ms as value_ms
    from answers
),

final as (
    select
        date_day,
        provider,
        model,
        measure,
        {{ llm_analytics.three_digits('value_ms') }} as value_ms,
        count(*) as n_calls
    from measured
    where value_ms is not null
    group by date_day, provider, model, measure, {{ llm_analytics.three_digits('value_ms') }}
)

select * from final
