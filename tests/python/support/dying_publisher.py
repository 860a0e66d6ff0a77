"""Publishes that die on the way, at a moment that is known: a server that forks one per line.

    python dying_publisher.py WAREHOUSE ARTIFACTS FOLDER

Each line of its input is a step of `STEPS` or a number of bytes; it answers with the signal that
ended the publish. All is imported before the forks, so that a death costs what it does alone.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name

# DuckDB imports it to bind values.
import pandas  # type: ignore[import-untyped]  # noqa: F401

from llm_analytics.publishing.command import publish
from llm_analytics.publishing.folder import PublishedFolder
from llm_analytics.warehouse import Warehouse

#: Steps at which a publish may die, each with what is called then.
STEPS = {
    "written, not checked": "llm_analytics.publishing.command.check",
    "checked, not on the disk": "llm_analytics.publishing.folder.to_disk",
    "named, not shown": "llm_analytics.publishing.folder.PublishedFolder.show",
    "linked, not renamed": "pathlib.Path.replace",
    "shown, old versions kept": "llm_analytics.publishing.folder.PublishedFolder.keep",
}


def die_when_called(what: str) -> None:
    """Puts a kill in the place of a function."""
    owner, name = what.rsplit(".", 1)
    setattr(resolve_name(owner), name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))


def die_beyond(n_bytes: int) -> None:
    """Lets the system end the process as it writes that byte of a file: no handler, no clean-up."""
    # Python ignores the signal, and would raise an error instead.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


def main() -> None:
    """Serves until the end of its input."""
    warehouse, artifacts, folder = sys.argv[1:]
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            wanted = line.strip()
            if wanted in STEPS:
                die_when_called(STEPS[wanted])
            else:
                die_beyond(int(wanted))
            publish(Warehouse(warehouse), Path(artifacts), PublishedFolder(Path(folder)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else "none", flush=True)


if __name__ == "__main__":
    main()
