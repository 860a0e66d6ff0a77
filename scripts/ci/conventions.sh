#!/usr/bin/env bash
# Check names, descriptions, contracts and tests of what a scratch warehouse was built from.
#   scripts/ci/conventions.sh [FOLDER]   FOLDER (build/ci) was built by demo.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="${1:-build/ci}"
use_scratch "$folder"
step "dbt docs generate" quietly "$folder/logs/docs.txt" .venv/bin/dbt docs generate
step "dbt-bouncer" .venv/bin/dbt-bouncer run --config-file dbt-bouncer.yml --show-all-failures
