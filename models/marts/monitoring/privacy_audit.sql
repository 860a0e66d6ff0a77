-- One row per load, erasure, purge and publication: what was done with personal data, under which
-- policy. An account of what was done, so that it has times of loads, as no other mart.
with

final as (
    select
        act,
        subject,
        policy_version,
        text_policy,
        n_people,
        n_rows,
        n_refused_lines,
        n_lines_of_erased,
        is_keyed,
        is_complete,
        happened_at
    from {{ ref('int_privacy_acts') }}
)

select * from final
