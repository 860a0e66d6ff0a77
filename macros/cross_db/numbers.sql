{# How many of the 16 nibbles of two 64-bit integers are equal; NULL if either is. #}
{% macro equal_nibbles(a, b) %}
    {{ return(adapter.dispatch('equal_nibbles', 'llm_analytics')(a, b)) }}
{% endmacro %}

{% macro default__equal_nibbles(a, b) -%}
    {%- set x = 'xor(' ~ a ~ ', ' ~ b ~ ')' -%}
    {%- set any_bit = '(' ~ x ~ ' | (' ~ x ~ ' >> 1) | (' ~ x ~ ' >> 2) | (' ~ x ~ ' >> 3))' -%}
    (16 - bit_count({{ any_bit }} & 1229782938247303441))
{%- endmacro %}

{% macro postgres__equal_nibbles(a, b) -%}
    {%- set x = '(' ~ a ~ ' # ' ~ b ~ ')' -%}
    {%- set any_bit = '(' ~ x ~ ' | (' ~ x ~ ' >> 1) | (' ~ x ~ ' >> 2) | (' ~ x ~ ' >> 3))' -%}
    (16 - bit_count(cast({{ any_bit }} & 1229782938247303441 as bit(64))))
{%- endmacro %}

{% macro spark__equal_nibbles(a, b) -%}
    {%- set x = '(' ~ a ~ ' ^ ' ~ b ~ ')' -%}
    {%- set bits = [x] -%}
    {%- for places in [1, 2, 3] -%}
        {%- do bits.append('shiftright(' ~ x ~ ', ' ~ places ~ ')') -%}
    {%- endfor -%}
    cast(16 - bit_count(({{ bits | join(' | ') }}) & 1229782938247303441) as bigint)
{%- endmacro %}

{# (Without a count of bits: 16 is 1 modulo 15, so a remainder by 15 counts those of 8 nibbles.) #}
{% macro snowflake__equal_nibbles(a, b) -%}
    {%- set x = 'bitxor(' ~ a ~ ', ' ~ b ~ ')' -%}
    {%- set any_bit = namespace(sql=x) -%}
    {%- for places in [1, 2, 3] -%}
        {%- set any_bit.sql = (
            'bitor(' ~ any_bit.sql ~ ', bitshiftright(' ~ x ~ ', ' ~ places ~ '))'
        ) -%}
    {%- endfor -%}
    (
        16
        - mod(bitand({{ any_bit.sql }}, 286331153), 15)
        - mod(bitand(bitshiftright({{ any_bit.sql }}, 32), 286331153), 15)
    )
{%- endmacro %}

{# Rows for which a condition holds; NULL counts as not. #}
{% macro count_if(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}

{# Sum of integers, as bigint on every engine; NULL without a row. #}
{% macro sum_integer(expression) -%}
    cast(sum({{ expression }}) as bigint)
{%- endmacro %}

{# Sum of money, exact; NULL without a row. #}
{% macro sum_usd(expression) -%}
    cast(sum({{ expression }}) as decimal(38, 12))
{%- endmacro %}

{# Ratio of two counts or amounts, the last operation over exact columns; 0/0 is NULL. #}
{% macro ratio(numerator, denominator) -%}
    (
        cast({{ numerator }} as {{ llm_analytics.type_double() }})
        / nullif(cast({{ denominator }} as {{ llm_analytics.type_double() }}), 0)
    )
{%- endmacro %}

{# Quotient of two integers without its remainder: rounded towards zero. #}
{% macro whole_quotient(dividend, divisor) %}
    {{ return(adapter.dispatch('whole_quotient', 'llm_analytics')(dividend, divisor)) }}
{% endmacro %}

{% macro default__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} // {{ divisor }})
{%- endmacro %}

{% macro postgres__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} / {{ divisor }})
{%- endmacro %}

{% macro spark__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} div {{ divisor }})
{%- endmacro %}

{# (Its quotient has six decimal places, the last one rounded.) #}
{% macro snowflake__whole_quotient(dividend, divisor) -%}
    cast(({{ dividend }} - mod({{ dividend }}, {{ divisor }})) / {{ divisor }} as bigint)
{%- endmacro %}

{#
    Nearest-rank quantile: the smallest value that at least the share q of the values do not
    exceed.
#}
{% macro quantile(expression, q) %}
    {{ return(adapter.dispatch('quantile', 'llm_analytics')(expression, q)) }}
{% endmacro %}

{% macro default__quantile(expression, q) -%}
    quantile_disc({{ expression }}, {{ q }})
{%- endmacro %}

{% macro postgres__quantile(expression, q) -%}
    percentile_disc({{ q }}) within group (order by {{ expression }})
{%- endmacro %}

{% macro snowflake__quantile(expression, q) -%}
    {{ llm_analytics.postgres__quantile(expression, q) }}
{%- endmacro %}

{# Spark's own percentile_disc answers in floating point. #}
{% macro spark__quantile(expression, q) -%}
    try_element_at(
        sort_array(collect_list({{ expression }})),
        cast(greatest(ceil({{ q }} * count({{ expression }})), 1) as int)
    )
{%- endmacro %}

{# Now, in microseconds, for versions of rows only: no metric may look at the clock. #}
{% macro clock_microseconds() %}
    {{ return(adapter.dispatch('clock_microseconds', 'llm_analytics')()) }}
{% endmacro %}

{% macro default__clock_microseconds() -%}
    epoch_us(cast(current_timestamp as timestamp))
{%- endmacro %}

{% macro postgres__clock_microseconds() -%}
    cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)
{%- endmacro %}

{% macro spark__clock_microseconds() -%}
    unix_micros(current_timestamp())
{%- endmacro %}

{% macro snowflake__clock_microseconds() -%}
    {{ llm_analytics.snowflake__epoch_microseconds('sysdate()') }}
{%- endmacro %}

{# The type of floating-point numbers of 64 bits. (dbt's own type_float has 32 on DuckDB.) #}
{% macro type_double() %}
    {{- return(adapter.dispatch('type_double', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__type_double() -%}
    double precision
{%- endmacro %}

{% macro spark__type_double() -%}
    {{ llm_analytics.spark_type(llm_analytics.default__type_double()) }}
{%- endmacro %}
