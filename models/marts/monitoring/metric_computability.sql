-- One row per metric of the catalogue: can it be computed from what is loaded, or what is missing?
{% set metrics = [
    ['engagement', 'session_duration', ['queries.user']],
    ['engagement', 'messages_per_session', ['queries.user']],
    ['engagement', 'session_completion', ['queries.user', 'outcomes']],
    ['engagement', 'return_session_rate', ['queries.user']],
    ['engagement', 'conversation_depth', ['queries', 'responses.answer']],
    ['engagement', 'messages_per_conversation', ['queries']],
    ['engagement', 'refinement_rate', ['queries', 'responses.answer']],
    [
        'engagement',
        'refinement_by_similarity',
        ['queries', 'queries.text_signature', 'responses.answer'],
    ],
    ['engagement', 'abandonment', ['queries.user', 'responses.answer']],
    ['engagement', 'context_retention', ['queries.user']],
    ['engagement', 'follow_up_rate', ['queries', 'responses.answer']],
    ['engagement', 'session_restart_rate', ['queries.user']],
    ['engagement', 'active_users', ['queries.user']],
    ['performance', 'relevance', ['evaluations.relevance']],
    ['performance', 'accuracy', ['evaluations.accuracy']],
    ['performance', 'completeness', ['evaluations.completeness']],
    ['performance', 'hallucination_rate', ['evaluations.hallucination']],
    ['performance', 'latency', ['responses.answer', 'responses.latency']],
    ['performance', 'client_latency', ['responses.answer', 'responses.client_latency']],
    ['performance', 'time_to_first_token', ['responses.answer', 'responses.first_token']],
    ['performance', 'tokens_per_response', ['responses.answer', 'responses.output_tokens']],
    ['performance', 'error_rate', ['responses.answer', 'responses.status']],
    ['performance', 'user_error_rate', ['queries', 'responses.answer']],
    ['performance', 'truncation_rate', ['responses.answer', 'responses.finish_reason']],
    ['performance', 'availability', ['responses.answer', 'responses.status']],
    ['performance', 'availability_by_probe', ['probes']],
    ['satisfaction', 'thumbs_ratio', ['responses.answer', 'feedback.thumbs']],
    ['satisfaction', 'response_rate', ['responses.answer', 'feedback.thumbs']],
    ['satisfaction', 'stars', ['feedback.rating']],
    ['satisfaction', 'csat', ['feedback.csat']],
    ['satisfaction', 'nps', ['feedback.nps']],
    ['satisfaction', 'complaint_rate', ['responses.answer', 'feedback.thumbs']],
    ['satisfaction', 'copy_share_rate', ['responses.answer', 'feedback.copy_or_share']],
    ['satisfaction', 'feature_adoption', ['queries.user', 'product_events.feature']],
    ['business', 'goal_completion', ['product_events', 'goals']],
    ['business', 'time_to_value', ['queries.user', 'product_events', 'goals']],
    ['business', 'revenue_per_user', ['queries.user', 'product_events.amount']],
    ['business', 'cost_per_interaction', ['queries', 'responses.cost']],
    ['business', 'cost_by_day', ['responses.cost']],
    ['business', 'infrastructure_cost', ['infrastructure_usage']],
    ['business', 'activation', ['product_events.signed_up', 'queries.user']],
    ['business', 'retention', ['queries.user']],
    ['business', 'churn', ['queries.user']],
    ['business', 'lifecycle', ['queries.user']],
    ['business', 'cost_waste', ['responses.cost']],
    ['business', 'lifetime_value', ['queries.user', 'product_events.amount', 'responses.cost']],
    ['cohorts', 'usage_cohorts', ['queries.user']],
    ['cohorts', 'adoption_cohorts', ['queries.user', 'product_events.feature']],
    ['cohorts', 'trait_cohorts', ['queries.user', 'user_traits']],
    ['experiments', 'experiment_results', ['exposures', 'queries.user']],
    ['quality', 'rater_agreement', ['evaluations.human']],
    ['quality', 'judge_against_human', ['evaluations.human', 'evaluations.judge']],
    ['quality', 'identity_stitching', ['identities']],
    ['monitoring', 'latency_alert', ['responses.answer', 'responses.latency']],
    ['monitoring', 'error_rate_alert', ['responses.answer', 'responses.status']],
    ['monitoring', 'availability_alert', ['responses.answer', 'responses.status']],
    ['monitoring', 'satisfaction_alert', ['responses.answer', 'feedback.thumbs']],
    ['monitoring', 'abandonment_alert', ['queries.user', 'responses.answer']],
    ['monitoring', 'behaviour_alert', ['queries', 'responses.answer']],
] %}

with

field_counts as (
    select * from {{ ref('int_field_counts') }}
),

needs as (
    {% for metric in metrics -%}
    {% set outer = loop -%}
    {% for input in metric[2] -%}
    select
        '{{ metric[0] }}' as domain,
        '{{ metric[1] }}' as metric,
        '{{ input.partition('.')[0] }}' as stream,
        '{{ input }}' as input_name
    {{ 'union all' if not (outer.last and loop.last) }}
    {% endfor -%}
    {% endfor %}
),

-- What is missing of a stream that was never loaded is the stream.
supported as (
    select
        needs.domain,
        needs.metric,
        coalesce(inputs.n_rows, 0) as n_rows,
        case
            when inputs.n_rows > 0 then null
            when stream_counts.n_rows = 0 then stream_counts.input_label
            else coalesce(inputs.input_label, 'unknown input ' || needs.input_name)
        end as missing
    from needs
    left join field_counts as inputs
        on needs.input_name = inputs.input_name
    left join field_counts as stream_counts
        on needs.stream = stream_counts.input_name
),

missing_inputs as (
    select
        domain,
        metric,
        missing,
        min(n_rows) as n_rows
    from supported
    group by domain, metric, missing
),

final as (
    select
        domain,
        metric,
        min(n_rows) as n_rows_supporting,
        {{ llm_analytics.list_of_texts('missing') }}
            as missing,
        count(missing) = 0 as is_computable
    from missing_inputs
    group by domain, metric
)

select * from final
