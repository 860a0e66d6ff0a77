# The base install, for a schedule: loads, builds and tells. Nothing in it needs the network again.
#   docker build -t llm-analytics .
#   docker run --rm -v analytics:/data -v "$PWD/exports:/exports:ro" llm-analytics /exports
# Secrets come from the environment (-e LLM_ANALYTICS_ID_KEY, LLM_ANALYTICS_NOTIFY …), never from here.
FROM python:3.12-slim

# All that is written lies in one volume: the warehouse, dbt's artifacts, its log.
ENV LLM_ANALYTICS_WAREHOUSE=/data/warehouse.duckdb \
    DBT_TARGET_PATH=/data/target \
    DBT_LOG_PATH=/data/logs \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false \
    PYTHONUNBUFFERED=1

WORKDIR /srv/llm-analytics
COPY . .
RUN scripts/ci/venv.sh base

RUN useradd --create-home --uid 1000 analytics && mkdir /data && chown analytics /data
USER analytics
VOLUME /data

ENTRYPOINT ["scripts/daily.sh"]
