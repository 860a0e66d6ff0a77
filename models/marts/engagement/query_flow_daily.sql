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

{% set n_followed = llm_analytics.count_if('is_followable and is_followed') %}
{% set n_followed_up = llm_analytics.count_if(
    'is_followable and is_followed and not is_next_refinement'
) %}
{% set n_followable = llm_analytics.count_if('is_followable') %}
{% set n_next = llm_analytics.count_if('is_next_query') %}
{% set n_same = llm_analytics.count_if('is_next_query and is_same_conversation') %}
final as (
    select
        date_day,
        count(*) as n_queries,
        {{ llm_analytics.count_if('is_answered') }} as n_answered,

        -- refinements
        count(refinement_rule) as n_refinements,
        {% for rule in rules -%}
        {{ llm_analytics.count_if("refinement_rule = '" ~ rule ~ "'") }}
            as n_refinements_by_{{ rule }},
        {% endfor -%}
        {{ llm_analytics.count_if('is_signature_known') }} as n_with_signature,
        {{ llm_analytics.ratio('count(refinement_rule)', llm_analytics.count_if('is_answered')) }}
            as refinement_rate,

        -- follow-ups
        {{ n_followable }} as n_followable,
        {{ n_followed }} as n_followed,
        {{ n_followed_up }} as n_followed_up,
        {{ llm_analytics.ratio(n_followed, n_followable) }} as follow_up_rate,

        -- context
        {{ n_next }} as n_next_queries,
        {{ n_same }} as n_in_context,
        {{ llm_analytics.ratio(n_same, n_next) }} as context_retention
    from flagged
    group by date_day
)

select * from final
