{#
    What experiments are judged by. One entry makes a metric testable: everything that follows
    (unit, arm, quantile and result marts, the commands) reads this list.

    source: where its rows come from (experiment_sources). numerator and denominator: SQL integers
    of one row, of the source's columns and of those that every row has (day_number: reporting
    dates since exposure; goal: what the experiment declares). Without a denominator it counts per
    unit; is_any asks whether the sum is above 0. A percent makes it a quantile of the numerator
    over rows. scale: how many of the numerator's integers make one of the unit shown.
    window_days: of this metric, not of the experiment. is_eligible: a condition on an exposure.
#}
{% macro experiment_metrics() %}
    {{ return(adapter.dispatch('experiment_metrics', 'llm_analytics')()) }}
{% endmacro %}

{% macro default__experiment_metrics() %}
    {% set thumbs = ['queries', 'responses', 'feedback'] %}
    {{ return({
        'goal_conversion': {
            'source': 'product_events', 'is_any': true, 'is_higher_better': true,
            'numerator': 'case when (goal is null and is_goal) or goal in (event_goal, name)'
                ~ ' then 1 else 0 end',
            'is_eligible': 'goal is not null or has_goals', 'unit': 'share of units',
        },
        'session_completion': {
            'source': 'sessions', 'is_higher_better': true, 'unit': 'share of sessions',
            'numerator': 'case when is_completed then 1 else 0 end',
            'denominator': 'case when is_completed is not null then 1 else 0 end',
            'streams': ['queries', 'product_events'],
        },
        'thumbs_ratio': {
            'source': 'interactions', 'is_higher_better': true, 'unit': 'share of votes',
            'numerator': "case when thumbs = 'up' then 1 else 0 end",
            'denominator': 'case when thumbs is not null then 1 else 0 end', 'streams': thumbs,
        },
        'response_rate': {
            'source': 'interactions', 'is_higher_better': true, 'unit': 'share of answers',
            'numerator': 'case when is_answered and thumbs is not null then 1 else 0 end',
            'denominator': 'case when is_answered then 1 else 0 end', 'streams': thumbs,
        },
        'cost_per_interaction': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'US dollars',
            'scale': 1000000000,
            'numerator': 'case when n_unpriced_calls = 0'
                ~ ' then ' ~ llm_analytics.nano_usd('cost_usd') ~ ' else 0 end',
            'denominator': 'case when n_unpriced_calls = 0 then 1 else 0 end',
        },
        'tokens_per_response': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'tokens',
            'numerator': 'answer_output_tokens',
            'denominator': 'case when answer_output_tokens is not null then 1 else 0 end',
        },
        'length_per_response': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'characters',
            'numerator': 'response_length',
            'denominator': 'case when response_length is not null then 1 else 0 end',
        },
        'latency_mean': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'milliseconds',
            'numerator': 'latency_ms',
            'denominator': 'case when latency_ms is not null then 1 else 0 end',
        },
        'latency_p50': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'milliseconds',
            'numerator': 'latency_ms', 'percent': 50,
        },
        'latency_p95': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'milliseconds',
            'numerator': 'latency_ms', 'percent': 95,
        },
        'error_rate': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'share of attempts',
            'numerator': 'n_failed_attempts', 'denominator': 'n_attempts',
        },
        'retention_d1': {
            'source': 'interactions', 'is_any': true, 'is_higher_better': true,
            'numerator': 'case when day_number = 1 then 1 else 0 end', 'window_days': 2,
            'streams': ['queries'], 'unit': 'share of units',
        },
        'retention_d7': {
            'source': 'interactions', 'is_any': true, 'is_higher_better': true,
            'numerator': 'case when day_number = 7 then 1 else 0 end', 'window_days': 8,
            'streams': ['queries'], 'unit': 'share of units',
        },
        'messages_per_unit': {
            'source': 'interactions', 'is_higher_better': true, 'unit': 'messages',
            'numerator': "case when kind = 'new' then 1 else 0 end", 'streams': ['queries'],
        },
        'messages_per_session': {
            'source': 'sessions', 'is_higher_better': true, 'unit': 'messages',
            'numerator': 'n_messages', 'denominator': '1', 'streams': ['queries'],
        },
        'refinement_rate': {
            'source': 'interactions', 'is_higher_better': false, 'unit': 'share of answers',
            'numerator': 'case when is_answered and is_refinement then 1 else 0 end',
            'denominator': 'case when is_answered then 1 else 0 end',
        },
        'judge_accuracy': {
            'source': 'judgements', 'is_higher_better': true, 'unit': 'share of judged answers',
            'numerator': "case when label = 'correct' then 1 else 0 end",
            'denominator': "case when label in ('correct', 'incorrect') then 1 else 0 end",
        },
        'judge_relevance': {
            'source': 'judgements', 'is_higher_better': true, 'unit': 'score', 'scale': 1000000,
            'numerator': "case when criterion = 'relevance'"
                ~ ' then cast(score * 1000000 as bigint) else 0 end',
            'denominator': "case when criterion = 'relevance' and score is not null"
                ~ ' then 1 else 0 end',
        },
        'judge_hallucination': {
            'source': 'judgements', 'is_higher_better': false, 'unit': 'share of judged answers',
            'numerator': "case when label = 'unsupported' then 1 else 0 end",
            'denominator': "case when label in ('supported', 'unsupported') then 1 else 0 end",
        },
    }) }}
{% endmacro %}

{#
    Where the rows of experiments' metrics come from: relation, when a row happened, the column
    that names its unit for each kind of unit (a kind without one has no such metric), the columns
    that metrics read, and the streams that must have got past a window to make it mature.
#}
{% macro experiment_sources() %}
    {{ return(adapter.dispatch('experiment_sources', 'llm_analytics')()) }}
{% endmacro %}

{% macro default__experiment_sources() %}
    {% set keys = {
        'user': 'user_id', 'account': 'account_id', 'conversation': 'conversation_id',
        'device': 'device_id',
    } %}
    {{ return({
        'interactions': {
            'relation': ref('experiment_interactions'), 'at': 'asked_at', 'keys': keys,
            'columns': [
                'kind', 'thumbs', 'is_answered', 'is_refinement', 'n_unpriced_calls', 'cost_usd',
                'answer_output_tokens', 'response_length', 'latency_ms', 'n_attempts',
                'n_failed_attempts',
            ],
            'streams': ['queries', 'responses'],
        },
        'sessions': {
            'relation': ref('fct_sessions'), 'at': 'started_at', 'keys': {'user': 'user_id'},
            'columns': ['n_messages', 'is_completed'], 'streams': ['queries'],
        },
        'product_events': {
            'relation': ref('int_user_events'), 'at': 'occurred_at', 'keys': keys,
            'columns': ['name', 'event_goal', 'is_goal'], 'streams': ['product_events'],
        },
        'judgements': {
            'relation': ref('int_answer_judgements'), 'at': 'answered_at', 'keys': {
                'user': 'user_id', 'account': 'account_id', 'conversation': 'conversation_id',
            },
            'columns': ['criterion', 'label', 'score'], 'streams': ['responses', 'evaluations'],
        },
    }) }}
{% endmacro %}

{#
    CTEs that end in `<source>_rows`: each row of a source beside each exposed unit that it belongs
    to, from the time before exposure (is_before) and within the experiment's window (is_in_window).
#}
{% macro experiment_rows(source_name, source) %}
{{ source_name }} as (
    select * from {{ source.relation }}
),

{{ source_name }}_rows as (
    {%- for kind, key in source['keys'].items() %}
    select
        exposures.experiment_id,
        exposures.unit_id,
        exposures.goal,
        {{ llm_analytics.microseconds_between('exposures.first_exposed_at', 'facts.' ~ source.at) }}
            as elapsed_microseconds,
        {{ llm_analytics.days_between(
            llm_analytics.reporting_date('exposures.first_exposed_at'),
            llm_analytics.reporting_date('facts.' ~ source.at)
        ) }} as day_number,
        {%- for column in source.columns %}
        facts.{{ column }},
        {%- endfor %}
        facts.{{ source.at }} < exposures.first_exposed_at as is_before,
        facts.{{ source.at }} >= exposures.first_exposed_at
        and facts.{{ source.at }} < exposures.window_ends_at as is_in_window
    from exposures
    inner join {{ source_name }} as facts
        on
            exposures.unit_id = facts.{{ key }}
            and exposures.reads_from <= facts.{{ source.at }}
            and exposures.reads_to > facts.{{ source.at }}
    where exposures.unit = '{{ kind }}'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}

{# The longest window of any metric, in days: how far rows must be read. #}
{% macro longest_metric_window() %}
    {%- set longest = namespace(days=0) -%}
    {%- for metric in llm_analytics.experiment_metrics().values() -%}
        {%- set longest.days = [longest.days, metric.window_days or 0] | max -%}
    {%- endfor -%}
    {{ return(longest.days) }}
{% endmacro %}

{# A property of a metric of experiments by its name, as SQL: a case over all that declare it. #}
{% macro metric_property(metric, property, type, default=none) -%}
    cast(
        case {{ metric }}
            {%- for name, declared in llm_analytics.experiment_metrics().items()
                if declared[property] is defined %}
            when '{{ name }}' then {% if declared[property] is string -%}
                '{{ declared[property] }}'
            {%- else -%}
                {{ declared[property] }}
            {%- endif %}
            {%- endfor %}
            {%- if default is not none %}
            else {{ default }}
            {%- endif %}
        end as {{ type }}
    )
{%- endmacro %}

{# Names and SQL expressions of the sums of quantities and of the products of each two of them. #}
{% macro sums_and_products(quantities) %}
    {%- set sums = [] -%}
    {%- for a in quantities -%}
        {%- do sums.append(['sum_' ~ a, 'exact_' ~ a]) -%}
    {%- endfor -%}
    {%- for a in quantities -%}
        {%- for b in quantities[loop.index0:] -%}
            {%- do sums.append(['sum_' ~ a ~ '_' ~ b, 'exact_' ~ a ~ ' * exact_' ~ b]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(sums) }}
{% endmacro %}
