-- One row per record of the stream, of every source that was loaded.
{{ config(materialized='view') }}

{{ llm_analytics.union_of_sources('experiment_results') }}
