{#
    The tracking plan's events inside another tool's: their fields land under the plan's names
    beside what the tool adds, so that one list of columns serves every such source.
#}

{# Landed columns of a stream of the plan, and their types. #}
{% macro tracked_types(stream) %}
    {%- set about = {
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
    } -%}
    {%- set own = {
        'queries': {
            'conversation_turn': dbt.type_bigint(),
            'query_length': dbt.type_bigint(),
            'query_kind': dbt.type_string(),
            'is_clarification': dbt.type_boolean(),
            'feature': dbt.type_string(),
            'text_length': dbt.type_bigint(),
            'text_word_count': dbt.type_bigint(),
            'text_signature_1': dbt.type_bigint(),
            'text_signature_2': dbt.type_bigint(),
        },
        'responses': {
            'conversation_turn': dbt.type_bigint(),
            'response_id': dbt.type_string(),
            'query_id': dbt.type_string(),
            'parent_response_id': dbt.type_string(),
            'call_role': dbt.type_string(),
            'attempt_number': dbt.type_bigint(),
            'response_length': dbt.type_bigint(),
            'response_format': dbt.type_string(),
            'citation_count': dbt.type_bigint(),
            'provider': dbt.type_string(),
            'model_version': dbt.type_string(),
            'request_model': dbt.type_string(),
            'response_model': dbt.type_string(),
            'tokens_used': dbt.type_bigint(),
            'input_tokens': dbt.type_bigint(),
            'cache_read_tokens': dbt.type_bigint(),
            'cache_write_tokens': dbt.type_bigint(),
            'output_tokens': dbt.type_bigint(),
            'reasoning_tokens': dbt.type_bigint(),
            'token_convention': dbt.type_string(),
            'latency_ms': dbt.type_bigint(),
            'client_latency_ms': dbt.type_bigint(),
            'time_to_first_token_ms': dbt.type_bigint(),
            'status': dbt.type_string(),
            'error_type': dbt.type_string(),
            'finish_reason': dbt.type_string(),
            'prompt_name': dbt.type_string(),
            'prompt_version': dbt.type_string(),
            'temperature': 'decimal(18, 6)',
            'tool_call_count': dbt.type_bigint(),
            'tool_cost_usd': 'decimal(24, 12)',
            'logged_cost_usd': 'decimal(24, 12)',
            'feature': dbt.type_string(),
            'implies_query': dbt.type_boolean(),
            'text_length': dbt.type_bigint(),
        },
        'feedback': {
            'response_id': dbt.type_string(),
            'query_id': dbt.type_string(),
            'feedback_type': dbt.type_string(),
            'feedback_score': 'decimal(18, 6)',
            'survey_id': dbt.type_string(),
            'text_length': dbt.type_bigint(),
        },
        'product_events': {
            'name': dbt.type_string(),
            'is_user_action': dbt.type_boolean(),
            'goal': dbt.type_string(),
            'feature': dbt.type_string(),
            'amount': 'decimal(24, 12)',
            'currency': dbt.type_string(),
        },
        'exposures': {
            'experiment_id': dbt.type_string(),
            'variant': dbt.type_string(),
            'unit_id': dbt.type_string(),
            'allocation_phase': dbt.type_string(),
        },
    }[stream] -%}
    {%- do about.update(own) -%}
    {{ return(about) }}
{% endmacro %}

{#
    The columns of a canonical stream after those that all events have, from the plan's fields. Ids
    of queries get the source before them, as the event ids that they repeat do.
#}
{% macro tracked_columns(stream, source_name) %}
    {%- if stream == 'queries' -%}
        conversation_turn,
        query_length,
        coalesce(query_kind, 'new') as query_kind,
        coalesce(is_clarification, false) as is_clarification,
        false as is_implied,
        feature,
        text_length,
        text_word_count,
        text_signature_1,
        text_signature_2
    {%- elif stream == 'responses' -%}
        conversation_turn,
        response_id,
        case
            when
                implies_query
                and coalesce(call_role, 'answer') = 'answer'
                and parent_response_id is null
                then '{{ source_name }}:' || coalesce(query_id, event_id)
            else '{{ source_name }}:' || query_id
        end as query_id,
        parent_response_id,
        coalesce(call_role, 'answer') as call_role,
        attempt_number,
        response_length,
        response_format,
        citation_count,
        provider,
        model_version,
        request_model,
        response_model,
        tokens_used,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        token_convention,
        latency_ms,
        client_latency_ms,
        time_to_first_token_ms,
        status,
        error_type,
        finish_reason,
        prompt_name,
        prompt_version,
        temperature,
        tool_call_count,
        tool_cost_usd,
        logged_cost_usd,
        feature,
        coalesce(implies_query, false) as implies_query,
        text_length,
        case when token_convention is not null then 'sent' end as token_evidence,
        cast(null as {{ dbt.type_string() }}) as instrumentation,
        cast(null as {{ dbt.type_string() }}) as span_id,
        cast(null as {{ dbt.type_string() }}) as parent_span_id,
        false as is_conversation_inferred,
        cast(null as {{ dbt.type_timestamp() }}) as started_at,
        cast(null as {{ dbt.type_string() }}) as previous_response_id,
        cast(null as {{ dbt.type_bigint() }}) as query_length,
        cast(null as {{ dbt.type_bigint() }}) as query_text_word_count,
        cast(null as {{ dbt.type_bigint() }}) as query_text_signature_1,
        cast(null as {{ dbt.type_bigint() }}) as query_text_signature_2
    {%- elif stream == 'feedback' -%}
        response_id,
        '{{ source_name }}:' || query_id as query_id,
        feedback_type,
        feedback_score,
        survey_id,
        text_length
    {%- elif stream == 'exposures' -%}
        experiment_id,
        variant,
        unit_id,
        allocation_phase
    {%- endif -%}
{% endmacro %}

{# Columns of a landed event of Mixpanel: what the tool adds, and those given (name: type). #}
{% macro mixpanel_columns(own_columns) %}
    {%- set columns = {
        'distinct_id': dbt.type_string(),
        'mp_user_id': dbt.type_string(),
        'mp_device_id': dbt.type_string(),
        'mp_os': dbt.type_string(),
        'mp_app_version': dbt.type_string(),
    } -%}
    {%- do columns.update(own_columns) -%}
    {{ return(llm_analytics.event_columns(columns)) }}
{% endmacro %}

{# The columns that all canonical events have, up to the trace, from an event of Mixpanel. #}
{% macro mixpanel_envelope() -%}
    'mixpanel' as source,
        'mixpanel:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        -- An anonymous event's distinct id is that of its device.
        coalesce(
            user_id,
            mp_user_id,
            case when mp_device_id is null or distinct_id <> mp_device_id then distinct_id end
        ) as user_id,
        coalesce(anonymous_id, mp_device_id) as anonymous_id,
        account_id,
        app_id,
        environment,
        coalesce(platform, lower(mp_os)) as platform,
        coalesce(app_version, mp_app_version) as app_version,
        session_id as source_session_id,
        conversation_id,
        trace_id
{%- endmacro %}

{# Columns of a landed event of Amplitude: what the tool adds, and those given (name: type). #}
{% macro amplitude_columns(own_columns) %}
    {%- set columns = {
        'amplitude_user_id': dbt.type_string(),
        'device_id': dbt.type_string(),
        'amplitude_session_key': dbt.type_string(),
        'amplitude_event_number': dbt.type_bigint(),
        'amplitude_platform': dbt.type_string(),
        'version_name': dbt.type_string(),
    } -%}
    {%- do columns.update(own_columns) -%}
    {{ return(llm_analytics.event_columns(columns)) }}
{% endmacro %}

{# The columns that all canonical events have, up to the trace, from an event of Amplitude. #}
{% macro amplitude_envelope() -%}
    'amplitude' as source,
        'amplitude:' || event_id as event_id,
        event_version,
        occurred_at,
        coalesce(sequence_number, amplitude_event_number) as sequence_number,
        coalesce(user_id, amplitude_user_id) as user_id,
        coalesce(anonymous_id, device_id) as anonymous_id,
        account_id,
        app_id,
        environment,
        coalesce(platform, lower(amplitude_platform)) as platform,
        coalesce(app_version, version_name) as app_version,
        coalesce(session_id, amplitude_session_key) as source_session_id,
        conversation_id,
        trace_id
{%- endmacro %}

{# Columns of a landed event of GA4: what the tool adds, and those given (name: type). #}
{% macro ga4_columns(own_columns) %}
    {%- set columns = {
        'ga_user_id': dbt.type_string(),
        'user_pseudo_id': dbt.type_string(),
        'ga_session_key': dbt.type_string(),
        'batch_event_index': dbt.type_bigint(),
        'stream_id': dbt.type_string(),
        'ga_platform': dbt.type_string(),
        'app_info_version': dbt.type_string(),
    } -%}
    {%- do columns.update(own_columns) -%}
    {{ return(llm_analytics.event_columns(columns)) }}
{% endmacro %}

{# The columns that all canonical events have, up to the trace, from an event of GA4. #}
{% macro ga4_envelope() -%}
    'ga4' as source,
        'ga4:' || event_id as event_id,
        event_version,
        occurred_at,
        coalesce(sequence_number, batch_event_index) as sequence_number,
        coalesce(user_id, ga_user_id) as user_id,
        coalesce(anonymous_id, user_pseudo_id) as anonymous_id,
        account_id,
        coalesce(app_id, stream_id) as app_id,
        environment,
        coalesce(platform, lower(ga_platform)) as platform,
        coalesce(app_version, app_info_version) as app_version,
        coalesce(session_id, ga_session_key) as source_session_id,
        conversation_id,
        trace_id
{%- endmacro %}

{# Columns of a landed event of PostHog: what the tool adds, and those given (name: type). #}
{% macro posthog_columns(own_columns) %}
    {%- set columns = {
        'distinct_id': dbt.type_string(),
        'device_id': dbt.type_string(),
        'is_identified': dbt.type_boolean(),
        'group_0': dbt.type_string(),
        'lib': dbt.type_string(),
        'posthog_session_id': dbt.type_string(),
        'posthog_app_version': dbt.type_string(),
        'ai_trace_id': dbt.type_string(),
        'ai_session_id': dbt.type_string(),
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
    } -%}
    {%- do columns.update(own_columns) -%}
    {{ return(llm_analytics.event_columns(columns)) }}
{% endmacro %}

{#
    The columns that all canonical events have, up to the trace, from an event of PostHog; its id
    may be another expression than the event's own.
#}
{% macro posthog_envelope(event_id='event_id', occurred_at='occurred_at') -%}
    {%- set is_anonymous = '(is_identified = false or distinct_id = device_id)' -%}
    'posthog' as source,
        'posthog:' || {{ event_id }} as event_id,
        event_version,
        {{ occurred_at }} as occurred_at,
        sequence_number,
        coalesce(
            user_id,
            case when {{ is_anonymous }} then null else distinct_id end
        ) as user_id,
        coalesce(
            anonymous_id,
            case when {{ is_anonymous }} then distinct_id end
        ) as anonymous_id,
        coalesce(account_id, group_0) as account_id,
        app_id,
        environment,
        coalesce(platform, lib) as platform,
        coalesce(app_version, posthog_app_version) as app_version,
        coalesce(session_id, posthog_session_id) as source_session_id,
        coalesce(conversation_id, ai_session_id) as conversation_id,
        coalesce(trace_id, ai_trace_id) as trace_id
{%- endmacro %}
