#!/usr/bin/env bash
# Refresh the lock files: every version and hash for Linux and macOS, Python 3.11 to 3.13.
# Needs uv (https://docs.astral.sh/uv/); nothing else here does.
#   scripts/ci/lock.sh             keeps what is locked, adds what pyproject.toml asks for
#   scripts/ci/lock.sh --upgrade   takes the newest versions that pyproject.toml allows
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

uv="${UV:-uv}"
command -v "$uv" >/dev/null || { echo "error: uv is not installed: pip install uv" >&2; exit 1; }
mkdir -p requirements

compile() { # output, then further options of `uv pip compile`
    local output="$1"
    shift
    "$uv" pip compile --quiet --group build --output-file "$output" \
        --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --custom-compile-command "make lock" --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@" >/dev/null
}

# The base is a part of dev, of the same versions, and so is what the demo draws its boards with.
compile requirements/dev.txt pyproject.toml --extra dev "$@"
compile requirements/base.txt pyproject.toml --constraint requirements/dev.txt "$@"
compile requirements/demo.txt pyproject.toml --extra boards --constraint requirements/dev.txt "$@"
# Spark has an environment of its own, with what the base has in the same versions.
compile requirements/spark.txt pyproject.toml --extra spark --constraint requirements/dev.txt "$@"
# Superset stands beside it all, and has nothing of this project.
compile requirements/superset.txt --group superset "$@"
# So does what takes Snowflake's place.
compile requirements/snowflake.txt --group snowflake "$@"
wc -l requirements/*.txt
