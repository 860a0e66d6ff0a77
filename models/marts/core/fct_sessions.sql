-- One row per session: what a user did without a pause longer than the gap. Dated by its start.
with

session_events as (
    select * from {{ ref('int_session_events') }}
),

interactions as (
    select * from {{ ref('int_interactions') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

product_events as (
    select * from {{ ref('int_product_events') }}
),

evaluations as (
    select * from {{ ref('int_evaluations') }}
),

queries as (
    select * from {{ ref('int_queries') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

goals as (
    select * from {{ llm_analytics.seed('goals') }}
),

activity_totals as (
    select
        session_id,
        user_id,
        count(*) as n_activity_events,
        min(occurred_at) as started_at,
        max(occurred_at) as last_activity_at
    from session_events
    group by session_id, user_id
),

-- By conversation first: to count groups again is cheaper than to count distinct conversations.
conversation_totals as (
    select
        session_id,
        conversation_id,
        count(*) as n_queries,
        {{ llm_analytics.count_if("kind = 'new'") }} as n_messages,
        {{ llm_analytics.count_if('is_answered') }} as n_answered,
        {{ llm_analytics.count_if('refinement_rule is not null') }} as n_refinements,
        {{ llm_analytics.count_if('n_unpriced_calls > 0') }} as n_unpriced_interactions,
        {{ llm_analytics.sum_usd('cost_usd') }} as priced_cost_usd,
        max(asked_at) as last_asked_at,
        max(answered_at) as last_answered_at
    from interactions
    where session_id is not null
    group by session_id, conversation_id
),

interaction_totals as (
    select
        session_id,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        {{ llm_analytics.sum_integer('n_messages') }} as n_messages,
        {{ llm_analytics.sum_integer('n_answered') }} as n_answered,
        count(*) as n_conversations,
        {{ llm_analytics.sum_integer('n_refinements') }} as n_refinements,
        {{ llm_analytics.sum_integer('n_unpriced_interactions') }} as n_unpriced_interactions,
        {{ llm_analytics.sum_usd('priced_cost_usd') }} as priced_cost_usd,
        max(last_asked_at) as last_asked_at,
        max(last_answered_at) as last_answered_at
    from conversation_totals
    group by session_id
),

sessions as (
    select
        activity_totals.session_id,
        activity_totals.user_id,
        activity_totals.n_activity_events,
        coalesce(interaction_totals.n_queries, 0) as n_queries,
        coalesce(interaction_totals.n_messages, 0) as n_messages,
        coalesce(interaction_totals.n_answered, 0) as n_answered,
        coalesce(interaction_totals.n_conversations, 0) as n_conversations,
        coalesce(interaction_totals.n_refinements, 0) as n_refinements,
        coalesce(interaction_totals.n_unpriced_interactions, 0) as n_unpriced_interactions,
        case
            when coalesce(interaction_totals.n_unpriced_interactions, 0) = 0
                then coalesce(interaction_totals.priced_cost_usd, 0)
        end as cost_usd,
        activity_totals.started_at,
        activity_totals.last_activity_at,
        interaction_totals.last_asked_at,
        greatest(
            activity_totals.last_activity_at,
            coalesce(interaction_totals.last_answered_at, activity_totals.last_activity_at)
        ) as ended_at,
        {{ llm_analytics.reporting_date('activity_totals.started_at') }} as session_date,
        {{ llm_analytics.is_closed('activity_totals.last_activity_at') }} as is_closed
    from activity_totals
    left join interaction_totals
        on activity_totals.session_id = interaction_totals.session_id
    left join excluded_users
        on activity_totals.user_id = excluded_users.user_id
    where excluded_users.user_id is null
),

last_interactions as (
    select
        interactions.session_id,
        interactions.end_state,
        row_number() over (
            partition by interactions.session_id
            order by
                coalesce(interactions.sequence_number, 0) desc,
                {{ llm_analytics.text_order('interactions.interaction_id') }} desc
        ) as recency
    from interactions
    inner join sessions
        on
            interactions.session_id = sessions.session_id
            and interactions.asked_at = sessions.last_asked_at
),

-- A goal counts for the session that is open when it is reached, also when the server logs it.
goal_events as (
    select distinct
        coalesce(identities.user_id, product_events.user_id, product_events.anonymous_id)
            as user_id,
        product_events.occurred_at,
        goals.goal
    from product_events
    inner join goals
        on {{ llm_analytics.is_goal_event('product_events', 'goals') }}
    left join identities
        on coalesce(product_events.user_id, product_events.anonymous_id) = identities.alias_id
),

sessions_with_goal as (
    select distinct sessions.session_id
    from sessions
    inner join goal_events
        on
            sessions.user_id = goal_events.user_id
            and sessions.started_at <= goal_events.occurred_at
            and {{ llm_analytics.microseconds_between(
                'sessions.last_activity_at', 'goal_events.occurred_at'
            ) }}
            <= {{ llm_analytics.session_gap_microseconds() }}
),

-- A goal that nobody ever reached is rather one that nobody logs.
exhaustive_goals as (
    select min(tracked_from) as tracked_from
    from goals
    where
        is_exhaustive
        and goal in (select goal_events.goal from goal_events)
),

-- Of several labels of one kind on one thing the last; it speaks for the session where that ended.
labels as (
    select
        evaluator_kind,
        label = 'goal_reached' as is_reached,
        response_id,
        case when response_id is null then conversation_id end as conversation_id,
        case when response_id is null and conversation_id is null then source_session_id end
            as source_session_id,
        row_number() over (
            partition by
                evaluator_kind,
                response_id,
                case when response_id is null then conversation_id end,
                case when response_id is null and conversation_id is null then source_session_id end
            order by
                occurred_at desc,
                coalesce(sequence_number, 0) desc,
                {{ llm_analytics.text_order('event_id') }} desc
        ) as recency
    from evaluations
    where
        label in ('goal_reached', 'goal_missed')
        and evaluator_kind in ('human', 'judge')
),

labelled_interactions as (
    select
        labels.evaluator_kind,
        labels.is_reached,
        'response:' || labels.response_id as labelled_as,
        calls.interaction_id
    from labels
    inner join calls
        on labels.response_id = coalesce(calls.response_id, calls.response_event_id)
    where labels.recency = 1
    union all
    select
        labels.evaluator_kind,
        labels.is_reached,
        'conversation:' || labels.conversation_id as labelled_as,
        queries.event_id as interaction_id
    from labels
    inner join queries
        on labels.conversation_id = queries.conversation_id
    where labels.recency = 1
    union all
    select
        labels.evaluator_kind,
        labels.is_reached,
        'session:' || labels.source_session_id as labelled_as,
        queries.event_id as interaction_id
    from labels
    inner join queries
        on labels.source_session_id = queries.source_session_id
    where labels.recency = 1
),

labelled_sessions as (
    select
        labelled_interactions.evaluator_kind,
        labelled_interactions.is_reached,
        sessions.session_id,
        row_number() over (
            partition by labelled_interactions.evaluator_kind, labelled_interactions.labelled_as
            order by
                sessions.started_at desc,
                {{ llm_analytics.text_order('sessions.session_id') }} desc
        ) as recency
    from labelled_interactions
    inner join interactions
        on labelled_interactions.interaction_id = interactions.interaction_id
    inner join sessions
        on interactions.session_id = sessions.session_id
),

session_labels as (
    select
        session_id,
        max(case when evaluator_kind = 'human' then case when is_reached then 1 else 0 end end) = 1
            as is_reached_by_human,
        max(case when evaluator_kind = 'judge' then case when is_reached then 1 else 0 end end) = 1
            as is_reached_by_judge
    from labelled_sessions
    where recency = 1
    group by session_id
),

based as (
    select
        sessions.*,
        last_interactions.end_state,
        session_labels.is_reached_by_human,
        session_labels.is_reached_by_judge,
        {{ llm_analytics.outcome_basis(
            'sessions_with_goal.session_id is not null',
            'sessions.is_closed and sessions.session_date >= exhaustive_goals.tracked_from',
            'session_labels.is_reached_by_human',
            'session_labels.is_reached_by_judge',
        ) }} as outcome_basis,
        row_number() over (
            partition by sessions.user_id
            order by sessions.started_at, {{ llm_analytics.text_order('sessions.session_id') }}
        ) as session_number,
        lag(sessions.ended_at) over (
            partition by sessions.user_id
            order by sessions.started_at, {{ llm_analytics.text_order('sessions.session_id') }}
        ) as previous_ended_at,
        lead(sessions.started_at) over (
            partition by sessions.user_id
            order by sessions.started_at, {{ llm_analytics.text_order('sessions.session_id') }}
        ) as next_session_started_at
    from sessions
    cross join exhaustive_goals
    left join last_interactions
        on
            sessions.session_id = last_interactions.session_id
            and last_interactions.recency = 1
    left join sessions_with_goal
        on sessions.session_id = sessions_with_goal.session_id
    left join session_labels
        on sessions.session_id = session_labels.session_id
),

final as (
    select
        -- ids
        session_id,
        user_id,

        -- strings
        end_state,
        outcome_basis,

        -- numerics
        cast(session_number as {{ dbt.type_bigint() }}) as session_number,
        {{ llm_analytics.whole_seconds_between('started_at', 'ended_at') }} as duration_seconds,
        n_queries,
        n_messages,
        n_answered,
        n_conversations,
        n_refinements,
        n_activity_events,
        n_unpriced_interactions,
        cast(cost_usd as decimal(38, 12)) as cost_usd,
        {{ llm_analytics.whole_seconds_between('previous_ended_at', 'started_at') }}
            as seconds_since_previous_session,
        {{ llm_analytics.whole_seconds_between('ended_at', 'next_session_started_at') }}
            as seconds_to_next_session,

        -- booleans
        is_closed,
        {{ llm_analytics.is_oversized('started_at', 'ended_at') }} as is_oversized,
        {{ llm_analytics.is_completed(
            'outcome_basis', 'is_reached_by_human', 'is_reached_by_judge'
        ) }} as is_completed,
        {{ llm_analytics.is_return_mature('ended_at') }} as is_return_mature,
        case
            when {{ llm_analytics.is_return_mature('ended_at') }}
                then {{ llm_analytics.is_returned('ended_at', 'next_session_started_at') }}
        end as is_returned,

        -- timestamps and dates
        started_at,
        last_activity_at,
        ended_at,
        session_date
    from based
)

select * from final
