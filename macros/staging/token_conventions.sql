{#
    Whether the input tokens of a call include cache tokens, and what that is taken from: the first
    rule that holds gives both. `part` is convention or evidence; a rule is a condition and these
    two. docs/sources has the references.
#}
{% macro first_convention(part, rules) %}
    case
        {%- for condition, convention, evidence in rules %}
        {%- set value = convention if part == 'convention' else evidence %}
        when {{ condition }} then {{ "'" ~ value ~ "'" if value else 'null' }}
        {%- endfor %}
    end
{% endmacro %}

{# The convention of a call in a span, or its evidence, from the columns of stg_otlp__responses. #}
{% macro otlp_token_convention(part) %}
    {{ return(llm_analytics.first_convention(part, [
        ['input_tokens is null', none, none],
        ['cache_tokens > input_tokens', 'exclusive', 'cache tokens exceed input tokens'],
        [
            'cache_tokens > 0 and total_tokens = input_tokens + cache_tokens + output_tokens',
            'exclusive', 'total tokens',
        ],
        ['uncached_tokens is not null', 'inclusive', 'ai.usage.inputTokenDetails'],
        ['cache_tokens = 0', 'inclusive', 'no cache tokens'],
        [
            "scope_name like 'opentelemetry.instrumentation.bedrock%'",
            'exclusive', 'instrumentation',
        ],
        [
            "is_ai_sdk_5 and (provider like '%anthropic%' or provider like '%bedrock%')",
            'exclusive', 'provider',
        ],
        [
            "is_ai_sdk_5 and (provider like 'openai%' or provider like 'azure%'"
            ~ " or provider like 'google%' or provider like 'xai%' or provider like 'deepseek%'"
            ~ " or provider like 'groq%')",
            'inclusive', 'provider',
        ],
        ['is_ai_sdk_5', 'unknown', none],
        ["scope_name like 'logfire%' and provider like '%anthropic%'", 'unknown', none],
        ['true', 'inclusive', 'attribute names'],
    ])) }}
{% endmacro %}

{# The same from the columns of stg_langfuse__responses. #}
{% macro langfuse_token_convention(part) %}
    {%- set sum_of_kinds = 'input_bucket + cache_tokens + coalesce(output_bucket, 0)' -%}
    {{ return(llm_analytics.first_convention(part, [
        ['input_bucket is null and input_usage > 0', 'inclusive', 'input_usage'],
        ['input_bucket is null', none, none],
        ['cache_tokens > input_bucket and not has_details_within', 'exclusive', 'usage_details keys'],
        ['cache_tokens > input_bucket', 'exclusive', 'cache tokens exceed input tokens'],
        [
            'has_details_within and cache_tokens > 0 and total_tokens = ' ~ sum_of_kinds,
            'unknown', none,
        ],
        ['has_details_within', 'inclusive', 'usage_details keys'],
        ['true', 'exclusive', 'usage_details keys'],
    ])) }}
{% endmacro %}
