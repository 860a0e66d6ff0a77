#!/usr/bin/env bash
# A small simulated product, from raw events to headline metrics.
#   scripts/ci/demo.sh [FOLDER [ENVIRONMENT]]
# FOLDER (demo) gets the events, the warehouse and dbt's artifacts, and is made again on each run.
# ENVIRONMENT (.venv) is the virtual environment to use.
# DEMO_USERS, DEMO_DAYS and DEMO_SEED set the size and the seed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="${1:-demo}"
bin="${2:-.venv}/bin"
use_scratch "$folder"
rm -rf "$folder/events" "$LLM_ANALYTICS_WAREHOUSE" "$LLM_ANALYTICS_WAREHOUSE.wal"

simulate() {
    "$bin/llm-analytics" simulate --out "$folder/events" \
        --users "${DEMO_USERS:-400}" --days "${DEMO_DAYS:-90}" --seed "${DEMO_SEED:-7}"
}

load() { # a simulated product has malformed lines, as real ones do: 3 = some were quarantined
    local status=0
    "$bin/llm-analytics" load "$folder/events" || status=$?
    ((status == 0 || status == 3)) || return "$status"
}

step "Simulate a product" simulate
step "Load its events" load
step "Build and test the models" quietly "$folder/logs/build.txt" "$bin/dbt" build
section "Headline metrics"
"$bin/llm-analytics" summary
