{#
    Was the service up in a stretch of time? Enough attempts at an answer tell by their errors, else
    a probe does: up, down or unknown.
#}
{% macro availability_state(n_attempts, n_failed, n_probes, n_probes_down) %}
    {{ return(adapter.dispatch('availability_state', 'llm_analytics')(
        n_attempts, n_failed, n_probes, n_probes_down
    )) }}
{% endmacro %}

{% macro default__availability_state(n_attempts, n_failed, n_probes, n_probes_down) %}
    case
        when
            {{ n_attempts }} >= {{ llm_analytics.setting('availability_min_attempts') }}
            then
                case
                    when
                        {{ n_failed }}
                        < {{ llm_analytics.setting('availability_error_share') }} * {{ n_attempts }}
                        then 'up'
                    else 'down'
                end
        when {{ n_probes_down }} > 0 then 'down'
        when {{ n_probes }} > 0 then 'up'
        else 'unknown'
    end
{% endmacro %}
