"""Ctrl-C that comes too late: what is committed cannot be said to have changed nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def ignore_interrupts() -> None:
    """Let Ctrl-C pass from here on. Signals reach the main thread; elsewhere nothing changes."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interrupts_as_before() -> Iterator[None]:
    """Leaves Ctrl-C to do what it did before the block, whatever the block ignores."""
    heard = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, heard)
