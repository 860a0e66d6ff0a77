{#
    What the rows of an incremental model were made by: its own code and every definition that
    zone A uses, as rendered with the settings of this run. An integer, for a text would have to be
    compressed in each row group.
#}
{% macro definitions_fingerprint() %}
    {%- set definitions = [
        model.raw_code,
        llm_analytics.thread_id('conversation', 'session', 'trace', 'user', 'event'),
        llm_analytics.is_new_session('previous', 'current'),
        llm_analytics.is_success('status', 'error'),
        llm_analytics.sent_model('call'),
        llm_analytics.cost_basis('call'),
        llm_analytics.model_cost_usd('call', 'low'),
        llm_analytics.model_cost_usd('call', 'estimate'),
        llm_analytics.model_cost_usd('call', 'high'),
        llm_analytics.is_similar_text('a', 'b', 'c', 'd'),
        llm_analytics.refinement_rule('kind', 'clarification', 'previous', 'current', 'similar'),
        llm_analytics.end_state('attempts', 'answered', 'thumbs', 'latency'),
        llm_analytics.is_feedback_name('name'),
        llm_analytics.feedback_type_of_score('name', 'value', 'label'),
        llm_analytics.setting('answer_due_seconds'),
        llm_analytics.mapped_tables() | tojson,
        llm_analytics.is_captured_action('amplitude', 'name'),
        llm_analytics.is_captured_action('ga4', 'name'),
        llm_analytics.is_captured_action('mixpanel', 'name'),
        llm_analytics.metric_feedback_type('name', 'value', 'number'),
        llm_analytics.survey_feedback_type('survey', 'name', 'trace', 'number', 'length'),
        llm_analytics.comparable_model('model'),
        llm_analytics.record_preference('call') | join,
        llm_analytics.setting('duplicate_tolerance_seconds') | string,
        llm_analytics.setting('response_replay_seconds') | string,
        var('llm_analytics_sources', none) | string,
        llm_analytics.consent_policy() | tojson,
    ] -%}
    {{ return(local_md5(definitions | join('\n'))[:15] | int(base=16)) }}
{% endmacro %}

{#
    Fail loudly where an incremental run would mix rows of two definitions in one table: rows
    already there would silently keep the old one.
#}
{% macro refuse_changed_definitions() %}
    {{- llm_analytics.refuse_undecided_calls() -}}
    {%- set is_run = execute and model.resource_type == 'model' and flags.WHICH in ('run', 'build')
        and not var('llm_analytics_keep_old_definitions', false) -%}
    {%- if is_run and is_incremental() -%}
        {%- set columns = adapter.get_columns_in_relation(this)
            | map(attribute='name') | map('lower') | list -%}
        {%- set found = [none] -%}
        {%- if 'definitions_fingerprint' in columns -%}
            {%- set found = llm_analytics.values_of(
                'select distinct cast(definitions_fingerprint as ' ~ dbt.type_string() ~ ') from '
                ~ this
            ) -%}
        {%- endif -%}
        {%- set expected = llm_analytics.definitions_fingerprint() | string -%}
        {%- if found | map('string') | reject('equalto', expected) | list -%}
            {{ exceptions.raise_compiler_error(
                this.name ~ ' was built with other definitions: a setting, a definition macro or the'
                ~ ' model has changed since. Rebuild: dbt build --full-refresh'
            ) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
