"""Sets up Superset from nothing and asks it: a database, a dataset of it, and a chart's data.

    python superset_runner.py < asked.json

The input has `uri` and `extra` of the database, `table` of the dataset with its `schema`, and the
`query` of the chart, as Superset's API takes them. Prints the rows of the answer as JSON. Runs in
the environment that has Superset, which has nothing of this project.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

SETTINGS = """
SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{home}/superset.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
"""


def _set_up(app: Any, password: str) -> None:
    """Superset's own tables, its roles, and one user who may do everything."""
    from superset.cli.main import superset

    named = ("--firstname", "A", "--lastname", "B", "--email", "a@example.com")
    for command in (
        ("db", "upgrade"),
        ("fab", "create-admin", "--username", "admin", "--password", password, *named),
        ("init",),
    ):
        done = app.test_cli_runner().invoke(superset, command)
        if done.exit_code:
            raise SystemExit(f"superset {command[0]}: {done.exception!r}")


def _ask(app: Any, password: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a chart of a dataset of a database, all of them made here."""
    client = app.test_client()
    headers: dict[str, str] = {}

    def post(place: str, body: dict[str, Any]) -> Any:
        answer = client.post(f"/api/v1/{place}", json=body, headers=headers)
        if answer.status_code >= 300:
            raise SystemExit(f"{place}: {answer.status_code} {answer.text[:500]}")
        return answer.json

    user = {"username": "admin", "password": password, "provider": "db"}
    headers["Authorization"] = f"Bearer {post('security/login', user)['access_token']}"
    database = {"database_name": "product", "sqlalchemy_uri": asked["uri"]}
    database_id = post("database/", {**database, "extra": json.dumps(asked["extra"])})["id"]
    table = {"database": database_id, "schema": asked["schema"], "table_name": asked["table"]}
    source = {"id": post("dataset/", table)["id"], "type": "table"}
    answer = post("chart/data", {"datasource": source, "queries": [asked["query"]]})
    rows: list[dict[str, Any]] = answer["result"][0]["data"]
    return rows


def main() -> None:
    """Answer what is asked on the standard input."""
    asked = json.load(sys.stdin)
    # Superset writes to the standard output what nobody asked for.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / "superset_config.py"
        settings.write_text(SETTINGS.format(secret=secrets.token_hex(), home=home))
        os.environ |= {"SUPERSET_HOME": home, "SUPERSET_CONFIG_PATH": str(settings)}
        from superset.app import create_app

        app = create_app()
        password = secrets.token_hex()
        _set_up(app, password)
        json.dump(_ask(app, password, asked), answers, default=str)


if __name__ == "__main__":
    main()
