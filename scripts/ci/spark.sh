#!/usr/bin/env bash
# The models on Spark: its environment, and the tests that build there. Needs Java 17 or later.
#   scripts/ci/spark.sh venv   make the environment alone
#   scripts/ci/spark.sh test   and run the tests; PYTEST_ARGS adds arguments for pytest
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ -x "${JAVA_HOME:-}/bin/java" ]] || command -v java >/dev/null ||
    fail "Spark needs Java 17: set JAVA_HOME, or apt-get install openjdk-17-jre-headless"
step "Environment with Spark" scripts/ci/venv.sh spark build/spark-venv
[[ "${1:?venv or test}" == test ]] || exit 0

step "Environment" scripts/ci/venv.sh dev
section "pytest"
# shellcheck disable=SC2086 # several arguments in one variable
exec .venv/bin/python -m pytest -m spark --numprocesses 0 \
    tests/python/test_spark.py tests/python/test_consumer.py ${PYTEST_ARGS:-}
