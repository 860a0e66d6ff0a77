-- The least that reading the events of bench/events.py costs: typed columns, no check, no policy.
-- DATADIR stands for the folder of the events. Steps are measured apart.
-- step: queries
create table queries as
from read_json('DATADIR/*/queries.jsonl', format = 'newline_delimited', columns = {
    event: 'varchar', event_id: 'varchar', "timestamp": 'bigint', user_id: 'varchar',
    session_id: 'varchar', conversation_id: 'varchar', platform: 'varchar', app_version: 'varchar',
    conversation_turn: 'bigint', query_text: 'varchar', query_length: 'bigint',
    query_kind: 'varchar', feature: 'varchar'
});
-- step: responses
create table responses as
from read_json('DATADIR/*/responses.jsonl', format = 'newline_delimited', columns = {
    event: 'varchar', event_id: 'varchar', "timestamp": 'bigint', user_id: 'varchar',
    session_id: 'varchar', conversation_id: 'varchar', platform: 'varchar', app_version: 'varchar',
    conversation_turn: 'bigint', response_id: 'varchar', query_id: 'varchar', call_role: 'varchar',
    attempt_number: 'bigint', response_text: 'varchar', response_length: 'bigint',
    provider: 'varchar', response_model: 'varchar', input_tokens: 'bigint',
    cache_read_tokens: 'bigint', output_tokens: 'bigint', latency_ms: 'bigint',
    client_latency_ms: 'bigint', time_to_first_token_ms: 'bigint', status: 'varchar',
    error_type: 'varchar', finish_reason: 'varchar', prompt_version: 'varchar', feature: 'varchar'
});
-- step: feedback
create table feedback as
from read_json('DATADIR/*/feedback.jsonl', format = 'newline_delimited', columns = {
    event: 'varchar', event_id: 'varchar', "timestamp": 'bigint', user_id: 'varchar',
    session_id: 'varchar', conversation_id: 'varchar', platform: 'varchar', app_version: 'varchar',
    response_id: 'varchar', feedback_type: 'varchar', feedback_score: 'double',
    feedback_text: 'varchar'
});
-- step: checkpoint
checkpoint;
