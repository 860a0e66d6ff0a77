{# Is a call an answer that reached its user? #}
{% macro is_successful_answer(call_role, is_success) -%}
    ({{ call_role }} = 'answer' and {{ is_success }})
{%- endmacro %}

{# Was an answer cut off because it ran out of tokens, whatever the provider calls it? #}
{% macro is_truncated(finish_reason) -%}
    coalesce(
        lower({{ finish_reason }}) in (
            'length', 'max_tokens', 'max_output_tokens', 'model_length'
        ),
        false
    )
{%- endmacro %}

{# Was an answer withheld by a filter? #}
{% macro is_filtered(status, finish_reason) -%}
    (
        coalesce({{ status }} = 'filtered', false)
        or coalesce(lower({{ finish_reason }}) in ('content_filter', 'safety', 'refusal'), false)
    )
{%- endmacro %}

{# A duration as measured, or NULL where a clock made it negative. #}
{% macro valid_ms(duration) -%}
    case when {{ duration }} >= 0 then {{ duration }} end
{%- endmacro %}
