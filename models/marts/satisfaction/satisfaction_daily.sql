-- One row per reporting date of the answer: a late vote restates its day.
with

calls as (
    select * from {{ ref('int_calls') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

opinions as (
    select
        response_event_id,
        {{ llm_analytics.count_if("feedback_type = 'thumbs_up'") }} as n_up,
        {{ llm_analytics.count_if("feedback_type = 'thumbs_down'") }} as n_down,
        {{ llm_analytics.count_if("feedback_type in ('copy', 'share')") }} as n_copies_and_shares,
        {{ llm_analytics.count_if('text_length > 0') }} as n_texts,
        count(case when feedback_type = 'rating' then feedback_score end) as n_ratings,
        sum(case when feedback_type = 'rating' then feedback_score end) as rating_sum
    from feedback
    where
        is_standing
        and response_event_id is not null
    group by response_event_id
),

answers as (
    select
        calls.response_date as date_day,
        calls.user_id is not null as is_eligible,
        coalesce(opinions.n_up, 0) as n_up,
        coalesce(opinions.n_down, 0) as n_down,
        coalesce(opinions.n_copies_and_shares, 0) as n_copies_and_shares,
        coalesce(opinions.n_texts, 0) as n_texts,
        coalesce(opinions.n_ratings, 0) as n_ratings,
        opinions.rating_sum
    from calls
    left join opinions
        on calls.response_event_id = opinions.response_event_id
    where calls.is_successful_answer
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
