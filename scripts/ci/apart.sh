#!/usr/bin/env bash
# What does not fit beside the rest: an environment of its own, and the tests that use it.
#   scripts/ci/apart.sh NAME venv   make the environment alone
#   scripts/ci/apart.sh NAME test   and run the tests; PYTEST_ARGS adds arguments for pytest
# NAME: spark (needs Java 17 or later), snowflake (fakesnow, which answers as Snowflake does), superset.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

name="${1:?spark, snowflake or superset}"
if [[ "$name" == spark && ! -x "${JAVA_HOME:-}/bin/java" ]] && ! command -v java >/dev/null; then
    fail "Spark needs Java 17: set JAVA_HOME, or apt-get install openjdk-17-jre-headless"
fi
step "Environment of $name" scripts/ci/venv.sh "$name" "build/$name-venv"
[[ "${2:?venv or test}" == test ]] || exit 0

step "Environment" scripts/ci/venv.sh dev
section "pytest"
# shellcheck disable=SC2086 # several arguments in one variable
exec .venv/bin/python -m pytest -m "$name" --numprocesses 0 ${PYTEST_ARGS:-}
