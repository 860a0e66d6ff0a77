"""Conventions of the dbt project that dbt-bouncer has no check for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.project import DbtProject

PII = {"none", "pseudonym"}


@pytest.fixture
def manifest(project: DbtProject) -> Any:
    return project.manifest()


def own(nodes: Any, kind: str | None = None) -> list[Any]:
    """The project's own nodes of a dictionary of the manifest, of one resource type if given."""
    return [
        node
        for node in nodes.values()
        if node.package_name == "llm_analytics" and kind in (None, str(node.resource_type))
    ]


def argument_names(macro_sql: str) -> list[str]:
    """The names of a macro's arguments, from its first line; defaults may hold parentheses."""
    start = re.search(r"{%-?\s*(?:macro|test)\s+\w+\s*\(", macro_sql)
    if start is None:
        return []
    depth, names, current = 1, [], ""
    for character in macro_sql[start.end() :]:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if depth == 0:
            break
        if character == "," and depth == 1:
            names.append(current)
            current = ""
        else:
            current += character
    names.append(current)
    return [name.partition("=")[0].strip() for name in names if name.strip()]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("{% macro a() %}{% endmacro %}", []),
        ("{%- macro a(b, c=none) -%}", ["b", "c"]),
        ("{% macro a(b=[1, 2], c=f(1, 2), d='x') %}", ["b", "c", "d"]),
        ("{% test a(model, column_name) %}", ["model", "column_name"]),
    ],
)
def test_arguments_are_found(sql: str, names: list[str]) -> None:
    assert argument_names(sql) == names


def test_every_macro_and_each_of_its_arguments_is_described(manifest: Any) -> None:
    missing = []
    for macro in own(manifest.macros):
        # One engine's implementation is described by what dispatches to it.
        if re.match(r"(default|duckdb|postgres|snowflake|spark)__|materialization_", macro.name):
            continue
        if not macro.description:
            missing.append(macro.name)
        described = {argument.name for argument in macro.arguments if argument.description}
        given = set(argument_names(macro.macro_sql))
        if macro.name.startswith("test_"):
            given -= {"model", "column_name"}
        missing += [f"{macro.name}({name})" for name in sorted(given - described)]
    assert missing == []


def test_no_macro_describes_an_argument_that_it_does_not_have(manifest: Any) -> None:
    for macro in own(manifest.macros):
        described = {argument.name for argument in macro.arguments}
        assert described <= set(argument_names(macro.macro_sql)), macro.name


def test_every_column_of_a_mart_says_whose_data_it_is_and_none_is_raw(manifest: Any) -> None:
    wrong = [
        f"{model.name}.{column.name}"
        for model in own(manifest.nodes, "model")
        if model.path.startswith("marts/")
        for column in model.columns.values()
        if column.config.meta.get("pii") not in PII
    ]
    assert wrong == []


def test_every_var_has_the_prefix_of_the_project(manifest: Any) -> None:
    for node in [*own(manifest.macros), *own(manifest.nodes, "model")]:
        sql = getattr(node, "macro_sql", None) or node.raw_code
        for name in re.findall(r"\bvar\(\s*['\"]([^'\"]+)['\"]", sql):
            assert name.startswith("llm_analytics_"), f"{node.name}: var {name}"
        assert not re.search(r"\bvar\(\s*['\"][^'\"]+['\"]\s*\)", sql), f"{node.name}: no default"


def test_every_singular_test_and_analysis_says_what_it_is_about(manifest: Any) -> None:
    missing = [
        node.name
        for node in own(manifest.nodes)
        if str(node.resource_type) in ("analysis", "test")
        and not getattr(node, "test_metadata", None)
        and not (node.description or node.raw_code.lstrip().startswith(("--", "{#")))
    ]
    assert missing == []
