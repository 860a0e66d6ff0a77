{#
    What feedback is an opinion about: of one user's opinions on a topic only the last stands.
    Thumbs and their retraction share the answer as topic, stars too, each question (survey_id) by
    itself; NPS and CSAT their survey wave; a comment, a copy or a share stands by itself.
#}
{% macro feedback_topic(feedback) %}
    {{ return(adapter.dispatch('feedback_topic', 'llm_analytics')(feedback)) }}
{% endmacro %}

{% macro default__feedback_topic(feedback) %}
    {%- set about -%}
        coalesce(
            'response:' || {{ feedback }}.response_event_id,
            'interaction:' || {{ feedback }}.interaction_id,
            'scope:' || {{ feedback }}.scope_id,
            'event:' || {{ feedback }}.event_id
        )
    {%- endset -%}
    case
        when {{ feedback }}.feedback_type in ('thumbs_up', 'thumbs_down', 'retracted')
            then 'thumbs:' || {{ about }}
        when {{ feedback }}.feedback_type = 'rating'
            then 'rating:' || coalesce({{ feedback }}.survey_id, '') || ':' || {{ about }}
        when {{ feedback }}.feedback_type in ('nps', 'csat')
            then
                {{ feedback }}.feedback_type || ':'
                || coalesce({{ feedback }}.survey_id, {{ feedback }}.event_id)
        else 'event:' || {{ feedback }}.event_id
    end
{% endmacro %}
