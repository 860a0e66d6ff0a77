#!/usr/bin/env bash
# The models on fakesnow, which answers as Snowflake does: its environment, and the test that builds there.
#   scripts/ci/snowflake.sh venv   make the environment alone
#   scripts/ci/snowflake.sh test   and run the test; PYTEST_ARGS adds arguments for pytest
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

step "Environment with fakesnow" scripts/ci/venv.sh snowflake build/snowflake-venv
[[ "${1:?venv or test}" == test ]] || exit 0

step "Environment" scripts/ci/venv.sh dev
section "pytest"
# shellcheck disable=SC2086 # several arguments in one variable
exec .venv/bin/python -m pytest -m snowflake --numprocesses 0 tests/python/test_snowflake.py ${PYTEST_ARGS:-}
