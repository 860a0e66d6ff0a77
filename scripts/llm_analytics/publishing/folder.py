"""The folder of published files: the current one under a fixed name, and the last few versions."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.files import to_disk
from llm_analytics.publishing.writing import describe

#: What readers open. The name is also that of the catalogue in DuckDB.
FILE = "llm_analytics.duckdb"
_VERSIONS = "versions"
_VERSION = re.compile(r"v(\d+)\.duckdb")
_UNFINISHED = ".unfinished-"


class PublishedFolder:
    """Versions of the published file. Every change that a reader sees is one rename."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.current = path / FILE
        self._versions = path / _VERSIONS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One publisher at a time; what a killed one left is removed first.

        The lock dies with its process. Raises LlmAnalyticsError if another holds it.
        """
        self._versions.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LlmAnalyticsError(f"{self.path} is being published to already") from error
            for leftover in [*self.path.glob(f"{_UNFINISHED}*"), *self._versions.glob(".*")]:
                if leftover.is_dir():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink()
            yield

    def versions(self) -> list[int]:
        """Numbers of the versions that are kept, oldest first."""
        found = (_VERSION.fullmatch(item.name) for item in self._versions.glob("v*.duckdb"))
        return sorted(int(match.group(1)) for match in found if match)

    def version_path(self, version: int) -> Path:
        """Where a version is kept."""
        return self._versions / f"v{version}.duckdb"

    def current_version(self) -> int | None:
        """The version that readers see; None before the first."""
        if not self.current.exists():
            return None
        return int(str(describe(self.current)["version"]))

    def add(self, write: Callable[[Path, int], None]) -> int:
        """Lets `write` make the next version, and shows it to readers; returns its number.

        What `write` raises leaves everything as it was.
        """
        version = max(self.versions(), default=0) + 1
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.path))
        try:
            # Of the final name: DuckDB names the catalogue after it while it is written.
            path = unfinished / FILE
            write(path, version)
            path.chmod(0o444)
            to_disk(path)
            path.rename(self.version_path(version))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self.show(version)
        return version

    def show(self, version: int) -> None:
        """Makes a version the current one: a second name for its bytes, renamed into place."""
        name = self.path / f"{_UNFINISHED}{FILE}"
        try:
            os.link(self.version_path(version), name)
        except OSError:  # a file system without hard links
            shutil.copy2(self.version_path(version), name)
            to_disk(name)
        name.replace(self.current)
        to_disk(self.path)

    def keep(self, n_versions: int) -> list[int]:
        """Removes all but the newest versions and the current one; returns what was removed."""
        kept = {*self.versions()[-n_versions:], self.current_version()}
        removed = [version for version in self.versions() if version not in kept]
        for version in removed:
            self.version_path(version).unlink()
        return removed

    def roll_back(self, to: int | None = None) -> int:
        """Shows the version before the current one, or version `to`; returns its number.

        Raises LlmAnalyticsError if there is none.
        """
        current = self.current_version()
        if current is None:
            raise LlmAnalyticsError(f"nothing is published in {self.path}")
        earlier = [version for version in self.versions() if version < current]
        wanted = to if to is not None else (earlier[-1] if earlier else None)
        if wanted is None or wanted not in self.versions():
            kept = ", ".join(map(str, self.versions()))
            what = f"version {wanted}" if wanted is not None else "no earlier version"
            raise LlmAnalyticsError(f"{what} is not kept (kept: {kept})")
        self.show(wanted)
        return wanted
