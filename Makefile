# Thin: each target calls the one implementation in scripts/ci/, as CI and the workflow do.
# PYTHON=/path/to/python3.12 picks the interpreter (3.11 to 3.13); python3 otherwise.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo demo-real dashboards serve docs venv test test-fast test-all test-snowflake test-spark test-superset lint bench bench-load bench-engines lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | \
		while IFS='|' read -r target text; do printf '  make %-11s %s\n' "$$target" "$$text"; done

demo:  ## Simulate a small product, load it, build the marts, draw the boards
	@scripts/ci/venv.sh demo
	@scripts/ci/demo.sh simulated

demo-real:  ## The same with a real public data set of conversations
	@scripts/ci/venv.sh dev
	@scripts/ci/demo.sh real

dashboards:  ## Publish the last build and draw the boards: site/boards/index.html
	@scripts/ci/venv.sh demo
	@.venv/bin/llm-analytics publish
	@.venv/bin/llm-analytics dashboards

serve:  ## Serve the boards with live filters; PUBLISHED=demo/published serves those of the demo
	@scripts/ci/venv.sh demo
	@.venv/bin/llm-analytics dashboards --serve $(if $(PUBLISHED),--published "$(PUBLISHED)")

docs:  ## Write the docs site: models, metrics, lineage and boards in site/index.html
	@scripts/ci/venv.sh demo
	@scripts/ci/docs.sh

venv:  ## Make or refresh .venv with everything for development
	@scripts/ci/venv.sh dev

test:  ## Lint, build and test everything; what CI runs
	@scripts/ci/test.sh full

test-fast:  ## For a change of one model: under 90 s
	@scripts/ci/test.sh fast

test-all:  ## All tests, the long ones too
	@scripts/ci/test.sh all

test-spark:  ## Build on Spark, and compare with DuckDB; needs Java 17
	@scripts/ci/apart.sh spark test

test-snowflake:  ## Build on fakesnow, in Snowflake's place, and compare with DuckDB
	@scripts/ci/apart.sh snowflake test

test-superset:  ## Ask a published file through Superset
	@scripts/ci/apart.sh superset test

lint:  ## Lint SQL and Python
	@scripts/ci/venv.sh dev
	@scripts/ci/lint.sh

bench:  ## Measure load, build and queries beside a baseline; N="1000000 10000000" interactions
	@scripts/ci/venv.sh base
	@.venv/bin/python bench/bench.py $(foreach n,$(or $(N),1000000),--interactions $(n)) \
		--work build/bench --json build/bench.json --markdown build/bench.md $(BENCH_ARGS)

bench-load:  ## Measure how many events a CPU second loads
	@scripts/ci/venv.sh base
	@.venv/bin/python bench/bench_load.py

bench-engines:  ## Measure one job on DuckDB, PostgreSQL and Spark; needs Java 17; N as above
	@scripts/ci/venv.sh dev
	@scripts/ci/apart.sh spark venv
	@PYTHONPATH=tests/python .venv/bin/python bench/bench_engines.py \
		$(foreach n,$(or $(N),1000000),--interactions $(n)) \
		--work build/bench --markdown build/engines.md $(BENCH_ARGS)

lock:  ## Refresh the lock files (needs uv); `make lock UPGRADE=1` takes newer versions
	@scripts/ci/lock.sh $(if $(UPGRADE),--upgrade)

clean:  ## Remove what the targets above made, but not warehouse.duckdb
	rm -rf .venv build demo site target logs .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		scripts/*.egg-info
