"""Temporary folders: what a command holds on its way may be more private than what it lands."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "llm_analytics_scratch_"
#: A folder has another name until it is locked, so that nobody takes it for an abandoned one.
_UNLOCKED = "llm_analytics_unlocked_"
_LOCK = "lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder for this user's eyes, gone at the end.

    A killed command leaves its folder: the next one removes it. Who lives holds a lock on theirs.
    """
    _remove_abandoned()
    made = Path(tempfile.mkdtemp(prefix=_UNLOCKED))
    with (made / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = made.rename(made.with_name(made.name.replace(_UNLOCKED, _PREFIX, 1)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # Held, or removed meanwhile by its own command or by another.
