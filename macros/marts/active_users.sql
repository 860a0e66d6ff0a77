{# A query: each active day of a user with the one before and the next. #}
{% macro numbered_days(user_days) %}
    select
        user_id,
        activity_date,
        n_queries,
        lead(activity_date) over (
            partition by user_id
            order by activity_date
        ) as next_date,
        lag(activity_date) over (
            partition by user_id
            order by activity_date
        ) as previous_date
    from {{ user_days }}
{%- endmacro %}

{#
    A query: a user enters a window of so many days on an active day and leaves it when the window has
    passed or the next active day takes over, so that a running sum counts each user once.
#}
{% macro window_changes(numbered_days, days) %}
    select
        user_id,
        activity_date as date_day,
        1 as delta
    from {{ numbered_days }}
    union all
    select
        user_id,
        case
            when next_date <= {{ llm_analytics.add_days('activity_date', days) }} then next_date
            else {{ llm_analytics.add_days('activity_date', days) }}
        end as date_day,
        -1 as delta
    from {{ numbered_days }}
{%- endmacro %}
