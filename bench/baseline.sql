-- The core of the project's work by hand, as fast as one can write it for one engine and for events
-- of bench/events.py alone: all at once, without late data, tests, contracts or most columns. What
-- the models cost is compared with it, and `totals` at its end with what they say.
-- `raw` is the database that baseline_load.sql made. Times are epoch milliseconds, money is
-- 10^-12 US dollars; keys are 64-bit hashes where only a join needs them.

-- step: prices
create temp table prices as
with

sent as (
    select distinct
        provider,
        response_model as model,
        "timestamp" // 86400000 as day
    from raw.responses
),

listed as (
    from read_csv(
        'seeds/model_prices.csv',
        columns = {
            'provider': 'varchar', 'model': 'varchar', 'match': 'varchar', 'valid_from': 'date',
            'valid_to': 'date', 'input': 'decimal(18, 6)', 'cache_read': 'decimal(18, 6)',
            'cache_write': 'decimal(18, 6)', 'output': 'decimal(18, 6)', 'source': 'varchar'
        }
    )
)

select
    hash(sent.provider, sent.model, sent.day) as price_key,
    cast(listed.input * 1000000 as bigint) as input_price,
    cast(coalesce(listed.cache_read, 0) * 1000000 as bigint) as cache_read_price,
    cast(listed.output * 1000000 as bigint) as output_price
from sent
join listed
    on
        listed.match = 'exact'
        and sent.provider = listed.provider
        and sent.model = listed.model
        and date '1970-01-01' + cast(sent.day as integer) >= listed.valid_from
        and date '1970-01-01' + cast(sent.day as integer) < coalesce(listed.valid_to, 'infinity');

-- step: copies
create temp table query_copies as
select second.rowid as row
from raw.queries as second
join (
    select hash(event_id) as event_key, min(rowid) as first_row
    from raw.queries group by all having count(*) > 1
) as repeated
    on hash(second.event_id) = repeated.event_key and second.rowid > repeated.first_row;
create temp table call_copies as
select second.rowid as row
from raw.responses as second
join (
    select hash(event_id) as event_key, min(rowid) as first_row
    from raw.responses group by all having count(*) > 1
) as repeated
    on hash(second.event_id) = repeated.event_key and second.rowid > repeated.first_row;
create temp table feedback_copies as
select second.rowid as row
from raw.feedback as second
join (
    select hash(event_id) as event_key, min(rowid) as first_row
    from raw.feedback group by all having count(*) > 1
) as repeated
    on hash(second.event_id) = repeated.event_key and second.rowid > repeated.first_row;

-- step: pair
-- Old clients name no query: the turn of their conversation does.
create temp table turns as
select
    hash(conversation_id, conversation_turn) as turn_key,
    hash(event_id) as query_key
from raw.queries
where
    rowid not in (from query_copies)
    and hash(conversation_id) in (
        select hash(conversation_id) from raw.responses where query_id is null
    );

create temp table calls as
select
    coalesce(turns.query_key, hash(query_id)) as query_key,
    hash(response_id) as response_key,
    call_role = 'answer' as is_attempt,
    status = 'success' as is_success,
    provider,
    response_model as model,
    "timestamp" as ended_at,
    latency_ms,
    input_tokens + output_tokens as tokens,
    coalesce(
        (input_tokens - cache_read_tokens) * input_price
        + cache_read_tokens * cache_read_price
        + output_tokens * output_price,
        0
    ) as cost
from raw.responses
join prices on hash(provider, response_model, "timestamp" // 86400000) = price_key
left join turns
    on case when query_id is null then hash(conversation_id, conversation_turn) end = turn_key
where raw.responses.rowid not in (from call_copies);

create temp table votes as
select
    hash(response_id) as response_key,
    arg_max(feedback_type, "timestamp") = 'thumbs_up' as is_up
from raw.feedback
where feedback_type in ('thumbs_up', 'thumbs_down') and rowid not in (from feedback_copies)
group by all;

-- step: interactions
create table interactions as
with

served as (
    select
        query_key,
        count(*) filter (is_attempt) as n_attempts,
        sum(tokens)::bigint as tokens,
        sum(cost)::bigint as cost,
        max(ended_at) filter (is_attempt and is_success) as answered_at,
        arg_max(response_key, ended_at) filter (is_attempt and is_success) as answer_key,
        arg_max(latency_ms, ended_at) filter (is_attempt and is_success) as latency_ms
    from calls
    group by query_key
)

select
    queries.event_id as query_id,
    queries.user_id,
    queries.conversation_id,
    queries."timestamp" as asked_at,
    served.answered_at,
    served.tokens,
    served.cost,
    served.latency_ms,
    votes.is_up,
    case
        when served.n_attempts is null then 'unanswered'
        when served.answered_at is null then 'error'
        when not votes.is_up then 'negative_feedback'
        when served.latency_ms > 5000 then 'slow'
        else 'normal'
    end as end_state
from raw.queries as queries
left join served on hash(queries.event_id) = served.query_key
left join votes on served.answer_key = votes.response_key
where queries.rowid not in (from query_copies);

-- step: sessions
-- What a user does within one aligned half hour is one session in any case.
create temp table half_hours as
with

acts as (
    select
        hash(user_id) as user_key,
        asked_at // 1800000 as half_hour,
        min(asked_at) as first_at,
        max(asked_at) as last_at,
        max(answered_at) as answered_at,
        count(*) as n_queries,
        sum(tokens)::bigint as tokens,
        sum(cost)::bigint as cost,
        max(asked_at) as asked_at,
        arg_max(end_state, asked_at) as end_state
    from interactions
    group by user_key, half_hour
    union all by name
    select
        hash(user_id) as user_key,
        "timestamp" // 1800000 as half_hour,
        min("timestamp") as first_at,
        max("timestamp") as last_at,
        0 as n_queries
    from raw.feedback
    where rowid not in (from feedback_copies)
    group by user_key, half_hour
),

merged as (
    select
        user_key,
        half_hour,
        min(first_at) as first_at,
        max(last_at) as last_at,
        max(answered_at) as answered_at,
        sum(n_queries)::bigint as n_queries,
        sum(tokens)::bigint as tokens,
        sum(cost)::bigint as cost,
        any_value(end_state) as end_state
    from acts
    group by user_key, half_hour
),

paused as (
    select *, coalesce(first_at - lag(last_at) over of_user > 1800000, true) as is_paused
    from merged
    window of_user as (partition by user_key order by half_hour)
)

select
    * exclude (is_paused),
    count_if(is_paused) over (
        partition by user_key order by half_hour rows unbounded preceding
    ) as session_number
from paused;

create table sessions as
select
    user_key,
    session_number,
    min(first_at) as started_at,
    max(last_at) as last_activity_at,
    greatest(max(last_at), max(answered_at)) as ended_at,
    sum(n_queries)::bigint as n_queries,
    sum(tokens)::bigint as tokens,
    sum(cost)::bigint as cost,
    arg_max(end_state, half_hour) as end_state
from half_hours
group by user_key, session_number;

-- step: user_days
create table user_days as
select
    user_key,
    date '1970-01-01' + cast(half_hour // 48 as integer) as day,
    sum(n_queries)::bigint as n_queries,
    sum(tokens)::bigint as tokens,
    sum(cost)::bigint as cost
from half_hours
where n_queries > 0
group by user_key, day;

-- step: retention
create table retention as
with firsts as (select user_key, min(day) as cohort from user_days group by user_key)
select
    cohort,
    count_if(day = cohort) as users,
    count_if(day = cohort + 1) as d1,
    count_if(day = cohort + 7) as d7,
    count_if(day = cohort + 30) as d30
from user_days
join firsts using (user_key)
group by cohort;

-- step: active_users
create table active_users as
with

followed as (
    select
        day,
        lead(day, 1, date '9999-01-01') over (partition by user_key order by day) as next_day
    from user_days
),

steps as (
    select day, count(*) as dau, count(*) as weekly, count(*) as monthly
    from followed group by day
    union all by name
    select least(next_day, day + 7) as day, -count(*) as weekly from followed group by 1
    union all by name
    select least(next_day, day + 28) as day, -count(*) as monthly from followed group by 1
)

select
    day,
    coalesce(sum(dau), 0) as dau,
    sum(sum(weekly)) over until as wau,
    sum(sum(monthly)) over until as mau
from steps
where day <= (select max(day) from user_days)
group by day
window until as (order by day);

-- step: models_daily
create table models_daily as
select
    ended_at // 86400000 as day,
    provider,
    model,
    count_if(is_attempt) as n_attempts,
    count_if(is_attempt and not is_success) as n_failed,
    quantile_disc(latency_ms, [0.5, 0.95, 0.99]) filter (is_attempt and is_success) as latency,
    sum(tokens)::bigint as tokens,
    sum(cost)::bigint as cost
from calls
group by all;

-- step: satisfaction_daily
create table satisfaction_daily as
select
    answered_at // 86400000 as day,
    count(*) as n_answers,
    count_if(is_up) as n_up,
    count_if(not is_up) as n_down,
    count(is_up) / count(*) as response_rate
from interactions
where answered_at is not null
group by day;

-- step: conversations
create table conversations as
select
    conversation_id,
    count(*) as n_queries,
    count(answered_at) as depth,
    min(asked_at) as started_at,
    sum(cost)::bigint as cost
from interactions
group by conversation_id;

-- step: abandonment
create table abandonment as
with ended as (
    select n_queries as turn, count(*) as n_ended
    from sessions
    where
        n_queries > 0
        and ended_at - started_at <= 72 * 3600000
        and last_activity_at + 1800000 < least(
            (select max(asked_at) from interactions), (select max(ended_at) from calls)
        )
    group by turn
)
select
    turn,
    n_ended,
    sum(n_ended) over (order by turn desc) as n_reached
from ended;

-- step: checkpoint
checkpoint;

-- step: totals
-- In the words of the same figures of the marts, in totals.sql.
create table totals as
with

last_day as (select max(day) as day from user_days)

select 'interactions' as name, cast(count(*) as decimal(38, 12)) as value from interactions
union all
select 'answered', count(answered_at) from interactions
union all
select 'tokens', sum(tokens) from interactions
union all
select 'cost_usd', cast(sum(cost) as decimal(38, 12)) * 0.000000000001 from interactions
union all
select 'thumbs_up', count_if(is_up) from interactions
union all
select 'thumbs_down', count_if(not is_up) from interactions
union all
select 'ended_badly', count_if(end_state <> 'normal') from interactions
union all
select 'sessions', count(*) from sessions
union all
select 'session_seconds', sum((ended_at - started_at) // 1000) from sessions
union all
select 'user_days', count(*) from user_days
union all
select 'daily_users', sum(dau) from active_users
union all
select 'weekly_users', sum(wau) from active_users
union all
select 'monthly_users', sum(mau) from active_users
union all
select 'retained_d1', sum(d1) from retention, last_day where cohort + 1 < last_day.day
union all
select 'retained_d7', sum(d7) from retention, last_day where cohort + 7 < last_day.day
union all
select 'retained_d30', sum(d30) from retention, last_day where cohort + 30 < last_day.day
union all
select 'attempts', sum(n_attempts) from models_daily
union all
select 'latency_p95', sum(latency[2]) from models_daily
union all
select 'conversations', count(*) from conversations
union all
select 'closed_sessions', sum(n_ended) from abandonment;
