{#
    A model's name as far as every recorder writes it alike: no provider in front of it, no date or
    revision behind it.
#}
{% macro comparable_model(model) %}
    {{ return(adapter.dispatch('comparable_model', 'llm_analytics')(model)) }}
{% endmacro %}

{% macro default__comparable_model(model) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace(lower({{ model }}), '^(.*/)?([a-z]+[.])*', ''),
            '(-v[0-9]+)?(:[0-9]+)?$', ''
        ),
        '([-@](latest|[0-9]{4}-?[0-9]{2}-?[0-9]{2}))$', ''
    )
{%- endmacro %}

{# Input tokens of a call with those of the cache in them, whatever its convention. #}
{% macro inclusive_input_tokens(call) -%}
    case
        when {{ call }}.token_convention = 'exclusive'
            then
                {{ call }}.input_tokens
                + coalesce({{ call }}.cache_read_tokens, 0)
                + coalesce({{ call }}.cache_write_tokens, 0)
        else {{ call }}.input_tokens
    end
{%- endmacro %}

{# When a call began: as recorded, else its end less its latency. #}
{% macro call_started_at(call) -%}
    coalesce(
        {{ call }}.started_at,
        case
            when {{ call }}.latency_ms > 0
                then {{ llm_analytics.add_milliseconds(call ~ '.occurred_at', '-' ~ call ~ '.latency_ms') }}
            else {{ call }}.occurred_at
        end
    )
{%- endmacro %}

{#
    Of several records of one call the first in this order is kept: tokens known, user known,
    conversation known, the source that comes first in the setting, the id. A list of expressions.
#}
{% macro record_preference(call) %}
    {%- set places = [] -%}
    {%- for source in llm_analytics.setting('source_priority') -%}
        {%- do places.append("when '" ~ source ~ "' then " ~ loop.index) -%}
    {%- endfor -%}
    {{ return([
        'case when ' ~ call ~ '.input_tokens + ' ~ call ~ '.output_tokens is null then 1 else 0 end',
        'case when coalesce(' ~ call ~ '.user_id, ' ~ call ~ '.anonymous_id) is null then 1 else 0 end',
        'case when ' ~ call ~ '.conversation_id is null then 1 else 0 end',
        'case ' ~ call ~ '.source ' ~ places | join(' ') ~ ' else 1000 end',
        llm_analytics.text_order(call ~ '.event_id'),
    ]) }}
{% endmacro %}
