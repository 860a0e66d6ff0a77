{#
    Is a score or annotation of this name feedback of a user, rather than an evaluation? Names are
    compared without case, and - is _.
#}
{% macro is_feedback_name(name) %}
    {{ return(adapter.dispatch('is_feedback_name', 'llm_analytics')(name)) }}
{% endmacro %}

{% macro default__is_feedback_name(name) -%}
    {%- set names = llm_analytics.setting('feedback_score_names')
        + llm_analytics.setting('rating_score_names') -%}
    {{ llm_analytics.is_name_among(name, names) }}
{%- endmacro %}

{# Does a score of this name count stars, rather than thumbs? #}
{% macro is_rating_name(name) -%}
    {{ llm_analytics.is_name_among(name, llm_analytics.setting('rating_score_names')) }}
{%- endmacro %}

{# Is a name one of these? Never NULL. #}
{% macro is_name_among(name, names) -%}
    coalesce(lower(replace({{ name }}, '-', '_')) in (
        {%- for one in names -%}
            '{{ one | lower | replace('-', '_') | replace("'", "''") }}'
            {%- if not loop.last %}, {% endif -%}
        {%- else -%}
            null
        {%- endfor -%}
    ), false)
{%- endmacro %}

{#
    The kind of feedback that a score of a user is: a rating by its name, a thumb by its label or
    its sign, else only a comment.
#}
{% macro feedback_type_of_score(name, value, label) %}
    {{ return(adapter.dispatch('feedback_type_of_score', 'llm_analytics')(name, value, label)) }}
{% endmacro %}

{% macro default__feedback_type_of_score(name, value, label) -%}
    case
        when {{ llm_analytics.is_rating_name(name) }} then 'rating'
        when lower({{ label }}) in (
            'thumbs_up', 'thumbs up', 'up', 'positive', 'like', 'good', 'true', 'yes', '👍'
        ) then 'thumbs_up'
        when lower({{ label }}) in (
            'thumbs_down', 'thumbs down', 'down', 'negative', 'dislike', 'bad', 'false', 'no', '👎'
        ) then 'thumbs_down'
        when {{ label }} is not null then 'comment'
        when {{ value }} > 0 then 'thumbs_up'
        when {{ value }} <= 0 then 'thumbs_down'
        else 'comment'
    end
{%- endmacro %}

{#
    A score from 0 to 1, higher is better, by the scale of its criterion (setting score_scales: worst
    and best value); without one, of a value that lies there already. NULL for any other.
#}
{% macro scaled_score(criterion, value) %}
    {{ return(adapter.dispatch('scaled_score', 'llm_analytics')(criterion, value)) }}
{% endmacro %}

{% macro default__scaled_score(criterion, value) -%}
    {%- set scales = llm_analytics.setting('score_scales') -%}
    {%- set results = [[none, value]] -%}
    {%- for name, ends in scales.items() -%}
        {#- The factor as a decimal: a division would be a float on one engine only. -#}
        {%- set factor = '%.12f' | format(1.0 / (ends[1] - ends[0])) -%}
        {%- do results.insert(0, [
            llm_analytics.is_name_among(criterion, [name]),
            '(' ~ value ~ ' - ' ~ ends[0] ~ ') * ' ~ factor,
        ]) -%}
    {%- endfor -%}
    case
        {%- for condition, result in results %}
        {%- set scaled = 'cast(' ~ result ~ ' as decimal(18, 6))' %}
        {%- if condition %}
        when {{ condition }}
            then case when {{ scaled }} between 0 and 1 then {{ scaled }} end
        {%- else %}
        when {{ scaled }} between 0 and 1 then {{ scaled }}
        {%- endif %}
        {%- endfor %}
    end
{%- endmacro %}
