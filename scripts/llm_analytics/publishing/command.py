"""`llm-analytics publish`: the marts of the last good build, in one file that everyone may read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.publishing import log
from llm_analytics.publishing.artifacts import artifacts_folder, read_build
from llm_analytics.publishing.folder import PublishedFolder
from llm_analytics.publishing.parquet import export_parquet
from llm_analytics.publishing.postgres import export_postgres
from llm_analytics.publishing.writing import Written, check, describe, write
from llm_analytics.warehouse import Warehouse, project_root, resolve_warehouse

FOLDER = "published"
_KEPT = 5


@dataclass(frozen=True)
class Published:
    """What a publish did."""

    path: Path
    written: Written
    #: Copies beside the file, as they are shown: folders and databases.
    copies: tuple[str, ...]


def published_folder(folder: Path | None = None) -> PublishedFolder:
    """The folder given, else `published` at the project's root."""
    return PublishedFolder(folder or project_root() / FOLDER)


def publish(
    warehouse: Warehouse,
    artifacts: Path,
    folder: PublishedFolder,
    n_kept: int = _KEPT,
    parquet: Path | None = None,
    postgres: str | None = None,
) -> Published:
    """Publishes the build that dbt's artifacts describe; readers see all of it or none.

    Raises LlmAnalyticsError, and leaves what is published, if the build did not pass, another one
    began meanwhile, or the warehouse cannot be read, or noted in.
    """
    build = read_build(artifacts)
    done: list[Written] = []
    notes: list[int] = []

    def write_and_check(path: Path, version: int) -> None:
        done.append(write(warehouse, build, path, version))
        check(path, build, done[0])
        if read_build(artifacts).invocation_id != build.invocation_id:
            raise LlmAnalyticsError("dbt has built again meanwhile: publish once more")
        notes.append(log.begin(warehouse, log.Act.PUBLISHED, log.Form.FILE, path))

    with folder.locked():
        version = folder.add(write_and_check)
        log.complete(warehouse, notes[0])
        folder.keep(n_kept)
        copies = []
        if parquet is not None:
            with log.noted(warehouse, log.Form.PARQUET, folder.current):
                copies.append(str(export_parquet(folder.current, parquet, version, n_kept)))
        if postgres is not None:
            with log.noted(warehouse, log.Form.POSTGRES, folder.current):
                copies.append(export_postgres(folder.current, postgres))
    return Published(folder.current, done[0], tuple(copies))


def roll_back(warehouse: Warehouse, folder: PublishedFolder, version: int | None = None) -> int:
    """Shows the version before the current one, or `version`; returns its number.

    Raises LlmAnalyticsError if there is none; also if one is shown now but that could not be noted,
    for who rolls back does not wait for a build that holds the warehouse.
    """
    with folder.locked():
        shown = folder.roll_back(version)
        try:
            note = log.begin(warehouse, log.Act.ROLLED_BACK, log.Form.FILE, folder.current)
            log.complete(warehouse, note)
        except LlmAnalyticsError as error:
            raise LlmAnalyticsError(
                f"version {shown} is shown again, but privacy_audit has no note of it ({error});"
                f" later: publish --rollback --version {shown}"
            ) from error
    return shown


def _report(done: Published) -> None:
    rows = done.written.rows
    typer.echo(
        f"published {len(rows)} marts, {sum(rows.values()):,} rows, as version"
        f" {done.written.version}, up to load {done.written.load_seq}: {done.path}"
    )
    for copy in done.copies:
        typer.echo(f"copied to {copy}")
    if not done.written.has_ids:
        typer.echo(
            "ids of people and what is made of them stayed in the warehouse, for some landed as"
            " sent: set LLM_ANALYTICS_ID_KEY before loading"
        )


def _as_json(done: Published) -> dict[str, Any]:
    return {
        "path": str(done.path),
        **describe(done.path),
        "rows": done.written.rows,
        "left_out": list(done.written.left_out),
        "copies": list(done.copies),
    }


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("publish")
    def publish_command(
        to: Annotated[
            Path | None, typer.Option(help="Folder of the published file.", show_default=FOLDER)
        ] = None,
        parquet: Annotated[
            Path | None, typer.Option(help="Also write one Parquet file per mart there.")
        ] = None,
        postgres: Annotated[
            str | None,
            typer.Option(
                envvar="LLM_ANALYTICS_PUBLISH_POSTGRES",
                show_envvar=True,
                help="Also fill the schema `published` of this database (a URL).",
            ),
        ] = None,
        keep: Annotated[int, typer.Option(min=1, help="How many versions to keep.")] = _KEPT,
        rollback: Annotated[
            bool, typer.Option("--rollback", help="Show the version before the current one again.")
        ] = False,
        version: Annotated[
            int | None, typer.Option(help="With --rollback: the version to show.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    ) -> None:
        """Publish the marts of the last build whose tests passed, for boards and BI tools."""
        folder = published_folder(to)
        if rollback:
            if parquet is not None or postgres is not None:
                raise LlmAnalyticsError("--rollback is for the file alone: publish copies again")
            shown = roll_back(resolve_warehouse(), folder, version)
            if as_json:
                typer.echo(json.dumps({"path": str(folder.current), **describe(folder.current)}))
            else:
                typer.echo(f"version {shown} is shown again: {folder.current}")
            return
        if version is not None:
            raise LlmAnalyticsError("--version goes with --rollback")
        done = publish(resolve_warehouse(), artifacts_folder(), folder, keep, parquet, postgres)
        if as_json:
            typer.echo(json.dumps(_as_json(done)))
        else:
            _report(done)
