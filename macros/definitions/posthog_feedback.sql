{#
    Which kind of feedback a metric of a trace is, by its name and value: NULL for a metric that no
    user gave. The value is text; `number` is it as a number, where it is one.
#}
{% macro metric_feedback_type(name, value, number) %}
    {{ return(
        adapter.dispatch('metric_feedback_type', 'llm_analytics')(name, value, number)
    ) }}
{% endmacro %}

{% macro default__metric_feedback_type(name, value, number) -%}
    case
        when lower({{ name }}) in ('nps', 'csat') and {{ number }} is not null
            then lower({{ name }})
        when lower({{ name }}) in ('rating', 'stars', 'star_rating') and {{ number }} is not null
            then 'rating'
        when lower({{ name }}) in (
            'feedback', 'user_feedback', 'quality', 'rating', 'thumb', 'thumbs', 'vote', 'helpful'
        ) then
            case
                when lower({{ value }}) in (
                    'positive', 'good', 'up', 'thumbs_up', 'like', 'helpful', 'yes', 'true', '1'
                ) then 'thumbs_up'
                when lower({{ value }}) in (
                    'negative', 'bad', 'down', 'thumbs_down', 'dislike', 'unhelpful', 'no',
                    'false', '0', '-1'
                ) then 'thumbs_down'
            end
    end
{%- endmacro %}

{#
    Which kind of feedback an answer to a survey is; NULL where nothing tells. PostHog's events do
    not say what a question's scale is: the setting posthog_surveys (survey id: thumbs, rating, csat
    or nps) does, else the survey's name; a survey on a trace is the one with two thumbs that LLM
    analytics makes.
#}
{% macro survey_feedback_type(survey_id, survey_name, trace_id, number, text_length) %}
    {{ return(
        adapter.dispatch('survey_feedback_type', 'llm_analytics')(
            survey_id, survey_name, trace_id, number, text_length
        )
    ) }}
{% endmacro %}

{% macro default__survey_feedback_type(survey_id, survey_name, trace_id, number, text_length) -%}
    {%- set thumbs -%}
        case {{ number }} when 1 then 'thumbs_up' when 2 then 'thumbs_down' end
    {%- endset -%}
    case
        when {{ text_length }} > 0 then 'comment'
        when {{ number }} is null then null
        {%- for survey, kind in llm_analytics.setting('posthog_surveys').items() %}
        when {{ survey_id }} = '{{ survey }}'
            then {% if kind == 'thumbs' %}{{ thumbs }}{% else %}'{{ kind }}'{% endif %}
        {%- endfor %}
        when lower({{ survey_name }}) like '%nps%' or lower({{ survey_name }}) like '%promoter%'
            then 'nps'
        when
            lower({{ survey_name }}) like '%csat%'
            or lower({{ survey_name }}) like '%satisfaction%'
            then 'csat'
        when {{ trace_id }} is not null then {{ thumbs }}
    end
{%- endmacro %}
