# Sourced by the scripts beside it: where the project is, how a step is shown, where dbt writes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Nothing here phones home, and nobody's own settings change a result.
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1 PIP_DISABLE_PIP_VERSION_CHECK=1
unset DBT_PROFILES_DIR DBT_PROJECT_DIR DBT_TARGET DBT_PROFILE PYTHONPATH PYTHONHOME VIRTUAL_ENV
unset LLM_ANALYTICS_ID_KEY
# Python compiles a module once, not for each of the many commands that import it.
unset PYTHONDONTWRITEBYTECODE

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

fail() { # one line to a person
    echo "error: $*" >&2
    exit 1
}

section() { # a heading
    printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"
}

step() { # "heading" command [argument]...: run it under a heading, and say how long it took
    local heading="$1" started="$SECONDS" status=0
    shift
    section "$heading"
    "$@" || status=$?
    if ((status)); then
        printf '%s-- %s: failed after %d s --%s\n' \
            "$bold" "$heading" $((SECONDS - started)) "$plain" >&2
        exit "$status"
    fi
    printf -- '-- %d s\n' $((SECONDS - started))
}

quietly() { # log-file command [argument]...: show the last line of its output, or why it failed
    local log="$1" status=0
    shift
    mkdir -p "$(dirname "$log")"
    DBT_USE_COLORS=false "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status)); then
        # Of dbt's log, all but what went well.
        grep -vE ' of [0-9]+ (START|OK|PASS|SKIP) ' "$log" >&2 || true
        echo "all of it: $log" >&2
        return "$status"
    fi
    grep -vE '^([0-9:]+)?[[:space:]]*$' "$log" | tail -n 1
}

beside() { # log-file command [argument]...: run it in the background; `join_beside` waits and tells
    beside_log="$1"
    shift
    mkdir -p "$(dirname "$beside_log")"
    "$@" >"$beside_log" 2>&1 </dev/null &
    beside_pid=$!
    # A script that fails takes it along.
    trap 'kill "$beside_pid" 2>/dev/null || true' EXIT
}

join_beside() { # show what the command beside has written; its status
    local status=0
    wait "$beside_pid" || status=$?
    trap - EXIT
    cat "$beside_log"
    return "$status"
}

use_scratch() { # folder: a warehouse and dbt artifacts of its own, away from the user's
    mkdir -p "$1"
    export LLM_ANALYTICS_WAREHOUSE="$1/warehouse.duckdb"
    export DBT_TARGET_PATH="$1/target" DBT_LOG_PATH="$1/logs"
}
