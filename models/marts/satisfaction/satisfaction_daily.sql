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
        {% for column, sum in llm_analytics.opinion_sums().items() -%}
        {{ sum }} as {{ column }},
        {% endfor -%}
        date_day
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
