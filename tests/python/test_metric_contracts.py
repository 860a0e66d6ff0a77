"""Each metric is declared once, in the YAML of its mart; page, data and layer agree with that."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metrics_page import PAGE, Contract, contracts, render
from support.project import DbtProject

OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
STREAMS = {
    *("queries", "responses", "feedback", "product_events", "exposures", "evaluations"),
    *("identities", "user_traits", "infrastructure_usage", "probes"),
}


@pytest.fixture(scope="module")
def manifest(make_project: Callable[[Path], DbtProject], tmp_path_factory: Any) -> Any:
    return make_project(tmp_path_factory.mktemp("contracts")).manifest()


@pytest.fixture(scope="module")
def found(manifest: Any) -> list[Contract]:
    return contracts(manifest)


def evaluate(node: ast.expr) -> float:
    """A sum worked by hand, of numbers and the four operations alone."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
    raise ValueError(ast.dump(node))


def sums_of(example: str) -> list[tuple[float, float]]:
    """What each `1 / (1 + 3) = 0.25` of a text comes to, and what it says that it comes to."""
    pairs = re.findall(r"([\d(][\d\s.()*/+-]*?) = (\d+(?:\.\d+)?)", example)
    return [(evaluate(ast.parse(sum_, mode="eval").body), float(said)) for sum_, said in pairs]


def test_sums_in_examples_are_found() -> None:
    assert sums_of("Of 3 and 4 users: (3 + 4) / 2 = 3.5, and 1 / 4 = 0.3.") == [
        (3.5, 3.5),
        (0.25, 0.3),
    ]


def test_the_page_is_what_the_contracts_say(found: list[Contract]) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(found), (
        "docs/metrics.md is stale: python scripts/ci/metrics_page.py"
    )


def test_a_contract_is_whole(found: list[Contract], manifest: Any) -> None:
    names = [each.name for each in found]
    assert len(names) == len(set(names))
    known = {metric.name for metric in manifest.metrics.values()}
    for each in found:
        assert set(each.columns) <= each.descriptions.keys(), each.name
        assert (each.numerator is None) == (each.denominator is None), each.name
        if each.numerator is not None:
            assert len(each.columns) == 1, each.name
            assert "NULL" in each.descriptions[each.columns[0]], f"{each.name}: NULL when?"
        assert each.unit_tests, f"{each.name}: {each.mart} has no unit test"
        assert set(each.semantic) <= known, each.name
        assert set(each.source) <= STREAMS, each.name


def test_every_example_is_worked_right(found: list[Contract]) -> None:
    for each in found:
        results = sums_of(each.example)
        assert results or each.numerator is None, f"{each.name}: no sum in its example"
        for result, said in results:
            assert result == pytest.approx(said, rel=1e-12), f"{each.name}: {result} is not {said}"


def test_every_metric_of_the_semantic_layer_has_a_contract_or_is_a_plain_sum(
    found: list[Contract], manifest: Any
) -> None:
    named = {name for each in found for name in each.semantic}
    ratios = {metric.name for metric in manifest.metrics.values() if metric.type.value != "simple"}
    assert ratios - named == set()


def test_every_row_of_the_catalogue_has_a_contract(found: list[Contract], shared: Path) -> None:
    catalogue = (shared / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!metric|-)([^|]+?) \|", catalogue, re.MULTILINE)
    assert len(rows) > 30
    assert set(rows) - {each.metric for each in found} == set()
