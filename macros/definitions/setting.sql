{#
    Every number and choice that a definition depends on: its default, overridable by var
    llm_analytics_<name>.
#}
{% macro setting(name) %}
    {% set defaults = {
        'timezone': 'UTC',
        'as_of': none,
        'session_gap_minutes': 30,
        'oversized_session_hours': 72,
        'refinement_window_minutes': 5,
        'similarity_threshold': 0.6,
        'slow_answer_ms': 5000,
        'answer_due_seconds': 120,
        'tokens_used_meaning': 'total',
        'input_token_share': 0.75,
        'max_retention_days': 90,
        'return_window_days': 7,
        'max_turns': 1000,
        'follow_up_minutes': 30,
        'restart_window_minutes': 5,
        'availability_min_attempts': 5,
        'availability_error_share': 0.5,
        'csat_points': 5,
        'pass_score': 0.7,
        'target_cache_rate': 0.8,
        'logged_cost_tolerance': 0.01,
        'posthog_surveys': {},
        'feedback_score_names': ['user_feedback', 'feedback', 'user_score', 'thumbs', 'like'],
        'rating_score_names': ['user_rating', 'rating', 'stars'],
        'score_scales': {'hallucination': [1, 0], 'toxicity': [1, 0]},
        'duplicate_tolerance_seconds': 2,
        'response_replay_seconds': 3600,
        'source_priority': [
            'events', 'langfuse', 'posthog', 'otlp', 'request_logs', 'litellm',
        ],
        'activation_window_days': 7,
        'power_user_days': 12,
        'regular_user_days': 4,
        'experiment_window_days': 7,
        'experiment_days_before': 28,
        'table_window_days': 3,
    } %}
    {% if name not in defaults %}
        {{ exceptions.raise_compiler_error("llm_analytics has no setting '" ~ name ~ "'") }}
    {% endif %}
    {{ return(var('llm_analytics_' ~ name, defaults[name])) }}
{% endmacro %}
