-- One row per way to save, the largest first, over the 28 reporting dates that end with as_of.
with

waste as (
    select * from {{ ref('cost_waste_daily') }}
),

caching as (
    select * from {{ ref('cost_caching_daily') }}
),

repricing as (
    select * from {{ ref('cost_under_other_models_daily') }}
),

bounds as (
    select
        {{ llm_analytics.add_days(
            llm_analytics.reporting_date(llm_analytics.as_of(['responses'])), -28
        ) }} as after_date
),

cheaper_models as (
    select
        repricing.provider,
        repricing.model,
        repricing.other_model,
        sum(repricing.n_calls) as n_calls,
        sum(repricing.cost_usd) as cost_usd,
        sum(repricing.saving_usd) as saving_usd,
        row_number() over (
            partition by repricing.provider, repricing.model
            order by
                sum(repricing.saving_usd) desc,
                {{ llm_analytics.text_order("coalesce(repricing.other_provider, '')") }},
                {{ llm_analytics.text_order('repricing.other_model') }}
        ) as saving_rank
    from repricing
    inner join bounds
        on repricing.date_day > bounds.after_date
    group by
        repricing.provider, repricing.model, repricing.other_provider, repricing.other_model
),

opportunities as (
    select
        'waste' as kind,
        waste.provider,
        waste.model,
        waste.reason as detail,
        sum(waste.n_calls) as n_calls,
        sum(waste.cost_usd) as cost_usd,
        sum(waste.cost_usd) as saving_usd
    from waste
    inner join bounds
        on waste.date_day > bounds.after_date
    where waste.reason <> 'useful'
    group by waste.provider, waste.model, waste.reason
    union all
    select
        'caching' as kind,
        caching.provider,
        caching.model,
        'target rate of reads' as detail,
        sum(caching.n_calls) as n_calls,
        sum(caching.cost_usd) as cost_usd,
        sum(caching.cost_usd - caching.target_cost_usd) as saving_usd
    from caching
    inner join bounds
        on caching.date_day > bounds.after_date
    group by caching.provider, caching.model
    union all
    select
        'cheaper_model' as kind,
        provider,
        model,
        other_model as detail,
        n_calls,
        cost_usd,
        saving_usd
    from cheaper_models
    where saving_rank = 1
),

final as (
    select
        cast(row_number() over (
            order by
                saving_usd desc,
                {{ llm_analytics.text_order('kind') }},
                {{ llm_analytics.text_order("coalesce(provider, '')") }},
                {{ llm_analytics.text_order("coalesce(model, '')") }},
                {{ llm_analytics.text_order('detail') }}
        ) as {{ dbt.type_bigint() }}) as position,
        kind,
        provider,
        model,
        detail,
        cast(n_calls as {{ dbt.type_bigint() }}) as n_calls,
        cast(cost_usd as decimal(38, 12)) as cost_usd,
        cast(saving_usd as decimal(38, 12)) as saving_usd
    from opportunities
    where saving_usd > 0
)

select * from final
