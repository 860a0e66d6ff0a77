-- One row per stream and reason for which loads refused lines. Refused lines have no date to go by.
with

final as (
    select
        stream,
        reason,
        n_lines
    from {{ ref('int_quarantine_counts') }}
)

select * from final
