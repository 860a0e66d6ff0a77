-- One row per user, feature and reporting date of use: by a query, or by an event in the product.
with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

product_events as (
    select * from {{ ref('fct_product_events') }}
),

uses as (
    select
        user_id,
        feature,
        interaction_date as activity_date,
        count(*) as n_queries,
        0 as n_events
    from interactions
    where
        user_id is not null
        and feature is not null
    group by user_id, feature, interaction_date
    union all
    select
        user_id,
        feature,
        event_date as activity_date,
        0 as n_queries,
        count(*) as n_events
    from product_events
    where
        user_id is not null
        and feature is not null
    group by user_id, feature, event_date
),

final as (
    select
        user_id,
        feature,
        activity_date,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        {{ llm_analytics.sum_integer('n_events') }} as n_events
    from uses
    group by user_id, feature, activity_date
)

select * from final
