"""The docs site: pages that need no server, and links that lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs_pages import PAGES, catalogue, write
from support.project import ROOT


def test_the_front_page_links_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "dbt.html").write_text("models")
    assert write(tmp_path) == ["metrics.html", "dbt.html"]
    links = re.findall(r'href="([^"]+)"', (tmp_path / "index.html").read_text())
    assert links == ["metrics.html", "dbt.html"]


def test_the_catalogue_holds_every_metric_and_its_links_lead_to_it(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "metrics.html").read_text()
    anchors = set(re.findall(r'id="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= anchors
    names = re.findall(r"^### (.+)$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert len(names) > 50
    for name in names:
        assert (
            name.replace("`", "").lower()
            in {anchor.replace("-", " ") for anchor in anchors} | anchors
        )


def test_markup_in_a_document_is_text() -> None:
    assert "&lt;script&gt;" in catalogue("a `<script>` in code")


@pytest.mark.long
def test_the_whole_site_is_written(tmp_path: Path) -> None:
    folder = ROOT / "build" / "ci"
    if not (folder / "warehouse.duckdb").exists():
        pytest.skip("no warehouse: scripts/ci/demo.sh simulated build/ci")
    # A copy: dbt holds the file that it reads. Boards are drawn by their own tests.
    shutil.copy(folder / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    done = subprocess.run(
        [ROOT / "scripts/ci/docs.sh", tmp_path, tmp_path / "site"],
        env={**os.environ, "DEMO_BOARDS": "no"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    links = re.findall(r'href="([^"]+)"', (tmp_path / "site/index.html").read_text())
    assert links == [name for name, _, _ in PAGES if not name.startswith("boards")]
    assert all((tmp_path / "site" / link).stat().st_size > 100 for link in links)
