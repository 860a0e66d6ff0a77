#!/usr/bin/env bash
# The docs site: dbt's documentation in one page, the metric catalogue, the lineage of columns, boards.
#   scripts/ci/docs.sh [FOLDER [SITE]]   FOLDER was built by demo.sh; without it, the warehouse at hand
# SITE (site) is a folder of pages that need no server.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="${1:-}"
site="${2:-site}"
bin=.venv/bin
published=published
if [[ -n "$folder" ]]; then
    use_scratch "$folder"
    published="$folder/published"
fi
# Artifacts of its own: those of the last build say that it passed, and publishing reads them.
export DBT_TARGET_PATH=build/docs/target DBT_LOG_PATH=build/docs/logs
mkdir -p "$site"

dbt_pages() {
    quietly build/docs/logs/docs.txt "$bin/dbt" docs generate --static
    cp "$DBT_TARGET_PATH/static_index.html" "$site/dbt.html"
}

lineage() {
    quietly build/docs/logs/lineage.txt "$bin/colibri" generate --light --disable-telemetry \
        --manifest "$DBT_TARGET_PATH/manifest.json" --catalog "$DBT_TARGET_PATH/catalog.json" \
        --output-dir build/docs/lineage
    cp build/docs/lineage/index.html "$site/lineage.html"
}

step "dbt docs" dbt_pages
step "Lineage of columns" lineage
if [[ "${DEMO_BOARDS:-yes}" == no ]]; then
    echo "no boards: DEMO_BOARDS is no"
elif [[ -f "$published/llm_analytics.duckdb" ]]; then
    step "Boards" "$bin/llm-analytics" dashboards --published "$published" --out "$site/boards"
else
    echo "no boards: nothing is published (llm-analytics publish)"
fi
step "Catalogue and front page" "$bin/python" scripts/ci/docs_pages.py "$site"
