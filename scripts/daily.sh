#!/usr/bin/env bash
# What a schedule runs: load what is new, build, tell what is wrong.
#   scripts/daily.sh PATH…   files and folders, as for `llm-analytics load`
# LLM_ANALYTICS_BACKUP names a file to keep a copy of the warehouse in, of the last build that passed.
# Loading everything again is no harm: what is there already is counted, not loaded twice.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[[ $# -gt 0 ]] || { echo "usage: scripts/daily.sh PATH…" >&2; exit 2; }
[[ -d .venv ]] && PATH="$PWD/.venv/bin:$PATH"

status=0
llm-analytics load "$@"
loaded=$?
# 3: some lines were quarantined, all others are there.
((loaded == 0 || loaded == 3)) || status=1
if ((status == 0)); then
    dbt build --exclude-resource-type unit_test || status=1
fi
if ((status == 0)) && [[ -n "${LLM_ANALYTICS_BACKUP:-}" ]]; then
    llm-analytics backup "$LLM_ANALYTICS_BACKUP" || status=1
fi
# A load or a build that failed is seen here too, once it is late.
if [[ -n "${LLM_ANALYTICS_NOTIFY:-}" ]]; then
    llm-analytics alert send || status=1
fi
((status == 0)) && echo "done"
exit "$status"
