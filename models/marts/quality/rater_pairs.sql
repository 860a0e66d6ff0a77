-- One row per pair of evaluators, what they judge by, their two verdicts, and how many evaluators,
-- in all and of one kind, judged the thing: the counts that agreement is computed from.
with

evaluations as (
    select * from {{ ref('int_dated_evaluations') }}
),

last_words as (
    select
        evaluations.*,
        {{ llm_analytics.verdict('evaluations.score', 'evaluations.label') }} as verdict
    from evaluations
    where
        evaluations.recency = 1
        and evaluations.evaluator_id is not null
),

-- The last verdict of each evaluator; humans before judges, then by name.
verdicts as (
    select
        evaluator_kind,
        evaluator_id,
        coalesce(rubric, '') as rubric,
        coalesce(rubric_version, '') as rubric_version,
        criterion,
        thing,
        verdict,
        row_number() over (
            partition by rubric, rubric_version, criterion, thing
            order by
                {{ llm_analytics.text_order('evaluator_kind') }},
                {{ llm_analytics.text_order('evaluator_id') }}
        ) as position,
        count(*) over (
            partition by rubric, rubric_version, criterion, thing
        ) as n_raters,
        count(*) over (
            partition by rubric, rubric_version, criterion, thing, evaluator_kind
        ) as n_peers
    from last_words
    where verdict is not null
),

final as (
    select
        -- what the row is about
        one.evaluator_kind,
        one.evaluator_id,
        other.evaluator_kind as other_evaluator_kind,
        other.evaluator_id as other_evaluator_id,
        nullif(one.rubric, '') as rubric,
        nullif(one.rubric_version, '') as rubric_version,
        one.criterion,
        one.verdict,
        other.verdict as other_verdict,
        one.n_raters,
        one.n_peers,

        -- how often
        count(*) as n_things
    from verdicts as one
    inner join verdicts as other
        on
            one.rubric = other.rubric
            and one.rubric_version = other.rubric_version
            and one.criterion = other.criterion
            and one.thing = other.thing
            and one.position < other.position
    group by
        one.evaluator_kind, one.evaluator_id, other.evaluator_kind, other.evaluator_id,
        one.rubric, one.rubric_version, one.criterion, one.verdict, other.verdict, one.n_raters,
        one.n_peers
)

select * from final
