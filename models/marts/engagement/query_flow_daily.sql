-- One row per reporting date of the query: what came before it, and what followed its answer.
{% set rules = ['kind', 'label', 'similarity'] %}

with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

conversations as (
    select * from {{ ref('fct_conversations') }}
),

sequenced as (
    {{ llm_analytics.sequenced_queries('interactions') }}
),

flagged as (
    {{ llm_analytics.query_flow('sequenced', 'conversations') }}
),

totals as (
    select
        {% for column, sum in llm_analytics.query_flow_sums().items() -%}
        {{ sum }} as {{ column }},
        {% endfor -%}
        {% for rule in rules -%}
        {{ llm_analytics.count_if("refinement_rule = '" ~ rule ~ "'") }}
            as n_refinements_by_{{ rule }},
        {% endfor -%}
        {{ llm_analytics.count_if('is_signature_known') }} as n_with_signature,
        {{ llm_analytics.count_if('is_followable and is_followed and not is_next_refinement') }}
            as n_followed_up,
        count(*) as n_queries,
        date_day
    from flagged
    group by date_day
),

final as (
    select
        date_day,
        n_queries,
        n_answered,

        -- refinements
        n_refinements,
        {% for rule in rules -%}
        n_refinements_by_{{ rule }},
        {% endfor -%}
        n_with_signature,
        {{ llm_analytics.ratio('n_refinements', 'n_answered') }} as refinement_rate,

        -- follow-ups
        n_followable,
        n_followed,
        n_followed_up,
        {{ llm_analytics.ratio('n_followed', 'n_followable') }} as follow_up_rate,

        -- context
        n_next_queries,
        n_in_context,
        {{ llm_analytics.ratio('n_in_context', 'n_next_queries') }} as context_retention
    from totals
)

select * from final
