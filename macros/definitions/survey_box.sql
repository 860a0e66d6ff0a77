{#
    Where an answer of a survey falls: top, middle or bottom; NULL outside of the scale. Of NPS (0 to
    10) 9 and 10 promote, up to 6 detract; of CSAT (from 1 on) the two best count as satisfied.
#}
{% macro survey_box(feedback_type, score) %}
    {{ return(adapter.dispatch('survey_box', 'llm_analytics')(feedback_type, score)) }}
{% endmacro %}

{% macro default__survey_box(feedback_type, score) %}
    {%- set points = llm_analytics.setting('csat_points') -%}
    case
        when {{ feedback_type }} = 'nps' and {{ score }} between 0 and 10
            then
                case
                    when {{ score }} >= 9 then 'top'
                    when {{ score }} <= 6 then 'bottom'
                    else 'middle'
                end
        when {{ feedback_type }} = 'csat' and {{ score }} between 1 and {{ points }}
            then
                case
                    when {{ score }} >= {{ points }} - 1 then 'top'
                    when {{ score }} <= {{ points }} - 3 then 'bottom'
                    else 'middle'
                end
    end
{% endmacro %}
