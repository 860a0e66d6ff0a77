-- One row per reporting date of the answer: a late vote restates its day.
with

calls as (
    select * from {{ ref('int_calls') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

opinions as (
    {{ llm_analytics.standing_opinions('feedback') }}
),

answers as (
    {{ llm_analytics.answers_with_opinions('calls', 'opinions') }}
),

totals as (
    select
        date_day,
        count(*) as n_answers,
        {{ llm_analytics.count_if('is_eligible') }} as n_eligible,
        {{ llm_analytics.count_if('is_eligible and n_up + n_down > 0') }} as n_rated,
        {{ llm_analytics.sum_integer('case when is_eligible then n_up else 0 end') }} as n_up,
        {{ llm_analytics.sum_integer('case when is_eligible then n_down else 0 end') }} as n_down,
        {{ llm_analytics.count_if('is_eligible and n_down > 0 and n_texts > 0') }} as n_complaints,
        {{ llm_analytics.count_if('n_copies_and_shares > 0') }} as n_copied_or_shared,
        {{ llm_analytics.sum_integer('n_ratings') }} as n_ratings,
        cast(sum(rating_sum) as decimal(38, 12)) as rating_sum
    from answers
    group by date_day
),

final as (
    select
        date_day,
        n_answers,
        n_eligible,
        n_rated,
        n_up,
        n_down,
        n_complaints,
        n_copied_or_shared,
        n_ratings,
        rating_sum,
        {{ llm_analytics.ratio('n_up', 'n_up + n_down') }} as thumbs_ratio,
        {{ llm_analytics.wilson_bound('n_up', '(n_up + n_down)', 'low') }} as thumbs_ratio_low,
        {{ llm_analytics.wilson_bound('n_up', '(n_up + n_down)', 'high') }} as thumbs_ratio_high,
        {{ llm_analytics.ratio('n_rated', 'n_eligible') }} as response_rate,
        {{ llm_analytics.ratio('n_copied_or_shared', 'n_answers') }} as copy_share_rate,
        {{ llm_analytics.ratio('rating_sum', 'n_ratings') }} as mean_rating
    from totals
)

select * from final
