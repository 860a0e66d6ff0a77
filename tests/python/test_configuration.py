"""docs/configuration.md names every setting with the default that the project has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from support.project import DbtProject


def _defaults(root: Path) -> dict[str, object]:
    macro = (root / "macros/definitions/setting.sql").read_text()
    rows = re.findall(r"^\s+'(\w+)': (.+),$", macro, flags=re.MULTILINE)
    return {name: ast.literal_eval(value.replace("none", "None")) for name, value in rows}


def test_every_setting_is_documented_with_its_default(root: Path) -> None:
    page = (root / "docs/configuration.md").read_text()
    documented = dict(
        re.findall(r"^\| `llm_analytics_(\w+)` \| `?([^|`]+)`? \|", page, re.MULTILINE)
    )
    defaults = _defaults(root)
    assert defaults, "no setting found: has the macro another form now?"
    for name, value in defaults.items():
        assert documented.get(name) == ("none" if value is None else str(value)), name


def test_every_documented_variable_is_used(root: Path) -> None:
    page = (root / "docs/configuration.md").read_text()
    sources = "".join(
        path.read_text()
        for folder in ("macros", "models")
        for path in (root / folder).rglob("*")
        if path.suffix in {".sql", ".yml"}
    )
    for name in set(re.findall(r"^\| `llm_analytics_(\w+)`", page, re.MULTILINE)):
        seed = name.removesuffix("_from")
        used = re.search(rf"setting\('{name}'\)|llm_analytics_{name}\b", sources) or re.search(
            rf"seed\('{seed}'\)", sources
        )
        assert used, f"llm_analytics_{name} is documented but nothing reads it"


def test_a_seed_of_ones_own_takes_the_place_of_the_shipped_one(project_copy: DbtProject) -> None:
    (project_copy.root / "seeds/our_prices.csv").write_text(
        (project_copy.root / "seeds/model_prices.csv").read_text()
    )
    project_copy.dbt(
        "compile",
        "--select",
        "int_prices_by_day",
        variables={"llm_analytics_model_prices_from": "our_prices"},
    )
    (compiled,) = project_copy.target_path.rglob("compiled/**/int_prices_by_day.sql")
    sql = compiled.read_text()
    assert '"our_prices"' in sql
    assert '"model_prices"' not in sql
