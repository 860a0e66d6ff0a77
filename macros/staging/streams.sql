{# Columns that every event of every stream has, in the order of the stream models. #}
{% macro envelope_columns() %}
    {{ return([
        'source', 'event_id', 'event_version', 'occurred_at', 'sequence_number',
        'user_id', 'anonymous_id', 'account_id', 'app_id', 'environment', 'platform', 'app_version',
    ]) }}
{% endmacro %}

{# The columns of a canonical stream, in the order in which their content is hashed; load_seq apart. #}
{% macro stream_columns(stream) %}
    {%- set columns = {
        'queries': [
            'source_session_id', 'conversation_id', 'trace_id', 'conversation_turn',
            'query_length', 'query_kind', 'is_clarification', 'is_implied', 'feature',
            'text_length', 'text_word_count', 'text_signature_1', 'text_signature_2',
        ],
        'responses': [
            'source_session_id', 'conversation_id', 'trace_id', 'conversation_turn',
            'response_id', 'query_id', 'parent_response_id', 'call_role', 'attempt_number',
            'response_length', 'response_format', 'citation_count', 'provider', 'model_version',
            'request_model', 'response_model', 'tokens_used', 'input_tokens', 'cache_read_tokens',
            'cache_write_tokens', 'output_tokens', 'reasoning_tokens', 'token_convention',
            'latency_ms', 'client_latency_ms', 'time_to_first_token_ms', 'status', 'error_type',
            'finish_reason', 'prompt_name', 'prompt_version', 'temperature', 'tool_call_count',
            'tool_cost_usd', 'logged_cost_usd', 'feature', 'implies_query', 'text_length',
            'token_evidence', 'instrumentation', 'span_id', 'parent_span_id',
            'is_conversation_inferred', 'started_at', 'previous_response_id', 'query_length',
            'query_text_word_count', 'query_text_signature_1', 'query_text_signature_2',
        ],
        'feedback': [
            'source_session_id', 'conversation_id', 'trace_id', 'response_id', 'query_id',
            'feedback_type', 'feedback_score', 'survey_id', 'text_length',
        ],
        'product_events': [
            'source_session_id', 'conversation_id', 'trace_id', 'name', 'is_user_action', 'goal',
            'feature', 'amount', 'currency',
        ],
        'exposures': [
            'source_session_id', 'conversation_id', 'trace_id', 'experiment_id', 'variant',
            'unit_id', 'allocation_phase',
        ],
        'evaluations': [
            'source_session_id', 'conversation_id', 'trace_id', 'response_id', 'criterion',
            'rubric', 'rubric_version', 'evaluator_id', 'evaluator_kind', 'score', 'label',
        ],
        'identities': [
            'alias_id',
        ],
        'user_traits': [
            'trait', 'value',
        ],
        'consents': [
            'consent', 'purpose',
        ],
        'infrastructure_usage': [
            'resource', 'started_at', 'cost_usd', 'utilisation',
        ],
        'probes': [
            'service', 'is_up', 'latency_ms',
        ],
        'experiment_results': [
            'experiment_id', 'metric', 'variant', 'control_variant', 'segment_name', 'segment',
            'metric_role', 'method', 'test', 'unit', 'decision', 'verdict', 'margin_kind',
            'n_control', 'n_treatment', 'control_value', 'treatment_value', 'difference',
            'difference_low', 'difference_high', 'lift', 'lift_low', 'lift_high', 'alpha',
            'p_value', 'p_adjusted', 'margin', 'power', 'detectable_lift', 'variance_reduction',
            'p_better', 'sample_ratio_p', 'is_higher_better', 'is_significant', 'is_non_inferior',
        ],
    } -%}
    {{ return(llm_analytics.envelope_columns() + columns[stream]) }}
{% endmacro %}
