{#
    Who serves the model: as the record says, else by the host that was called, in the names of
    OpenTelemetry's semantic conventions. NULL for a host of which nothing is known.
#}
{% macro provider_of_host(provider, host) -%}
    {%- set hosts = {
        'api.openai.com': 'openai',
        'api.anthropic.com': 'anthropic',
        'generativelanguage.googleapis.com': 'gcp.gemini',
        '%-aiplatform.googleapis.com': 'gcp.vertex_ai',
        'aiplatform.googleapis.com': 'gcp.vertex_ai',
        'bedrock-runtime.%': 'aws.bedrock',
        '%.openai.azure.com': 'azure.ai.openai',
        '%.services.ai.azure.com': 'azure.ai.inference',
        'api.deepseek.com': 'deepseek',
        'api.mistral.ai': 'mistral_ai',
        'api.x.ai': 'x_ai',
        'api.groq.com': 'groq',
        'api.cohere.com': 'cohere',
        'api.perplexity.ai': 'perplexity',
        'api.moonshot.%': 'moonshot_ai',
        'openrouter.ai': 'openrouter',
    } -%}
    coalesce(
        lower({{ provider }}),
        case
            {%- for pattern, name in hosts.items() %}
            when {{ host }} like '{{ pattern }}' then '{{ name }}'
            {%- endfor %}
        end
    )
{%- endmacro %}

{#
    How a call in a request log ended, from the columns of stg_request_logs__responses: what HTTP
    and the API say before what the log does. NULL where nothing does.
#}
{% macro status_of_logged_call() -%}
    case
        when http_status_code in (408, 504) or lower(error_type) like '%timeout%' then 'timeout'
        when
            http_status_code = 499
            or response_status = 'cancelled'
            or status in ('cancelled', 'canceled', 'aborted')
            then 'cancelled'
        when
            error_type is not null
            or http_status_code >= 400
            or response_status = 'failed'
            or status in ('error', 'failed', 'failure')
            then 'error'
        when
            lower(finish_reason) in (
                'content_filter', 'content_filtered', 'refusal', 'safety', 'prohibited_content',
                'blocklist', 'recitation', 'spii', 'guardrail_intervened'
            )
            then 'filtered'
        when
            http_status_code < 400
            or finish_reason is not null
            or response_id is not null
            or status in ('success', 'succeeded', 'ok', 'completed')
            then 'success'
    end
{%- endmacro %}

{#
    The convention of a call in a request log, or its evidence, from the columns of
    stg_request_logs__responses. The counts of a usage speak first, then its names.
#}
{% macro request_logs_token_convention(part) %}
    {{ return(llm_analytics.first_convention(part, [
        ['input_tokens is null', none, none],
        [
            'cache_tokens > 0 and total_tokens = input_tokens + cache_tokens + output_tokens',
            'exclusive', 'total tokens',
        ],
        [
            'usage_prompt_tokens is null and usage_input_tokens is not null'
            ~ ' and coalesce(usage_cache_read_input_tokens,'
            ~ ' usage_cache_creation_input_tokens) is not null',
            'exclusive', 'usage.cache_read_input_tokens',
        ],
        ['cache_tokens > input_tokens', 'exclusive', 'cache tokens exceed input tokens'],
        ['usage_prompt_tokens is not null', 'inclusive', 'usage.prompt_tokens'],
        [
            'coalesce(usage_input_tokens_details_cached_tokens,'
            ~ ' usage_input_tokens_details_cache_write_tokens) is not null',
            'inclusive', 'usage.input_tokens_details',
        ],
        ["usage_input_tokens is not null and object = 'response'", 'inclusive', 'object'],
        ["usage_input_tokens is not null and type = 'message'", 'exclusive', 'type'],
        ['usage_converse_input_tokens is not null', 'exclusive', 'usage.inputTokens'],
        [
            'usage_metadata_prompt_token_count is not null',
            'inclusive', 'usageMetadata.promptTokenCount',
        ],
        ['usage_billed_units_input_tokens is not null', 'inclusive', 'usage.billed_units'],
        ['total_tokens = input_tokens + output_tokens', 'inclusive', 'total tokens'],
        ['true', 'unknown', none],
    ])) }}
{% endmacro %}

{#
    The same for a call in LiteLLM's spend logs, from the columns of stg_litellm__responses. LiteLLM adds the cache to prompt_tokens,
    but did not always for Anthropic's models, whose own usage has it beside the input.
#}
{% macro litellm_token_convention(part) %}
    {{ return(llm_analytics.first_convention(part, [
        ['input_tokens is null or is_from_cache', none, none],
        ['cache_tokens > input_tokens', 'exclusive', 'cache tokens exceed input tokens'],
        [
            'usage_object_prompt_tokens is not null',
            'inclusive', 'metadata.usage_object.prompt_tokens',
        ],
        [
            'usage_object_input_tokens is not null'
            ~ ' and coalesce(usage_object_cache_read_input_tokens,'
            ~ ' usage_object_cache_creation_input_tokens) is not null',
            'exclusive', 'metadata.usage_object.cache_read_input_tokens',
        ],
        [
            'usage_object_input_tokens_details_cached_tokens is not null',
            'inclusive', 'metadata.usage_object.input_tokens_details',
        ],
        [
            "lower(custom_llm_provider) in ('openai', 'azure', 'text-completion-openai', 'gemini',"
            ~ " 'deepseek', 'mistral', 'groq', 'xai')",
            'inclusive', 'custom_llm_provider',
        ],
        ['true', 'unknown', none],
    ])) }}
{% endmacro %}
