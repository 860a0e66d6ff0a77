-- An incremental model of our own, by a strategy that the package has no part in.
{{ config(materialized='incremental', incremental_strategy='append', file_format='parquet') }}

select question_id
from {{ ref('questions') }}
