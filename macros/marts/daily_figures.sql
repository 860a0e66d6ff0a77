{#
    What metrics_daily says of each date: metric, mart, its numerator, its denominator, what it is cut
    by, and when a row is final. Rows of a date are summed.
#}
{% macro daily_figures() %}
    {{ return([
        ['active_users', 'engagement_daily', 'dau', none, none, 'is_complete'],
        ['weekly_active_users', 'engagement_daily', 'wau', none, none, 'is_complete'],
        ['monthly_active_users', 'engagement_daily', 'mau', none, none, 'is_complete'],
        ['new_users', 'engagement_daily', 'n_new_users', none, none, 'is_complete'],
        ['sessions', 'engagement_daily', 'n_sessions', none, none, 'is_complete'],
        ['queries', 'engagement_daily', 'n_queries', none, none, 'is_complete'],
        [
            'session_duration_mean', 'session_quality_daily',
            'duration_seconds', 'n_rated_sessions', none, 'n_closed = n_rated_sessions',
        ],
        [
            'messages_per_session', 'session_quality_daily',
            'n_messages', 'n_rated_sessions', none, 'n_closed = n_rated_sessions',
        ],
        [
            'session_completion', 'session_quality_daily',
            'n_completed', 'n_known_outcomes', none, 'n_closed = n_rated_sessions',
        ],
        [
            'abandonment_rate', 'session_quality_daily',
            'n_abandoned', 'n_closed_queries', none, 'n_closed = n_rated_sessions',
        ],
        [
            'return_session_rate', 'session_quality_daily',
            'n_returned', 'n_return_mature', none, 'n_return_mature = n_rated_sessions',
        ],
        [
            'cost_per_completed_session', 'session_quality_daily',
            'outcome_cost_usd', 'n_priced_completed', none, 'n_closed = n_rated_sessions',
        ],
        [
            'conversation_depth', 'conversation_quality_daily',
            'depth', 'n_closed', none, 'n_closed = n_conversations',
        ],
        [
            'session_restart_rate', 'conversation_quality_daily',
            'n_restarted', 'n_restart_mature', none, 'n_closed = n_conversations',
        ],
        ['refinement_rate', 'query_flow_daily', 'n_refinements', 'n_answered', none, 'true'],
        [
            'follow_up_rate', 'query_flow_daily',
            'n_followed', 'n_followable', none, 'n_followable = n_answered',
        ],
        ['context_retention', 'query_flow_daily', 'n_in_context', 'n_next_queries', none, 'true'],
        ['user_error_rate', 'reliability_daily', 'n_failed_queries', 'n_mature_queries', none, 'true'],
        ['availability', 'availability_daily', 'n_up', 'n_up + n_down', none, 'is_complete'],
        ['thumbs_ratio', 'satisfaction_daily', 'n_up', 'n_up + n_down', none, 'true'],
        ['feedback_response_rate', 'satisfaction_daily', 'n_rated', 'n_eligible', none, 'true'],
        ['complaint_rate', 'satisfaction_daily', 'n_complaints', 'n_eligible', none, 'true'],
        ['copy_share_rate', 'satisfaction_daily', 'n_copied_or_shared', 'n_answers', none, 'true'],
        ['mean_rating', 'satisfaction_daily', 'rating_sum', 'n_ratings', none, 'true'],
        ['model_cost', 'unit_costs_daily', 'model_cost_usd', none, none, 'is_complete'],
        [
            'infrastructure_cost', 'unit_costs_daily',
            'infrastructure_cost_usd', none, none, 'is_complete',
        ],
        [
            'cost_per_interaction', 'unit_costs_daily',
            'priced_interaction_cost_usd', 'n_priced_interactions', none, 'is_complete',
        ],
        ['churn_rate', 'lifecycle_daily', 'n_churned', 'n_active', none, 'is_mature'],
        ['revenue', 'user_revenue_days', 'revenue_usd', none, none, 'true'],
        ['error_rate', 'model_performance_daily', 'n_failed', 'n_attempts', none, 'true'],
        ['error_rate', 'model_performance_daily', 'n_failed', 'n_attempts', 'model', 'true'],
        [
            'tokens_per_response', 'model_performance_daily',
            'answer_output_tokens', 'n_answers_with_tokens', none, 'true',
        ],
        [
            'tokens_per_response', 'model_performance_daily',
            'answer_output_tokens', 'n_answers_with_tokens', 'model', 'true',
        ],
        ['truncated_rate', 'model_performance_daily', 'n_truncated', 'n_attempts', none, 'true'],
        ['filtered_rate', 'model_performance_daily', 'n_filtered', 'n_attempts', none, 'true'],
        ['malformed_rate', 'model_performance_daily', 'n_malformed', 'n_attempts', none, 'true'],
        ['model_cost', 'cost_daily', 'cost_usd', none, 'model', 'true'],
        [
            'accuracy', 'evaluation_scores_daily',
            'n_correct', 'n_correct + n_incorrect', 'evaluator_kind', 'true',
        ],
        [
            'hallucination_rate', 'evaluation_scores_daily',
            'n_hallucinated', 'n_checked', 'evaluator_kind', 'true',
        ],
        [
            'feature_adoption', 'feature_adoption_daily',
            'n_users', 'n_active_users', 'feature', 'is_complete',
        ],
    ]) }}
{% endmacro %}
