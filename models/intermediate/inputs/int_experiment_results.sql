-- One row per reading of a metric of an experiment: of several contents sent under one id, the one
-- that stands.
{% set columns = ['event_id', 'occurred_at'] + llm_analytics.stream_columns('experiment_results')[
    llm_analytics.envelope_columns() | length:
] %}

with

results as (
    select * from {{ ref('int_experiment_results__unioned') }}
),

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

versions as (
    select
        {{ columns | join(',\n        ') }},
        row_number() over (
            partition by event_id
            order by
                coalesce(event_version, 0) desc,
                {{ llm_analytics.text_order(llm_analytics.surrogate_key(columns)) }} desc
        ) as content_rank
    from results
    where load_seq <= (select horizon.load_seq from horizon)
),

final as (
    select
        {{ columns | join(',\n        ') }}
    from versions
    where content_rank = 1
)

select * from final
