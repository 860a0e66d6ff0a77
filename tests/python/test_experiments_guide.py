"""docs/experiments.md and the README: what they print is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from llm_analytics.cli import main


@pytest.mark.parametrize(("name", "n_examples"), [("docs/experiments.md", 2), ("README.md", 1)])
def test_the_example_prints_what_the_page_shows(
    name: str,
    n_examples: int,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (root / name).read_text()
    (data,) = re.findall(r"```csv\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "gates.csv").write_text(data)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```sh\n([^\n]*)\n```\n\n```text\n(.*?)```", page, flags=re.DOTALL)
    # That of compare-models needs a warehouse: test_model_comparison.py has it.
    examples = [one for one in examples if re.search("offline|power", one[0])]
    assert len(examples) == n_examples
    for command, output in examples:
        assert main(shlex.split(command)[1:]) == 0
        assert capsys.readouterr().out == output


def test_every_metric_and_seed_that_the_page_names_exists(root: Path) -> None:
    page = (root / "docs/experiments.md").read_text()
    declared = (root / "macros/definitions/experiments.sql").read_text()
    table = page.split("| what you try |")[1].split("\n\n")[0]
    rows = table.splitlines()[2:]
    assert len(rows) == 9
    for metric in re.findall(r"`(\w+)`", "\n".join(rows)):
        assert f"'{metric}': {{" in declared, metric
    for role in (root / "seeds/experiment_roles.csv").read_text().splitlines()[1:]:
        assert f"'{role.split(',')[1]}': {{" in declared, role
