"""docs/configuration.md names every setting with the default that the project has."""

from __future__ import annotations

import ast
import re
from pathlib import Path


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
