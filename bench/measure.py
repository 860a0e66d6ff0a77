"""What a command costs: CPU seconds, wall seconds, peak memory, DuckDB's spill.

All of a command's process and of the children that it waited for. The machine may be shared, so a
measure also says how many cores others used meanwhile: wall seconds mean little where that is high,
CPU seconds still do.
"""

from __future__ import annotations

import bisect
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: Seconds between two looks at a running command.
_INTERVAL = 0.02


@dataclass(frozen=True)
class Measure:
    """What one command cost."""

    cpu_seconds: float
    wall_seconds: float
    #: Of the largest process of the command, not their sum.
    peak_memory_bytes: int
    #: The most that DuckDB's files for what did not fit into memory held at one time.
    peak_spill_bytes: int
    #: Cores that other programs used meanwhile, on average; None where the system does not say.
    other_cores: float | None
    output: str = field(repr=False)
    #: (epoch seconds, CPU seconds until then), for `cpu_between`; empty where the system does not
    #: say. Of the command's own process without children.
    samples: list[tuple[float, float]] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The figures alone."""
        figures = asdict(self)
        del figures["output"], figures["samples"]
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in figures.items()
        }

    def cpu_between(self, start: float, end: float) -> float | None:
        """CPU seconds between two moments (epoch seconds), to about 0.02; None if unknown."""
        if not self.samples:
            return None
        return self._cpu_until(end) - self._cpu_until(start)

    def _cpu_until(self, moment: float) -> float:
        after = bisect.bisect(self.samples, (moment, float("inf")))
        if after == 0:
            return self.samples[0][1]
        if after == len(self.samples):
            return self.samples[-1][1]
        (t0, cpu0), (t1, cpu1) = self.samples[after - 1], self.samples[after]
        return cpu0 + (cpu1 - cpu0) * (moment - t0) / (t1 - t0)


class CommandError(Exception):
    """A measured command failed; the message is what it printed."""


def measure(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    spill: Sequence[Path] = (),
    allowed: Sequence[int] = (0,),
) -> Measure:
    """Runs a command to its end and measures it.

    `folder` is its working directory, `environment` what differs from this process's, `spill` the
    folders below which DuckDB may write what does not fit into memory.
    Raises CommandError on an exit status that is not among `allowed`.
    """
    samples: list[tuple[float, float]] = []
    peak_spill = 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        busy_before = _busy_seconds()
        started = time.monotonic()
        # A process starts with the peak of memory of the one that made it: this one stays small.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
        )
        try:
            pid = 0
            while not pid:
                cpu = _cpu_seconds_of(process.pid)
                if cpu is not None:
                    samples.append((time.time(), cpu))
                peak_spill = max(peak_spill, _spilled(spill))
                time.sleep(_INTERVAL)
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - started
        busy = _busy_seconds()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, error):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    if process.returncode not in allowed:
        raise CommandError(
            f"{' '.join(command)}\nended with {process.returncode}\n"
            + "".join(text[-4000:] for text in texts)
        )
    cpu_seconds = usage.ru_utime + usage.ru_stime
    others = None
    if busy is not None and busy_before is not None:
        others = max(0.0, busy - busy_before - cpu_seconds) / wall
    # In kilobytes, but in bytes on macOS.
    peak_memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Measure(cpu_seconds, wall, peak_memory, peak_spill, others, texts[0], samples)


def _spilled(folders: Sequence[Path]) -> int:
    total = 0
    for folder in folders:
        for path in folder.rglob("duckdb_temp_*"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # DuckDB has removed it since
                continue
    return total


def _cpu_seconds_of(pid: int) -> float | None:
    """CPU seconds of a running process until now; None if there is no /proc, or it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name of the command may hold blanks; it ends with the last bracket.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float | None:
    """CPU seconds of the whole machine since its start; None where the system does not say."""
    try:
        with open("/proc/stat") as file:
            ticks = [int(value) for value in file.readline().split()[1:9]]
    except OSError:
        return None
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")
