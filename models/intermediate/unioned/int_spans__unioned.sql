-- One row per recorded span, call or not, of every source that has spans and was loaded: which span
-- stands in which.
{{ config(materialized='view') }}

with

final as (
    {% for relation in llm_analytics.staged('spans') -%}
    select
        source,
        trace_id,
        span_id,
        parent_span_id,
        load_seq
    from {{ relation }}
    union all
    {% endfor -%}
    select
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as trace_id,
        cast(null as {{ dbt.type_string() }}) as span_id,
        cast(null as {{ dbt.type_string() }}) as parent_span_id,
        cast(null as {{ dbt.type_bigint() }}) as load_seq
    where false
)

select * from final
