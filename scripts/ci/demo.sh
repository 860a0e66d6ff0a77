#!/usr/bin/env bash
# From raw events to headline metrics and boards, on a small simulated product or on real
# conversations.
#   scripts/ci/demo.sh simulated|real [FOLDER [ENVIRONMENT]]
# FOLDER (demo, or demo/real) gets the events, the warehouse and dbt's artifacts, and is made again
# on each run. ENVIRONMENT (.venv) is the virtual environment to use; real needs that of dev.
# Boards are drawn where the environment can (that of base cannot), unless DEMO_BOARDS is no.
# DEMO_USERS, DEMO_DAYS and DEMO_SEED set the size and the seed of the simulation.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

data="${1:?simulated or real}"
case "$data" in
    simulated) folder="${2:-demo}" ;;
    real) folder="${2:-demo/real}" ;;
    *) fail "unknown data: $data (simulated or real)" ;;
esac
bin="${3:-.venv}/bin"
use_scratch "$folder"
rm -rf "$folder/events" "$folder/published" "$folder/boards" "$LLM_ANALYTICS_WAREHOUSE" "$LLM_ANALYTICS_WAREHOUSE.wal"

simulate() {
    "$bin/llm-analytics" simulate --out "$folder/events" \
        --users "${DEMO_USERS:-250}" --days "${DEMO_DAYS:-75}" --seed "${DEMO_SEED:-7}"
}

convert() {
    "$bin/llm-analytics" convert chitchat --out "$folder/events"
}

load() { # a simulated product has malformed lines, as real ones do: 3 = some were quarantined
    local status=0
    "$bin/llm-analytics" load "$folder"/events/*.jsonl || status=$?
    ((status == 0 || status == 3)) || return "$status"
}

if [[ "$data" == simulated ]]; then
    step "Simulate a product" simulate
else
    step "Convert the Chit-Chat conversations" convert
fi
# Unit tests bring their own rows, so that this data says nothing about them: `make test` has them.
# Two models at a time: with so little data the engine waits for dbt.
build() {
    quietly "$folder/logs/build.txt" "$bin/dbt" build --threads 2 --exclude-resource-type unit_test
}

step "Load the events" load
step "Build and test the models" build
section "Headline metrics"
"$bin/llm-analytics" summary
step "Publish the marts" "$bin/llm-analytics" publish --to "$folder/published"
if [[ -x "$bin/dct" && "${DEMO_BOARDS:-yes}" == yes ]]; then
    # One period: `make dashboards` draws what a switcher offers.
    step "Draw the boards" "$bin/llm-analytics" dashboards \
        --published "$folder/published" --out "$folder/boards" --days 28 --models 0 --plans 0
fi
