-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='view') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'conversation_turn',
    'response_id',
    'query_id',
    'parent_response_id',
    'call_role',
    'attempt_number',
    'response_length',
    'response_format',
    'citation_count',
    'provider',
    'model_version',
    'request_model',
    'response_model',
    'tokens_used',
    'input_tokens',
    'cache_read_tokens',
    'cache_write_tokens',
    'output_tokens',
    'reasoning_tokens',
    'token_convention',
    'latency_ms',
    'client_latency_ms',
    'time_to_first_token_ms',
    'status',
    'error_type',
    'finish_reason',
    'prompt_name',
    'prompt_version',
    'temperature',
    'tool_call_count',
    'tool_cost_usd',
    'logged_cost_usd',
    'feature',
    'implies_query',
    'text_length',
] %}

with

{{ llm_analytics.standing_versions('responses', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        has_conflict,
        load_seq
    from standing_versions
)

select * from final
