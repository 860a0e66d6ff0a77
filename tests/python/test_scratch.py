"""Temporary folders: whose command was killed is removed by the next, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from llm_analytics.scratch import scratch_folder

HOLD = """
import sys
from llm_analytics.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "piece").write_text("what someone asked")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_goes_with_its_command(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())


def test_what_a_killed_command_left_goes_with_the_next(tmp_path: Path) -> None:
    with _holder(tmp_path) as alive, _holder(tmp_path) as killed:
        kept, left = _folder(alive), _folder(killed)
        killed.kill()
        killed.wait()
        assert (left / "piece").exists()
        with scratch_folder() as folder:
            assert set(tmp_path.iterdir()) == {kept, folder}
        assert (kept / "piece").exists()
        alive.communicate(timeout=60)
    assert not list(tmp_path.iterdir())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (tmp_path / "llm_analytics_scratch_link").symlink_to(elsewhere)
    with scratch_folder():
        assert (elsewhere / "lock").exists()


def _holder(temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def _folder(holder: subprocess.Popen[str]) -> Path:
    assert holder.stdout is not None
    return Path(holder.stdout.readline().strip())
