-- Nothing is lost at the door: a file's lines are blank, accepted, duplicates, quarantined or of
-- people who were erased before, and a load is the sum of its files. Of the lines that it refused
-- quarantine keeps those that no earlier load left there, until somebody whom they name is erased.
with

files as (
    select * from {{ ref('stg_loads__files') }}
),

loads as (
    select * from {{ ref('stg_loads__loads') }}
),

quarantine as (
    select * from {{ ref('stg_loads__quarantine') }}
),

refused as (
    select
        load_seq,
        file_number,
        count(*) as n_refused
    from quarantine
    group by load_seq, file_number
),

lossy_files as (
    select files.load_seq
    from files
    left join refused
        on
            files.load_seq = refused.load_seq
            and files.file_number = refused.file_number
    where
        files.n_lines <> files.n_blank + files.n_accepted + files.n_duplicates
        + files.n_quarantined + files.n_erased
        or files.n_quarantined < coalesce(refused.n_refused, 0)
),

totals as (
    select
        load_seq,
        sum(n_lines) as n_lines,
        sum(n_accepted) as n_accepted
    from files
    group by load_seq
),

lossy_loads as (
    select loads.load_seq
    from loads
    inner join totals
        on loads.load_seq = totals.load_seq
    where
        loads.n_lines <> totals.n_lines
        or loads.n_accepted <> totals.n_accepted
),

final as (
    select load_seq from lossy_files
    union all
    select load_seq from lossy_loads
)

select * from final
