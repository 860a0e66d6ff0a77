-- One row per reporting date of the call, provider, model and what became of the money: useful, or
-- why not. The rows add up to all calls.
with

calls as (
    select * from {{ ref('int_calls') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

outcomes as (
    select
        interaction_id,
        answer_id,
        thumbs,
        lead(refinement_rule) over (
            partition by source, conversation_id
            order by turn_number
        ) as next_refinement_rule
    from interactions
),

explained as (
    select
        calls.response_date as date_day,
        calls.provider,
        calls.model,
        calls.total_tokens,
        calls.cost_usd,
        {{ llm_analytics.waste_reason('calls', 'outcomes') }} as reason
    from calls
    left join outcomes
        on calls.interaction_id = outcomes.interaction_id
),

final as (
    select
        date_day,
        provider,
        model,
        reason,
        count(*) as n_calls,
        count(cost_usd) as n_priced_calls,
        {{ llm_analytics.sum_integer('total_tokens') }} as total_tokens,
        {{ llm_analytics.sum_usd('cost_usd') }} as cost_usd
    from explained
    group by date_day, provider, model, reason
)

select * from final
