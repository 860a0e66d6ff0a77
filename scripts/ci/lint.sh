#!/usr/bin/env bash
# Everything that is checked without running it; conventions.sh has what needs a build.
#   scripts/ci/lint.sh [python|sql]   both without an argument
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

what="${1:-all}"
bin=.venv/bin

if [[ "$what" == all || "$what" == python ]]; then
    step "ruff check" "$bin/ruff" check .
    step "ruff format" "$bin/ruff" format --check .
    step "mypy --strict" "$bin/mypy" --strict
fi
if [[ "$what" == all || "$what" == sql ]]; then
    # Its own empty warehouse: linting never waits for the user's, nor locks it.
    use_scratch build/lint
    folders=()
    for folder in models tests/dbt analyses; do
        if [[ -d "$folder" ]]; then folders+=("$folder"); fi
    done
    step "sqlfluff" "$bin/sqlfluff" lint --disable-progress-bar --processes 2 "${folders[@]}"
fi
