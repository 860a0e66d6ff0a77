#!/usr/bin/env bash
# Superset beside a published file: its environment, and the test that asks it.
#   scripts/ci/superset.sh venv   make the environment alone
#   scripts/ci/superset.sh test   and run the test; PYTEST_ARGS adds arguments for pytest
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

step "Environment with Superset" scripts/ci/venv.sh superset build/superset-venv
[[ "${1:?venv or test}" == test ]] || exit 0

step "Environment" scripts/ci/venv.sh dev
section "pytest"
# shellcheck disable=SC2086 # several arguments in one variable
exec .venv/bin/python -m pytest -m superset --numprocesses 0 tests/python/test_superset.py ${PYTEST_ARGS:-}
