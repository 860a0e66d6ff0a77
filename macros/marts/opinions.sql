{# A query: what users say and show about each answer, as it stands. #}
{% macro standing_opinions(feedback) %}
    select
        response_event_id,
        {{ llm_analytics.count_if("feedback_type = 'thumbs_up'") }} as n_up,
        {{ llm_analytics.count_if("feedback_type = 'thumbs_down'") }} as n_down,
        {{ llm_analytics.count_if("feedback_type in ('copy', 'share')") }} as n_copies_and_shares,
        {{ llm_analytics.count_if('text_length > 0') }} as n_texts,
        count(case when feedback_type = 'rating' then feedback_score end) as n_ratings,
        sum(case when feedback_type = 'rating' then feedback_score end) as rating_sum
    from {{ feedback }}
    where
        is_standing
        and response_event_id is not null
    group by response_event_id
{%- endmacro %}

{# A query: the successful answers. Those to a known user are eligible for thumbs. #}
{% macro answers_with_opinions(calls, opinions) %}
    select
        calls.user_id,
        calls.response_date as date_day,
        calls.user_id is not null as is_eligible,
        coalesce(opinions.n_up, 0) as n_up,
        coalesce(opinions.n_down, 0) as n_down,
        coalesce(opinions.n_copies_and_shares, 0) as n_copies_and_shares,
        coalesce(opinions.n_texts, 0) as n_texts,
        coalesce(opinions.n_ratings, 0) as n_ratings,
        opinions.rating_sum
    from {{ calls }} as calls
    left join {{ opinions }} as opinions
        on calls.response_event_id = opinions.response_event_id
    where calls.is_successful_answer
{%- endmacro %}

{# What is summed of answers with opinions: an SQL expression by column. #}
{% macro opinion_sums() %}
    {{ return({
        'n_answers': 'count(*)',
        'n_eligible': llm_analytics.count_if('is_eligible'),
        'n_rated': llm_analytics.count_if('is_eligible and n_up + n_down > 0'),
        'n_up': llm_analytics.sum_integer('case when is_eligible then n_up else 0 end'),
        'n_down': llm_analytics.sum_integer('case when is_eligible then n_down else 0 end'),
        'n_complaints': llm_analytics.count_if('is_eligible and n_down > 0 and n_texts > 0'),
        'n_copied_or_shared': llm_analytics.count_if('n_copies_and_shares > 0'),
        'n_ratings': llm_analytics.sum_integer('n_ratings'),
        'rating_sum': 'cast(sum(rating_sum) as decimal(38, 12))',
    }) }}
{% endmacro %}
