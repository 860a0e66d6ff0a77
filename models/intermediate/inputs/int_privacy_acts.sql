-- One row per load, erasure, purge and publication: what was done with personal data, under which
-- policy. An account of what was done, so that it has times of loads; no identifier.
with

loads as (
    select * from {{ ref('stg_loads__loads') }}
),

erasures as (
    select * from {{ ref('stg_loads__erasures') }}
),

purges as (
    select * from {{ ref('stg_loads__purges') }}
),

publications as (
    select * from {{ ref('stg_loads__publications') }}
),

final as (
    select
        'loaded' as act,
        source as subject,
        policy_version,
        text_policy,
        cast(null as {{ dbt.type_bigint() }}) as n_people,
        n_accepted as n_rows,
        n_quarantined as n_refused_lines,
        n_erased as n_lines_of_erased,
        is_keyed,
        true as is_complete,
        loaded_at as happened_at
    from loads
    union all
    select
        'erased' as act,
        cast(null as {{ dbt.type_string() }}) as subject,
        policy_version,
        cast(null as {{ dbt.type_string() }}) as text_policy,
        n_people,
        n_rows,
        n_refused_lines,
        cast(null as {{ dbt.type_bigint() }}) as n_lines_of_erased,
        cast(null as {{ dbt.type_boolean() }}) as is_keyed,
        completed_at is not null as is_complete,
        requested_at as happened_at
    from erasures
    union all
    select
        'purged' as act,
        table_name as subject,
        policy_version,
        cast(null as {{ dbt.type_string() }}) as text_policy,
        cast(null as {{ dbt.type_bigint() }}) as n_people,
        n_rows,
        cast(null as {{ dbt.type_bigint() }}) as n_refused_lines,
        cast(null as {{ dbt.type_bigint() }}) as n_lines_of_erased,
        cast(null as {{ dbt.type_boolean() }}) as is_keyed,
        true as is_complete,
        purged_at as happened_at
    from purges
    union all
    select
        act,
        form as subject,
        policy_version,
        cast(null as {{ dbt.type_string() }}) as text_policy,
        cast(null as {{ dbt.type_bigint() }}) as n_people,
        n_rows,
        cast(null as {{ dbt.type_bigint() }}) as n_refused_lines,
        cast(null as {{ dbt.type_bigint() }}) as n_lines_of_erased,
        has_ids as is_keyed,
        completed_at is not null as is_complete,
        began_at as happened_at
    from publications
)

select * from final
