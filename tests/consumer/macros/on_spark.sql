{# dbt looks for these three in the project that it runs, and in no package of it. #}

{% materialization view, adapter='spark' %}
    {{ return(llm_analytics.materialization_view_spark()) }}
{% endmaterialization %}

{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
    {{ return(llm_analytics.dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format)) }}
{% endmacro %}

{% macro dbt_spark_get_incremental_sql(
    strategy, source, target, existing, unique_key, incremental_predicates
) %}
    {{ return(llm_analytics.dbt_spark_get_incremental_sql(
        strategy, source, target, existing, unique_key, incremental_predicates
    )) }}
{% endmacro %}
