{#
    What a call cost and how that is known (cost basis). Prices are US dollars per million tokens of
    the UTC day of the call. Cache reads and writes are part of the input, reasoning of the output.
      split       input and output tokens are known and every class used has a price; more cache
                  tokens than input tokens contradict each other: such an input is not known
      estimated   only tokens_used is known: bounds by the cheaper and the dearer class, an
                  estimate between
      logged      no price or no tokens, but the tracker logged a cost
      unbilled    a failed call that reports no usage and no cost: providers bill none
      unpriced    none of these: the cost is NULL and counted, never zero
#}
{% macro cost_basis(call) %}
    {{ return(adapter.dispatch('cost_basis', 'llm_analytics')(call)) }}
{% endmacro %}

{% macro default__cost_basis(call) %}
    case
        when
            {{ call }}.input_tokens is not null
            and {{ call }}.output_tokens is not null
            and {{ call }}.uncached_input_tokens >= 0
            and (
                {{ call }}.uncached_input_tokens = 0
                or {{ call }}.input_usd_per_million is not null
            )
            and (
                {{ call }}.cache_read_tokens = 0
                or {{ call }}.cache_read_usd_per_million is not null
            )
            and (
                {{ call }}.cache_write_tokens = 0
                or {{ call }}.cache_write_usd_per_million is not null
            )
            and (
                {{ call }}.output_tokens = 0
                or {{ call }}.output_usd_per_million is not null
            )
            and {{ call }}.price_fingerprint is not null
            then 'split'
        when
            {{ call }}.tokens_used is not null
            and ({{ call }}.input_tokens is null or {{ call }}.output_tokens is null)
            and {{ call }}.input_usd_per_million is not null
            and {{ call }}.output_usd_per_million is not null
            then 'estimated'
        when {{ call }}.logged_cost_usd is not null then 'logged'
        when
            not {{ call }}.is_success
            and coalesce(
                {{ call }}.input_tokens, {{ call }}.output_tokens, {{ call }}.tokens_used
            ) is null
            then 'unbilled'
        else 'unpriced'
    end
{% endmacro %}

{#
    US dollars of the model's tokens; bound is low, high or estimate. Exact: multiplied, never
    divided.
#}
{% macro model_cost_usd(call, bound) %}
    {%- set dearer = 'greatest' if bound == 'high' else 'least' -%}
    {%- set meaning = llm_analytics.setting('tokens_used_meaning') -%}
    {%- set share = {
        'total': llm_analytics.setting('input_token_share'), 'input': 1, 'output': 0
    }[meaning] -%}
    {%- set estimate -%}
        (
            {{ share }} * {{ call }}.input_usd_per_million
            + (1 - {{ share }}) * {{ call }}.output_usd_per_million
        )
    {%- endset -%}
    case {{ call }}.cost_basis
        when 'split'
            then
                {{ llm_analytics.usd(
                    call ~ '.uncached_input_tokens', call ~ '.input_usd_per_million'
                ) }}
                + {{ llm_analytics.usd(
                    call ~ '.cache_read_tokens', call ~ '.cache_read_usd_per_million'
                ) }}
                + {{ llm_analytics.usd(
                    call ~ '.cache_write_tokens', call ~ '.cache_write_usd_per_million'
                ) }}
                + {{ llm_analytics.usd(
                    call ~ '.output_tokens', call ~ '.output_usd_per_million'
                ) }}
        when 'estimated'
            then
                {%- if bound == 'estimate' or meaning != 'total' %}
                {{ llm_analytics.usd(call ~ '.tokens_used', estimate) }}
                {%- else %}
                {{ llm_analytics.usd(
                    call ~ '.tokens_used',
                    dearer ~ '(' ~ call ~ '.input_usd_per_million, '
                    ~ call ~ '.output_usd_per_million)'
                ) }}
                {%- endif %}
        when 'logged' then {{ call }}.logged_cost_usd
        when 'unbilled' then 0
    end
{% endmacro %}

{#
    Tokens of one class times their price per million, exact to 12 decimals; no tokens cost
    nothing at any price.
#}
{% macro usd(tokens, usd_per_million) %}
    coalesce(cast({{ tokens }} * 0.000001 * {{ usd_per_million }} as decimal(24, 12)), 0)
{% endmacro %}

{# A cost in whole nano-dollars, of which sums are exact. #}
{% macro nano_usd(cost_usd) -%}
    cast(round({{ cost_usd }} * 1000000000) as bigint)
{%- endmacro %}
