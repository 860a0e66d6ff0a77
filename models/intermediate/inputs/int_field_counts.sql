-- One row per input that a metric may need: how many accepted rows carry it. One pass per stream.
{% set inputs = {
    'queries': {
        'relation': 'int_queries',
        'fields': {
            'user': ['coalesce(events.user_id, events.anonymous_id) is not null', 'user_id'],
            'text_signature': ['events.text_signature_1 is not null', 'query_text'],
            'feature': ['events.feature is not null', 'feature'],
        },
    },
    'responses': {
        'relation': 'int_responses',
        'fields': {
            'answer': ["events.call_role = 'answer'", 'call_role with value answer'],
            'latency': ['events.latency_ms >= 0', 'latency_ms'],
            'client_latency': ['events.client_latency_ms >= 0', 'client_latency_ms'],
            'first_token': ['events.time_to_first_token_ms >= 0', 'time_to_first_token_ms'],
            'status': [
                'coalesce(events.status, events.error_type) is not null',
                'status or error_type',
            ],
            'finish_reason': ['events.finish_reason is not null', 'finish_reason'],
            'input_tokens': ['events.input_tokens is not null', 'input_tokens'],
            'output_tokens': ['events.output_tokens is not null', 'output_tokens'],
            'cost': [
                '(' ~ llm_analytics.sent_model('events') ~ ' is not null'
                ~ ' and (events.input_tokens + events.output_tokens is not null'
                ~ ' or events.tokens_used is not null))'
                ~ ' or events.logged_cost_usd is not null',
                'response_model with input_tokens and output_tokens or tokens_used,'
                ~ ' or logged_cost_usd,',
            ],
        },
    },
    'feedback': {
        'relation': 'int_feedback',
        'fields': {
            'thumbs': [
                "events.feedback_type in ('thumbs_up', 'thumbs_down')",
                'feedback_type with value thumbs_up or thumbs_down',
            ],
            'rating': [
                "events.feedback_type = 'rating' and events.feedback_score is not null",
                'feedback_score for feedback_type rating',
            ],
            'csat': [
                "events.feedback_type = 'csat' and events.feedback_score is not null",
                'feedback_score for feedback_type csat',
            ],
            'nps': [
                "events.feedback_type = 'nps' and events.feedback_score is not null",
                'feedback_score for feedback_type nps',
            ],
            'copy_or_share': [
                "events.feedback_type in ('copy', 'share')",
                'feedback_type with value copy or share',
            ],
        },
    },
    'product_events': {
        'relation': 'int_product_events',
        'fields': {
            'user': ['coalesce(events.user_id, events.anonymous_id) is not null', 'user_id'],
            'goal': ['events.goal is not null', 'goal'],
            'feature': ['events.feature is not null', 'feature'],
            'amount': ['events.amount is not null', 'amount'],
            'signed_up': ["events.name = 'signed_up'", 'name with value signed_up'],
        },
    },
    'exposures': {'relation': 'int_exposures', 'fields': {}},
    'evaluations': {
        'relation': 'int_evaluations',
        'fields': {
            'relevance': ["events.criterion = 'relevance'", 'criterion with value relevance'],
            'accuracy': ["events.criterion = 'accuracy'", 'criterion with value accuracy'],
            'completeness': [
                "events.criterion = 'completeness'",
                'criterion with value completeness',
            ],
            'hallucination': [
                "events.criterion = 'hallucination'",
                'criterion with value hallucination',
            ],
            'human': ["events.evaluator_kind = 'human'", 'evaluator_kind with value human'],
            'judge': ["events.evaluator_kind = 'judge'", 'evaluator_kind with value judge'],
            'outcome': [
                "events.label in ('goal_reached', 'goal_missed')"
                ~ " and events.evaluator_kind in ('human', 'judge')",
                'label with value goal_reached or goal_missed',
            ],
        },
    },
    'identities': {'relation': 'int_identities__unioned', 'fields': {}},
    'user_traits': {'relation': 'int_user_traits__unioned', 'fields': {}},
    'infrastructure_usage': {'relation': 'int_infrastructure_usage__unioned', 'fields': {}},
    'probes': {'relation': 'int_probes__unioned', 'fields': {}},
} %}

with

{% for stream, input in inputs.items() -%}
{{ stream }} as (
    select
        {% for name, field in input.fields.items() -%}
        {{ llm_analytics.count_if(field[0]) }} as n_{{ name }},
        {% endfor -%}
        count(events.event_id) as n_rows
    from {{ ref(input.relation) }} as events
    {%- if input.relation in ['int_queries', 'int_responses'] %}
    where events.is_withdrawn is not true
    {%- elif input.relation.endswith('__unioned') %}
    where events.load_seq <= (select horizon.load_seq from {{ ref('int_load_horizon') }} as horizon)
    {%- if stream == 'user_traits' and llm_analytics.withheld_ids(stream) is not none %}
        and events.event_id not in {{ llm_analytics.withheld_ids(stream) }}
    {%- endif %}
    {%- endif %}
),

{% endfor -%}
seeded_goals as (
    select count(*) as n_rows
    from {{ llm_analytics.seed('goals') }}
),

final as (
    {% for stream, input in inputs.items() -%}
    select
        '{{ stream }}' as input_name,
        'stream {{ stream }}' as input_label,
        n_rows
    from {{ stream }}
    union all
    {% for name, field in input.fields.items() -%}
    select
        '{{ stream }}.{{ name }}' as input_name,
        'field {{ field[1] }} of {{ stream }}' as input_label,
        n_{{ name }} as n_rows
    from {{ stream }}
    union all
    {% endfor -%}
    {% endfor -%}
    select
        'goals' as input_name,
        'rows of the seed goals' as input_label,
        n_rows
    from seeded_goals
    union all
    -- What tells whether a session was completed: declared goals with events, or labels.
    select
        'outcomes' as input_name,
        'rows of the seed goals with product_events, or labels goal_reached and goal_missed'
        || ' of evaluations' as input_label,
        evaluations.n_outcome
        + case when seeded_goals.n_rows > 0 then product_events.n_rows else 0 end as n_rows
    from seeded_goals
    cross join product_events
    cross join evaluations
)

select * from final
