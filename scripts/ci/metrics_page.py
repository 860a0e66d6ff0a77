"""Writes docs/metrics.md from the contracts in the YAML of the marts (`meta.metrics`).

    python scripts/ci/metrics_page.py            write the page
    python scripts/ci/metrics_page.py --check    exit with 1 if the page is stale

A contract names columns of its mart. What they count and when they are NULL is said there, once,
and read from there; so are the grain (the test of uniqueness) and the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "metrics.md"

#: Headings in the order of the page, by the group of the mart.
SECTIONS = {
    "core": "Facts",
    "engagement": "Engagement",
    "performance": "Model performance",
    "satisfaction": "Satisfaction",
    "cost": "Cost",
    "retention": "Users over time",
    "quality": "Quality of answers",
    "experiments": "Experiments",
    "monitoring": "Monitoring",
}

_HEAD = """\
# Metrics

Every metric by its definition, which is a contract: the mart computes it, the unit test works it by
hand, this page says it. It is written from the YAML files of the marts; after a change of one:

```sh
python scripts/ci/metrics_page.py
```

What holds for all of them:

- A ratio is numerator / denominator, divided last and never averaged; 0/0 is NULL. Both stand
  beside it.
- A quantile is the value of the nearest rank.
- A day is a date of the reporting zone. A window that is not over by the newest event counts in
  neither part.
- Internal users and bots are in no metric of users.
- `metric_computability` says which metrics the loaded events can support, and what is missing.

"""


@dataclass(frozen=True)
class Contract:
    """One metric as the YAML of its mart declares it."""

    name: str
    #: What the catalogue of metrics calls the row that it belongs to.
    metric: str
    mart: str
    group: str
    grain: tuple[str, ...]
    columns: tuple[str, ...]
    #: SQL over columns of the mart, of ratios.
    numerator: str | None
    denominator: str | None
    window: str
    source: tuple[str, ...]
    example: str
    semantic: tuple[str, ...]
    unit_tests: tuple[str, ...]
    #: Description of each column of the mart.
    descriptions: Mapping[str, str]

    @property
    def parts(self) -> tuple[str, ...]:
        """Columns that numerator and denominator name, in their order."""
        words = re.findall(r"[a-z_]\w*", f"{self.numerator or ''} {self.denominator or ''}")
        return tuple(dict.fromkeys(word for word in words if word in self.descriptions))


def contracts(manifest: Any) -> list[Contract]:
    """All contracts of a parsed project, by section. Raises KeyError where a part is missing."""
    grains: dict[str, tuple[str, ...]] = {}
    for node in manifest.nodes.values():
        test = getattr(node, "test_metadata", None)
        if test is not None and test.name == "unique_combination" and node.attached_node:
            # A second key of a mart is not its grain.
            grains.setdefault(node.attached_node, tuple(test.kwargs["columns"]))
    unit_tests: dict[str, list[str]] = {}
    for unit_test in manifest.unit_tests.values():
        unit_tests.setdefault(unit_test.model, []).append(unit_test.name)
    found = [
        Contract(
            name=name,
            metric=given["metric"],
            mart=node.name,
            group=node.group,
            grain=grains[node.unique_id],
            columns=tuple(given["columns"]),
            numerator=given.get("numerator"),
            denominator=given.get("denominator"),
            window=given["window"],
            source=tuple(given["source"]),
            example=given["example"],
            semantic=tuple(given.get("semantic", ())),
            unit_tests=tuple(sorted(unit_tests.get(node.name, ()))),
            descriptions={
                column.name: " ".join(column.description.split())
                for column in node.columns.values()
            },
        )
        for node in manifest.nodes.values()
        if str(node.resource_type) == "model"
        for name, given in node.config.meta.get("metrics", {}).items()
    ]
    order = list(SECTIONS)
    return sorted(found, key=lambda each: (order.index(each.group), each.metric, each.name))


def render(found: list[Contract]) -> str:
    """The page: a table of all metrics, and the contract of each."""
    return _HEAD + "\n".join([*_table(found), *_sections(found)]) + "\n"


def _code(words: tuple[str, ...], joint: str = ", ") -> str:
    return joint.join(f"`{word}`" for word in words) or "—"


def _table(found: list[Contract]) -> Iterator[str]:
    yield "| metric | mart.column | by name ([semantic layer](semantic_layer.md)) | unit test |"
    yield "|---|---|---|---|"
    for each in found:
        columns = _code(tuple(f"{each.mart}.{column}" for column in each.columns))
        yield (
            f"| [{each.metric}](#{each.name}) | {columns} | {_code(each.semantic)}"
            f" | {_code(each.unit_tests)} |"
        )
    yield ""
    yield (
        "Beside the unit tests, a second implementation in plain Python (`test_reference.py`)"
        " agrees with the\nmarts that have windows, maturity or joins, and each name of the"
        " semantic layer with its mart\n(`test_semantic_layer.py`)."
    )


def _sections(found: list[Contract]) -> Iterator[str]:
    group = None
    for each in found:
        if each.group != group:
            group = each.group
            yield f"\n## {SECTIONS[group]}"
        yield f"\n### {each.name}\n"
        yield f"Of *{each.metric}*; in `{each.mart}`, by {_code(each.grain)}.\n"
        for column in each.columns:
            yield f"- `{column}`: {each.descriptions[column]}"
        if each.numerator and each.denominator:
            yield f"- Ratio: `{each.numerator}` / `{each.denominator}`"
        for column in each.parts:
            yield f"  - `{column}`: {each.descriptions[column]}"
        yield f"- Window: {each.window}"
        yield f"- Source: {_code(each.source)}"
        yield f"- Example: {each.example}"


def main(arguments: list[str]) -> int:
    """Writes the page, or says whether it is stale; returns the exit status."""
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse", "--project-dir", str(ROOT)])
    if not parsed.success:
        sys.stderr.write(f"error: dbt parse failed: {parsed.exception}\n")
        return 1
    page = render(contracts(parsed.result))
    if "--check" not in arguments:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"error: {PAGE.name} is stale: run python scripts/ci/metrics_page.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
