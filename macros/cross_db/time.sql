{# A timestamp as whole microseconds since 1970. #}
{% macro epoch_microseconds(timestamp) %}
    {{ return(adapter.dispatch('epoch_microseconds', 'llm_analytics')(timestamp)) }}
{% endmacro %}

{% macro default__epoch_microseconds(timestamp) -%}
    epoch_us({{ timestamp }})
{%- endmacro %}

{% macro postgres__epoch_microseconds(timestamp) -%}
    cast(extract(epoch from {{ timestamp }}) * 1000000 as bigint)
{%- endmacro %}

{% macro spark__epoch_microseconds(timestamp) -%}
    unix_micros(cast({{ timestamp }} as timestamp))
{%- endmacro %}

{% macro snowflake__epoch_microseconds(timestamp) -%}
    datediff(microsecond, cast('1970-01-01 00:00:00' as timestamp), {{ timestamp }})
{%- endmacro %}

{#
    Whole microseconds from one timestamp to another; exact, unlike differences in floating
    seconds.
#}
{% macro microseconds_between(earlier, later) -%}
    (
        {{ llm_analytics.epoch_microseconds(later) }}
        - {{ llm_analytics.epoch_microseconds(earlier) }}
    )
{%- endmacro %}

{# A timestamp moved by whole seconds (an expression or a number). #}
{% macro add_seconds(timestamp, seconds) %}
    {{ return(adapter.dispatch('add_seconds', 'llm_analytics')(timestamp, seconds)) }}
{% endmacro %}

{% macro default__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + to_seconds({{ seconds }}))
{%- endmacro %}

{% macro postgres__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + {{ seconds }} * interval '1 second')
{%- endmacro %}

{% macro spark__add_seconds(timestamp, seconds) -%}
    timestamp_micros(
        unix_micros(cast({{ timestamp }} as timestamp)) + cast({{ seconds }} as bigint) * 1000000
    )
{%- endmacro %}

{% macro snowflake__add_seconds(timestamp, seconds) -%}
    dateadd(second, {{ seconds }}, {{ timestamp }})
{%- endmacro %}

{# A timestamp moved by whole milliseconds (an expression or a number). #}
{% macro add_milliseconds(timestamp, milliseconds) %}
    {{ return(adapter.dispatch('add_milliseconds', 'llm_analytics')(timestamp, milliseconds)) }}
{% endmacro %}

{% macro default__add_milliseconds(timestamp, milliseconds) -%}
    {{ dbt.dateadd('millisecond', milliseconds, timestamp) }}
{%- endmacro %}

{# (dbt-spark's dateadd knows whole seconds alone.) #}
{% macro spark__add_milliseconds(timestamp, milliseconds) -%}
    timestamp_micros(unix_micros(cast({{ timestamp }} as timestamp)) + {{ milliseconds }} * 1000)
{%- endmacro %}

{#
    The reporting date of a UTC timestamp: its date in the reporting zone, daylight saving
    included.
#}
{% macro reporting_date(timestamp) %}
    {%- set zone = llm_analytics.setting('timezone') -%}
    {%- if zone == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        cast({{ llm_analytics.time_in_zone(timestamp, zone) }} as date)
    {%- endif -%}
{% endmacro %}

{# What clocks of a zone show at a UTC timestamp. #}
{% macro time_in_zone(timestamp, zone) %}
    {{ return(adapter.dispatch('time_in_zone', 'llm_analytics')(timestamp, zone)) }}
{% endmacro %}

{% macro default__time_in_zone(timestamp, zone) -%}
    ({{ timestamp }} at time zone 'UTC') at time zone '{{ zone }}'
{%- endmacro %}

{% macro spark__time_in_zone(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, '{{ zone }}')
{%- endmacro %}

{% macro snowflake__time_in_zone(timestamp, zone) -%}
    convert_timezone('UTC', '{{ zone }}', {{ timestamp }})
{%- endmacro %}

{# The UTC timestamp at which clocks of a zone show a time. #}
{% macro time_from_zone(timestamp, zone) %}
    {{ return(adapter.dispatch('time_from_zone', 'llm_analytics')(timestamp, zone)) }}
{% endmacro %}

{% macro default__time_from_zone(timestamp, zone) -%}
    (({{ timestamp }} at time zone '{{ zone }}') at time zone 'UTC')
{%- endmacro %}

{% macro spark__time_from_zone(timestamp, zone) -%}
    to_utc_timestamp({{ timestamp }}, '{{ zone }}')
{%- endmacro %}

{% macro snowflake__time_from_zone(timestamp, zone) -%}
    convert_timezone('{{ zone }}', 'UTC', {{ timestamp }})
{%- endmacro %}

{# The UTC instant at which a reporting date begins. #}
{% macro start_of_reporting_date(date) %}
    {%- set zone = llm_analytics.setting('timezone') -%}
    {%- if zone == 'UTC' -%}
        cast({{ date }} as timestamp)
    {%- else -%}
        {{ llm_analytics.time_from_zone('cast(' ~ date ~ ' as timestamp)', zone) }}
    {%- endif -%}
{% endmacro %}

{# A date moved by whole days (an expression or a number). #}
{% macro add_days(date, days) %}
    {{ return(adapter.dispatch('add_days', 'llm_analytics')(date, days)) }}
{% endmacro %}

{% macro default__add_days(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as integer))
{%- endmacro %}

{% macro snowflake__add_days(date, days) -%}
    cast(dateadd(day, {{ days }}, {{ date }}) as date)
{%- endmacro %}

{# Whole days from one date to another. #}
{% macro days_between(earlier, later) %}
    {{ return(adapter.dispatch('days_between', 'llm_analytics')(earlier, later)) }}
{% endmacro %}

{% macro default__days_between(earlier, later) -%}
    cast({{ later }} - {{ earlier }} as bigint)
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{% macro snowflake__days_between(earlier, later) -%}
    datediff(day, {{ earlier }}, {{ later }})
{%- endmacro %}

{# The start of the stretch of whole minutes, counted from midnight UTC, that a timestamp lies in. #}
{% macro start_of_minutes(timestamp, minutes) -%}
    {{ llm_analytics.add_seconds(
        "cast('1970-01-01 00:00:00' as timestamp)",
        llm_analytics.whole_quotient(
            llm_analytics.epoch_microseconds(timestamp), minutes * 60000000
        ) ~ ' * ' ~ minutes * 60
    ) }}
{%- endmacro %}
