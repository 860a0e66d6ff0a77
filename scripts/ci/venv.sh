#!/usr/bin/env bash
# Make a virtual environment from the lock files, with pip alone, and install this project into it.
#   scripts/ci/venv.sh base [FOLDER]   what loading, dbt build, statistics and publishing need
#   scripts/ci/venv.sh demo [FOLDER]   the same, and what draws boards
#   scripts/ci/venv.sh dev [FOLDER]    everything: PostgreSQL, lint and tests too
#   scripts/ci/venv.sh spark FOLDER    dbt on Spark, apart from the rest
#   scripts/ci/venv.sh superset FOLDER Superset, without this project
#   scripts/ci/venv.sh snowflake FOLDER dbt on fakesnow, without this project
# FOLDER is .venv unless given. What is up to date stays; what an older lock made is made again.
# PYTHON names the interpreter; without it, the first of Python 3.11 to 3.13 that is found.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kind="${1:?base, demo, dev, snowflake, spark or superset}"
folder="${2:-.venv}"
[[ -f "requirements/$kind.txt" ]] ||
    fail "unknown kind of environment: $kind"

is_supported() { # python: does it run, and is it one of the versions in the lock?
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    local candidate
    if [[ -n "${PYTHON:-}" ]]; then
        command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: there is no such command"
        is_supported "$PYTHON" || fail "PYTHON=$PYTHON is $("$PYTHON" --version 2>&1); Python 3.11, 3.12 or 3.13 is needed"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && is_supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11, 3.12 or 3.13 is needed; python3 is $(python3 --version 2>&1 || echo missing)." \
        "Name one: make PYTHON=/path/to/python3.12"
}

python="$(find_python)"

# Prints what an environment depends on, as two words: what is locked for it (with its interpreter
# and its place, since it cannot be moved), and what this project declares of itself.
fingerprints() {
    "$python" - "$PWD/$folder" requirements/*.txt <<'PY'
import hashlib, json, pathlib, sys, tomllib

lock = hashlib.sha256(f"{sys.version}\n{sys.argv[1]}".encode())
for name in sys.argv[2:]:
    lock.update(pathlib.Path(name).read_bytes())
declared = tomllib.loads(pathlib.Path("pyproject.toml").read_text())
parts = [declared["build-system"], declared["project"], declared["tool"]["setuptools"]]
print(lock.hexdigest(), hashlib.sha256(json.dumps(parts).encode()).hexdigest())
PY
}

read -r lock project < <(fingerprints)
stamp="$folder/.installed"
installed=none found_lock='' found_project=''
if [[ -f "$stamp" && -x "$folder/bin/python" ]]; then
    read -r installed found_lock found_project <"$stamp"
    [[ "$found_lock" == "$lock" ]] || installed=none
fi
# dev holds all of demo, and demo all of base.
[[ "$installed" == dev || "$installed $kind" == "demo base" ]] && kind="$installed"

if [[ "$installed" == "$kind" && "$found_project" == "$project" ]]; then
    echo "$folder is up to date ($installed, $("$folder/bin/python" --version))"
    exit 0
fi

pip=("$folder/bin/python" -m pip --quiet --no-input)
if [[ "$installed" == none ]]; then
    rm -rf "$folder"
    "$python" -m venv "$folder" ||
        fail "$python -m venv failed (on Debian and Ubuntu: apt install python3-venv)"
fi
rm -f "$stamp"
if [[ "$installed" != "$kind" ]]; then
    echo "installing $(grep -c '^[a-z].*==' "requirements/$kind.txt") locked packages into $folder" \
        "($kind, $("$folder/bin/python" --version))"
    "${pip[@]}" install --no-compile --require-hashes --no-deps --requirement "requirements/$kind.txt"
fi
if [[ "$kind" != superset && "$kind" != snowflake ]]; then
    "${pip[@]}" install --no-deps --no-build-isolation --editable .
fi
printf '%s %s %s\n' "$kind" "$lock" "$project" >"$stamp"
