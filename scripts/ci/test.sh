#!/usr/bin/env bash
# The checks that a change must pass; people, CI and the public workflow run this one script.
#   scripts/ci/test.sh fast   for someone who changed one model: under 90 s
#   scripts/ci/test.sh full   everything but what is long: about a quarter of an hour
#   scripts/ci/test.sh all    the long tests too
# It ends with pytest's own summary. PYTEST_ARGS adds arguments for pytest, WORKERS its processes.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

size="${1:-full}"
workers="${WORKERS:-2}"
case "$size" in
    fast)
        selection="not long and not dbt and not postgres"
        # A change of a model cannot break loading or simulating, which take most of the time.
        for part in load bad_input simulation; do
            PYTEST_ARGS="${PYTEST_ARGS:-} --ignore-glob=*/test_$part*"
        done
        ;;
    full) selection="not long" ;;
    all) selection="" ;;
    *) fail "unknown size: $size (fast, full or all)" ;;
esac

# A clone without any warehouse builds empty marts, and every test passes, unit tests too.
empty_build() {
    use_scratch build/empty
    rm -f "$LLM_ANALYTICS_WAREHOUSE"
    quietly build/empty/logs/build.txt .venv/bin/dbt build
}

if [[ "$size" == fast ]]; then
    step "Environment" scripts/ci/venv.sh dev
    scripts/ci/lint.sh python
    export DEMO_USERS="${DEMO_USERS:-60}" DEMO_DAYS="${DEMO_DAYS:-40}" DEMO_BOARDS=no
    scripts/ci/demo.sh simulated build/fast
else
    step "Environment" scripts/ci/venv.sh dev
    # Most of these steps use one core, so the checks run beside the builds.
    beside build/lint.txt scripts/ci/lint.sh
    # The base install must do the main job alone, so it gets an environment that has nothing else.
    step "Environment with the base packages alone" scripts/ci/venv.sh base build/base-venv
    scripts/ci/demo.sh simulated build/ci build/base-venv
    scripts/ci/boards.sh build/ci
    step "Browser" scripts/ci/browser.sh
    scripts/ci/conventions.sh build/ci
    step "Build without any warehouse" empty_build
    join_beside
fi

# Without Java the tests on Spark are skipped, and say so.
if [[ "$size" == all ]] && { [[ -x "${JAVA_HOME:-}/bin/java" ]] || command -v java >/dev/null; }; then
    scripts/ci/apart.sh spark venv
fi
if [[ "$size" == all ]]; then
    scripts/ci/apart.sh superset venv
    scripts/ci/apart.sh snowflake venv
fi

section "pytest"
# shellcheck disable=SC2086 # several arguments in one variable
exec .venv/bin/python -m pytest -m "$selection" --numprocesses "$workers" --dist loadgroup \
    ${PYTEST_ARGS:-}
