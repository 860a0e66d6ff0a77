-- One row per arm, measure, kind of evaluator and slice: sums over units, for compare-models.
-- An arm is a variant of an experiment, under the model that answered most of it; or, without an
-- experiment, a model with what it answered in the last 28 reporting dates: nobody chose at random.
{% set slices = ['__all__', 'feature', 'platform'] %}
{% set arm = ['experiment_id', 'variant', 'provider', 'model', 'is_randomised'] %}
{% set counts = [
    'n_true_positives', 'n_false_negatives', 'n_true_negatives', 'n_false_positives',
] %}

with

exposures as (
    select * from {{ ref('experiment_exposures') }}
    where not is_excluded
),

interactions as (
    select * from {{ ref('experiment_interactions') }}
    where is_answered
),

responses as (
    select * from {{ ref('fct_responses') }}
    where is_successful_answer
),

verdicts as (
    select * from {{ ref('int_answer_verdicts') }}
),

period as (
    select
        {{ llm_analytics.reporting_date(llm_analytics.as_of(['queries'])) }} as last_date,
        min(interaction_date) as first_date
    from interactions
),

bounds as (
    select
        last_date,
        {{ llm_analytics.add_days('last_date', -28) }} as after_date,
        cast(
            least({{ llm_analytics.days_between('first_date', 'last_date') }} + 1, 28)
            as {{ dbt.type_bigint() }}
        ) as n_days
    from period
),

answers as (
    select
        interaction_id,
        answer_id,
        user_id,
        account_id,
        conversation_id,
        device_id,
        provider,
        model,
        coalesce(feature, 'unknown') as feature,
        coalesce(platform, 'unknown') as platform,
        case when n_unpriced_calls = 0 then {{ llm_analytics.nano_usd('cost_usd') }} end
            as cost_nano_usd,
        asked_at,
        interaction_date
    from interactions
),

{{ llm_analytics.experiment_rows('exposed', {
    'relation': 'answers',
    'at': 'asked_at',
    'keys': {
        'user': 'user_id', 'account': 'account_id', 'conversation': 'conversation_id',
        'device': 'device_id',
    },
    'columns': [
        'interaction_id', 'answer_id', 'provider', 'model', 'feature', 'platform',
        'cost_nano_usd',
    ],
}) }},

randomised as (
    select
        exposed_rows.*,
        exposures.variant
    from exposed_rows
    inner join exposures
        on
            exposed_rows.experiment_id = exposures.experiment_id
            and exposed_rows.unit_id = exposures.unit_id
    where exposed_rows.is_in_window
),

served as (
    select
        experiment_id,
        variant,
        provider,
        model,
        count(*) as n_served,
        row_number() over (
            partition by experiment_id, variant
            order by
                count(*) desc,
                {{ llm_analytics.text_order("coalesce(provider, '')") }},
                {{ llm_analytics.text_order("coalesce(model, '')") }}
        ) as place
    from randomised
    group by experiment_id, variant, provider, model
),

arms as (
    select
        randomised.experiment_id,
        randomised.variant,
        served.provider,
        served.model,
        randomised.unit_id,
        randomised.answer_id,
        randomised.feature,
        randomised.platform,
        randomised.cost_nano_usd,
        case when
                randomised.model = served.model
                and coalesce(randomised.provider, '') = coalesce(served.provider, '')
                then 1
            else 0
        end as of_model,
        true as is_randomised
    from randomised
    inner join served
        on
            randomised.experiment_id = served.experiment_id
            and randomised.variant = served.variant
    where served.place = 1
    union all
    select
        cast(null as {{ dbt.type_string() }}) as experiment_id,
        cast(null as {{ dbt.type_string() }}) as variant,
        answers.provider,
        answers.model,
        coalesce(answers.user_id, answers.conversation_id, answers.interaction_id) as unit_id,
        answers.answer_id,
        answers.feature,
        answers.platform,
        answers.cost_nano_usd,
        1 as of_model,
        false as is_randomised
    from answers
    inner join bounds
        on answers.interaction_date > bounds.after_date
    where answers.model is not null
),

-- Humans beside judges where both looked at the same answer, to say how a judge errs.
checked as (
    select
        responses.response_event_id,
        verdicts.criterion,
        verdicts.evaluator_kind,
        case when verdicts.is_good then 1 else 0 end as is_good,
        case when humans.is_good and verdicts.is_good then 1 else 0 end as n_true_positives,
        case when humans.is_good and not verdicts.is_good then 1 else 0 end as n_false_negatives,
        case when not humans.is_good and not verdicts.is_good then 1 else 0 end
            as n_true_negatives,
        case when not humans.is_good and verdicts.is_good then 1 else 0 end as n_false_positives
    from verdicts
    left join verdicts as humans
        on
            verdicts.response_id = humans.response_id
            and verdicts.criterion = humans.criterion
            and verdicts.evaluator_kind = 'judge'
            and humans.evaluator_kind = 'human'
    inner join responses
        on verdicts.response_id = coalesce(responses.response_id, responses.response_event_id)
),

measured as (
    select
        {{ llm_analytics.columns_of('arms', arm) }},
        arms.unit_id,
        arms.feature,
        arms.platform,
        'cost' as measure,
        cast(null as {{ dbt.type_string() }}) as evaluator_kind,
        coalesce(arms.cost_nano_usd, 0) as num,
        case when arms.cost_nano_usd is not null then 1 else 0 end as den,
        {%- for count in counts %}
        0 as {{ count }},
        {%- endfor %}
        arms.of_model
    from arms
    union all
    select
        {{ llm_analytics.columns_of('arms', arm) }},
        arms.unit_id,
        arms.feature,
        arms.platform,
        checked.criterion as measure,
        checked.evaluator_kind,
        checked.is_good as num,
        1 as den,
        {%- for count in counts %}
        checked.{{ count }},
        {%- endfor %}
        arms.of_model
    from arms
    inner join checked
        on arms.answer_id = checked.response_event_id
),

units as (
    {%- for slice_name in slices %}
    select
        {{ arm | join(',\n        ') }},
        measure,
        evaluator_kind,
        '{{ slice_name }}' as slice_name,
        {{ "'__all__'" if slice_name == '__all__' else slice_name }} as slice,
        unit_id,
        cast(sum(num) as decimal(38, 0)) as num,
        cast(sum(den) as decimal(38, 0)) as den,
        {%- for count in counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        count(*) as n_answers,
        sum(of_model) as n_answers_of_model
    from measured
    group by
        {{ arm | join(',\n        ') }},
        measure,
        evaluator_kind,
        unit_id
        {{- ',\n        ' ~ slice_name if slice_name != '__all__' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

totals as (
    select
        {{ arm | join(',\n        ') }},
        measure,
        evaluator_kind,
        slice_name,
        slice,
        {%- for count in ['n_answers', 'n_answers_of_model'] + counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        count(*) as n_units,
        sum(num) as sum_num,
        sum(den) as sum_den,
        sum(num * num) as sum_num_num,
        sum(num * den) as sum_num_den,
        sum(den * den) as sum_den_den
    from units
    group by
        {{ arm | join(',\n        ') }},
        measure,
        evaluator_kind,
        slice_name,
        slice
),

final as (
    select
        -- ids
        totals.experiment_id,

        -- strings
        totals.variant,
        totals.provider,
        totals.model,
        totals.measure,
        totals.evaluator_kind,
        totals.slice_name,
        totals.slice,

        -- numerics
        cast(case when not totals.is_randomised then bounds.n_days end as {{ dbt.type_bigint() }})
            as n_days,
        totals.n_units,
        {%- for count in ['n_answers', 'n_answers_of_model'] + counts %}
        cast(totals.{{ count }} as {{ dbt.type_bigint() }}) as {{ count }},
        {%- endfor %}
        {%- for sum in ['sum_num', 'sum_den', 'sum_num_num', 'sum_num_den', 'sum_den_den'] %}
        cast(totals.{{ sum }} as decimal(38, 0)) as {{ sum }},
        {%- endfor %}

        -- booleans
        totals.is_randomised,

        -- dates
        bounds.last_date
    from totals
    cross join bounds
)

select * from final
