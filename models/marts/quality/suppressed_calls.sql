-- One row per recorded call that counts nowhere, because it is a second record of another one.
with

response_matches as (
    select * from {{ ref('int_response_matches') }}
),

duplicate_calls as (
    select * from {{ ref('int_duplicate_calls') }}
),

final as (
    select
        suppressed.event_id as response_event_id,
        suppressed.source,
        kept.event_id as kept_response_event_id,
        kept.source as kept_source,
        kept.interaction_id,
        duplicate_calls.duplicate_rule,
        suppressed.provider,
        suppressed.model,
        suppressed.input_tokens,
        suppressed.cache_read_tokens,
        suppressed.cache_write_tokens,
        suppressed.output_tokens,
        suppressed.reasoning_tokens,
        suppressed.cost_usd,
        suppressed.occurred_at,
        {{ llm_analytics.reporting_date('suppressed.occurred_at') }} as response_date
    from response_matches as suppressed
    inner join duplicate_calls
        on suppressed.event_id = duplicate_calls.event_id
    inner join response_matches as kept
        on
            suppressed.duplicate_of = kept.event_id
            and kept.is_current
    where suppressed.duplicate_of is not null
)

select * from final
