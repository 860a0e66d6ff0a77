-- One row per input that a metric may need: how many accepted rows carry it. One pass per stream.
{% set inputs = {
    'queries': {
        'relation': 'int_queries',
        'fields': {
            'user': ['coalesce(user_id, anonymous_id) is not null', 'user_id'],
            'text_signature': ['text_signature_1 is not null', 'query_text'],
            'feature': ['feature is not null', 'feature'],
        },
    },
    'responses': {
        'relation': 'int_responses',
        'fields': {
            'answer': ["call_role = 'answer'", 'call_role with value answer'],
            'latency': ['latency_ms >= 0', 'latency_ms'],
            'client_latency': ['client_latency_ms >= 0', 'client_latency_ms'],
            'first_token': ['time_to_first_token_ms >= 0', 'time_to_first_token_ms'],
            'status': ['coalesce(status, error_type) is not null', 'status or error_type'],
            'finish_reason': ['finish_reason is not null', 'finish_reason'],
            'input_tokens': ['input_tokens is not null', 'input_tokens'],
            'output_tokens': ['output_tokens is not null', 'output_tokens'],
            'cost': [
                '(' ~ llm_analytics.sent_model('events') ~ ' is not null'
                ~ ' and (input_tokens + output_tokens is not null or tokens_used is not null))'
                ~ ' or logged_cost_usd is not null',
                'response_model with input_tokens and output_tokens or tokens_used, or logged_cost_usd,',
            ],
        },
    },
    'feedback': {
        'relation': 'int_feedback',
        'fields': {
            'thumbs': ["feedback_type in ('thumbs_up', 'thumbs_down')", 'feedback_type with value thumbs_up or thumbs_down'],
            'rating': ["feedback_type = 'rating' and feedback_score is not null", 'feedback_score for feedback_type rating'],
            'csat': ["feedback_type = 'csat' and feedback_score is not null", 'feedback_score for feedback_type csat'],
            'nps': ["feedback_type = 'nps' and feedback_score is not null", 'feedback_score for feedback_type nps'],
            'copy_or_share': ["feedback_type in ('copy', 'share')", 'feedback_type with value copy or share'],
        },
    },
    'product_events': {
        'relation': 'int_product_events',
        'fields': {
            'user': ['coalesce(user_id, anonymous_id) is not null', 'user_id'],
            'goal': ['goal is not null', 'goal'],
            'feature': ['feature is not null', 'feature'],
            'amount': ['amount is not null', 'amount'],
            'signed_up': ["name = 'signed_up'", 'name with value signed_up'],
        },
    },
    'exposures': {'relation': 'int_exposures', 'fields': {}},
    'evaluations': {
        'relation': 'int_evaluations',
        'fields': {
            'relevance': ["criterion = 'relevance'", 'criterion with value relevance'],
            'accuracy': ["criterion = 'accuracy'", 'criterion with value accuracy'],
            'completeness': ["criterion = 'completeness'", 'criterion with value completeness'],
            'hallucination': ["criterion = 'hallucination'", 'criterion with value hallucination'],
            'human': ["evaluator_kind = 'human'", 'evaluator_kind with value human'],
            'judge': ["evaluator_kind = 'judge'", 'evaluator_kind with value judge'],
            'outcome': [
                "label in ('goal_reached', 'goal_missed') and evaluator_kind in ('human', 'judge')",
                'label with value goal_reached or goal_missed',
            ],
        },
    },
    'identities': {'relation': 'stg_events__identities', 'fields': {}},
    'user_traits': {'relation': 'stg_events__user_traits', 'fields': {}},
    'infrastructure_usage': {'relation': 'stg_events__infrastructure_usage', 'fields': {}},
    'probes': {'relation': 'stg_events__probes', 'fields': {}},
} %}

with

{% for stream, input in inputs.items() -%}
{{ stream }} as (
    select
        {% for name, field in input.fields.items() -%}
        {{ llm_analytics.count_if(field[0]) }} as n_{{ name }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref(input.relation) }} as events
    {%- if input.relation.startswith('stg_') %}
    where load_seq <= (select load_seq from {{ ref('int_load_horizon') }})
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
        '{{ stream }}' as input,
        'stream {{ stream }}' as label,
        n_rows
    from {{ stream }}
    union all
    {% for name, field in input.fields.items() -%}
    select
        '{{ stream }}.{{ name }}' as input,
        'field {{ field[1] }} of {{ stream }}' as label,
        n_{{ name }} as n_rows
    from {{ stream }}
    union all
    {% endfor -%}
    {% endfor -%}
    select
        'goals' as input,
        'rows of the seed goals' as label,
        n_rows
    from seeded_goals
    union all
    -- What tells whether a session was completed: declared goals with events, or labels.
    select
        'outcomes' as input,
        'rows of the seed goals with product_events, or labels goal_reached and goal_missed of evaluations' as label,
        case when seeded_goals.n_rows > 0 then product_events.n_rows else 0 end + evaluations.n_outcome as n_rows
    from seeded_goals
    cross join product_events
    cross join evaluations
)

select * from final
