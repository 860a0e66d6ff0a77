#!/usr/bin/env bash
# Draw the boards of what demo.sh published, and check their queries against it.
#   scripts/ci/boards.sh [FOLDER]   FOLDER (build/ci) was built by demo.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="${1:-build/ci}"
step "Draw the boards" .venv/bin/llm-analytics dashboards \
    --published "$folder/published" --out "$folder/boards" --days 28 --models 1 --plans 2
step "dct validate --warehouse" quietly "$folder/logs/boards.txt" \
    .venv/bin/dct validate --warehouse --project-dir "$folder/published/.boards" \
    "$folder"/published/.boards/charts/{executive,product,engineering,executive__plan_1,product__plan_1}.yml
