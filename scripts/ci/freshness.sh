#!/usr/bin/env bash
# How long it takes from a new event to the board that shows it, step by step.
#   scripts/ci/freshness.sh [FOLDER]   FOLDER (build/ci) was built by demo.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="${1:-build/ci}"
use_scratch "$folder"
bin=.venv/bin
started="$SECONDS"

# A minute after the newest event that is loaded, as the board writes times.
newest() {
    "$bin/python" - "$folder/published/llm_analytics.duckdb" "$1" <<'PY'
import sys, duckdb

with duckdb.connect(sys.argv[1], read_only=True) as reader:
    print(reader.execute(
        f"select {sys.argv[2]} from (select newest_event_at + interval 1 minute as next_at from published.about)"
    ).fetchone()[0])
PY
}
milliseconds="$(newest "cast(epoch_ms(next_at) as bigint)")"
shown="$(newest "strftime(next_at, '%-d %b %Y, %H:%M')")"
printf '{"event": "llm_query_sent", "timestamp": %s, "user_id": "freshness", "session_id": "s1", "query_length": 5, "conversation_turn": 1}\n' \
    "$milliseconds" >"$folder/new_event.jsonl"

step "Load" "$bin/llm-analytics" load "$folder/new_event.jsonl"
step "Build and test" quietly "$folder/logs/build.txt" \
    "$bin/dbt" build --exclude-resource-type unit_test
step "Publish" "$bin/llm-analytics" publish --to "$folder/published"
step "Draw the boards" "$bin/llm-analytics" dashboards \
    --published "$folder/published" --out "$folder/boards" --days 28 --models 0 --plans 0
grep -q "$shown" "$folder/boards/executive.html" || fail "the board does not show $shown"
printf '\nThe board shows the event of %s UTC, %d s after it arrived\n' "$shown" $((SECONDS - started))
