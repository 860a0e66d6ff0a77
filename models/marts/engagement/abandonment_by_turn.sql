-- One row per turn k of sessions: how many closed sessions reach it, and how many end there without
-- a goal. Oversized sessions are left out.
{% set end_states = ['unanswered', 'error', 'negative_feedback', 'slow', 'normal'] %}

with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

-- How a session ended is known only when its answers are loaded too.
closed_sessions as (
    select
        n_queries as last_turn_number,
        end_state,
        coalesce(is_completed, false) as is_completed
    from sessions
    where
        {{ llm_analytics.is_closed('last_activity_at', ['queries', 'responses']) }}
        and not is_oversized
        and n_queries > 0
),

ended as (
    select
        last_turn_number as turn_number,
        {% for state in end_states -%}
        count(case when not is_completed and end_state = '{{ state }}' then 1 end)
            as n_abandoned_{{ state }},
        {% endfor -%}
        {{ llm_analytics.count_if('not is_completed') }} as n_abandoned,
        count(*) as n_ended
    from closed_sessions
    group by last_turn_number
),

turns as (
    {{ dbt.generate_series(llm_analytics.setting('max_turns')) }}
),

totals as (
    select
        count(*) as n_closed_sessions,
        max(last_turn_number) as last_turn_number
    from closed_sessions
),

reached as (
    select
        cast(turns.generated_number as {{ dbt.type_bigint() }}) as turn_number,
        {% for state in end_states -%}
        coalesce(ended.n_abandoned_{{ state }}, 0) as n_abandoned_{{ state }},
        {% endfor -%}
        coalesce(ended.n_abandoned, 0) as n_abandoned,
        totals.n_closed_sessions - cast(coalesce(sum(ended.n_ended) over (
            order by turns.generated_number
            rows between unbounded preceding and 1 preceding
        ), 0) as {{ dbt.type_bigint() }}) as n_reached
    from turns
    inner join totals
        on turns.generated_number <= totals.last_turn_number
    left join ended
        on turns.generated_number = ended.turn_number
),

final as (
    select
        turn_number,
        n_reached,
        n_abandoned,
        {% for state in end_states -%}
        n_abandoned_{{ state }},
        {% endfor -%}
        {{ llm_analytics.ratio('n_abandoned', 'n_reached') }} as abandonment_rate
    from reached
)

select * from final
