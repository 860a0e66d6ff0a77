-- One row per date of the answer, evaluator, rubric with its version, criterion and label.
-- The last word of an evaluator on a thing counts, as in evaluation_scores_daily.
with

evaluations as (
    select * from {{ ref('int_dated_evaluations') }}
),

labels as (
    select
        date_day,
        evaluator_kind,
        evaluator_id,
        rubric,
        rubric_version,
        criterion,
        label,
        count(*) as n_with_label
    from evaluations
    where
        recency = 1
        and label is not null
    group by date_day, evaluator_kind, evaluator_id, rubric, rubric_version, criterion, label
),

totals as (
    select
        labels.*,
        sum(labels.n_with_label) over (
            partition by
                labels.date_day,
                labels.evaluator_kind,
                labels.evaluator_id,
                labels.rubric,
                labels.rubric_version,
                labels.criterion
        ) as n_labelled
    from labels
),

final as (
    select
        date_day,
        evaluator_kind,
        evaluator_id,
        rubric,
        rubric_version,
        criterion,
        label,
        n_with_label,
        cast(n_labelled as {{ dbt.type_bigint() }}) as n_labelled,
        {{ llm_analytics.ratio('n_with_label', 'n_labelled') }} as label_share
    from totals
)

select * from final
