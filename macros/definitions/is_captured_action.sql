{#
    Is an event of a product analytics tool something that its user did? Not what the tool captures
    by itself (a page is shown, a session starts), nor what changes a profile: these neither open
    nor prolong a session.
#}
{% macro is_captured_action(source_name, name) %}
    {{ return(
        adapter.dispatch('is_captured_action', 'llm_analytics')(source_name, name)
    ) }}
{% endmacro %}

{% macro default__is_captured_action(source_name, name) %}
    {%- if source_name == 'ga4' -%}
    {{ name }} not in (
        'ad_click', 'ad_exposure', 'ad_impression', 'ad_query', 'ad_reward', 'adunit_exposure',
        'app_clear_data', 'app_exception', 'app_remove', 'app_store_refund',
        'app_store_subscription_cancel', 'app_store_subscription_convert',
        'app_store_subscription_renew', 'app_update', 'dynamic_link_app_open',
        'dynamic_link_app_update', 'dynamic_link_first_open', 'error', 'firebase_campaign',
        'firebase_in_app_message_impression', 'first_open', 'first_visit', 'form_start',
        'notification_dismiss', 'notification_foreground', 'notification_receive', 'os_update',
        'page_view', 'screen_view', 'scroll', 'session_start', 'user_engagement',
        'video_complete', 'video_progress', 'video_start'
    )
    {%- elif source_name == 'amplitude' -%}
    {{ name }} not in ('session_start', 'session_end', 'revenue_amount')
    and {{ name }} not like '$%'
    and {{ name }} not like '[Amplitude]%'
    and {{ name }} not like '[Experiment]%'
    {%- else -%}
    {{ name }} not like '$%'
    and {{ name }} not in ('survey shown', 'survey dismissed')
    {%- endif -%}
{% endmacro %}
