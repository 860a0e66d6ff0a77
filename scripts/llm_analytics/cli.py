"""The command `llm-analytics`: one front, one handler for errors."""

from __future__ import annotations

import signal
import sys
import traceback
from importlib import import_module, metadata
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.interrupts import interrupts_as_before

_PACKAGE = "llm_analytics"
INTERRUPTED = 130
# Each module adds its command with register(app).
_COMMANDS = {
    "simulate": "simulation",
    "load": "loading.command",
    "run": "run",
    "status": "status",
    "summary": "summary",
    "publish": "publishing.command",
    "dashboards": "boards.command",
    "mcp": "agents",
    "prices": "prices.command",
    "alert": "alerts.command",
    "report": "reporting.command",
    "conversations": "conversations",
    "backup": "backup",
    "restore": "backup",
    "significance": "experiments.command",
    "power": "experiments.power",
    "compare-models": "experiments.compare",
    "agreement": "quality.command",
    "survival": "survival",
    "enrich": "enrichment.command",
    "evaluate": "evaluation.command",
    "predict": "prediction.command",
    "convert": "examples.command",
    "forget": "privacy.forget",
    "export-subject": "privacy.export_subject",
    "purge": "privacy.purge",
    "policy": "privacy.check",
}


def installed_version() -> str:
    """The installed version; `unknown` when run from a checkout that is not installed."""
    try:
        return metadata.version("llm-analytics")
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"llm-analytics {installed_version()}")
        raise typer.Exit()


def create_app(only: str | None = None) -> typer.Typer:
    """The app with all commands, or with one: loading need not wait for the simulator's import."""
    app = typer.Typer(
        name="llm-analytics",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def front(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True)
        ] = False,
        verbose: Annotated[
            bool, typer.Option("-v", "--verbose", help="Show the detail of an error.")
        ] = False,
    ) -> None:
        """LLM product analytics: load events, and see what the warehouse holds."""

    wanted = [module for command, module in _COMMANDS.items() if only in (None, command)]
    for module in dict.fromkeys(wanted):  # one may have several commands
        import_module(f"{_PACKAGE}.{module}").register(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status; every error is one line on stderr.

    0 done, 1 failed with nothing changed, 2 wrong usage, 3 done but some lines were quarantined,
    130 interrupted with nothing changed.
    """
    given = sys.argv[1:] if arguments is None else arguments
    is_verbose = any(argument in ("-v", "--verbose") for argument in given)
    # -v is understood before and after the command's name.
    given = [argument for argument in given if argument not in ("-v", "--verbose")]
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    word = next((argument for argument in given if not argument.startswith("-")), None)
    only = word if word in _COMMANDS else None
    try:
        with interrupts_as_before():
            result = create_app(only)(given, prog_name="llm-analytics", standalone_mode=False)
        if result == INTERRUPTED:  # Ctrl-C, as typer reports it
            return _fail("interrupted; nothing was changed", INTERRUPTED, None, is_verbose)
        return result if isinstance(result, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort) as error:
        return _fail("interrupted; nothing was changed", INTERRUPTED, error, is_verbose)
    except LlmAnalyticsError as error:
        return _fail(str(error), 1, error, is_verbose)
    except Exception as error:
        if str(error) == "Query interrupted":  # Ctrl-C, as DuckDB reports it
            return _fail("interrupted; nothing was changed", INTERRUPTED, error, is_verbose)
        status = getattr(error, "exit_code", 1)
        if hasattr(error, "format_message"):  # click's own: wrong usage
            return _fail(error.format_message(), status, error, is_verbose)
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        return _fail(message + ("" if is_verbose else " (more with -v)"), 1, error, is_verbose)


def _fail(message: str, status: int, error: BaseException | None, is_verbose: bool) -> int:
    """Prints an error as one line, after its trace where that is wanted; returns the status."""
    if is_verbose and error is not None:
        traceback.print_exception(error)
    sys.stderr.write(f"llm-analytics: {message}\n")
    return status


def run() -> None:
    """The console script's entry point."""
    sys.exit(main())
