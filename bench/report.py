"""The figures of the benchmark as goals and tables, for a terminal and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

Json = dict[str, Any]
Report = dict[str, Any]

#: Models that take at least this share of the build are listed.
_SHARE = 0.05


@dataclass(frozen=True)
class Goal:
    """A figure of one size and what it should be."""

    name: str
    #: The figure of the measures of one size; None where a stage that it needs was left out.
    figure: Callable[[Json, Json], float | None]
    floor: float
    aim: float
    unit: str = ""
    is_least: bool = False
    #: dbt's own overhead hides the rest at smaller sizes (interactions).
    applies_from: int = 0


def cpu(size: Json, *names: str) -> float | None:
    """CPU seconds of stages together; those of a part that the project does not have count 0."""
    measures = size.get("measures", {})
    found = [measures[name]["cpu_seconds"] for name in names if name in measures]
    return sum(found) if found else None


def whole(size: Json, stage: str) -> float | None:
    """CPU seconds of building all models at a stage."""
    return cpu(size, f"{stage}: core", f"{stage}: rest")


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """The ratio, if both are known."""
    return numerator / denominator if numerator is not None and denominator else None


def _load_rate(size: Json, _: Json) -> float | None:
    load = size.get("measures", {}).get("load")
    return ratio(load["lines"], load["cpu_seconds"]) if load else None


def _core_ratio(size: Json, _: Json) -> float | None:
    if "baseline: work" not in size.get("measures", {}):
        return None
    return ratio(cpu(size, "build: core"), cpu(size, "baseline: parse", "baseline: work"))


def _growth(size: Json, smallest: Json) -> float | None:
    if size is smallest or not size.get("interactions"):
        return None
    growth = ratio(cpu(size, "build: core"), cpu(smallest, "build: core"))
    return ratio(growth, size["interactions"] / smallest["interactions"])


def _largest(size: Json, figure: str) -> float | None:
    measures = size.get("measures", {})
    # What makes and reads the events is not the project's.
    own = [
        measure[figure]
        for name, measure in measures.items()
        if name != "generate" and not name.startswith("baseline")
    ]
    return max(own, default=None)


def _overhead(size: Json, _: Json) -> float | None:
    if "empty: tests" not in size.get("measures", {}):
        return None
    return cpu(size, "empty: core", "empty: rest", "empty: tests")


def _slow_queries(size: Json, _: Json) -> float | None:
    queries = size.get("queries")
    if queries is None:
        return None
    return float(sum(query["median_ms"] > query["target_ms"] for query in queries))


def _bytes(text: str) -> int:
    """Bytes of a limit as DuckDB reads it: 4GB, 512MB, 1.5GiB."""
    found = re.fullmatch(r"([\d.]+) *([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"not a size: {text}")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " KMGT".index(found[2].upper() or " "))


def goals(sizes: Sequence[Json], memory_limit: str) -> list[Json]:
    """Each goal at each size: its value, whether it is met (None: it does not apply there)."""
    limit = _bytes(memory_limit) / 1e9
    listed = [
        Goal("events loaded per CPU second", _load_rate, 200_000, 340_000, is_least=True),
        Goal("core models / (baseline + parse)", _core_ratio, 1.5, 1.0, "of the CPU"),
        Goal("growth of core models per interaction", _growth, 1.2, 1.05),
        Goal(
            "a new day / full build",
            lambda size, _: ratio(whole(size, "day"), whole(size, "build")),
            0.35,
            0.20,
            "of the CPU",
            applies_from=10_000_000,
        ),
        Goal(
            "peak memory",
            lambda size, _: ratio(_largest(size, "peak_memory_bytes"), 1e9),
            limit + 0.3,
            limit + 0.3,
            "GB",
        ),
        Goal("spill", lambda size, _: ratio(_largest(size, "peak_spill_bytes"), 1e9), 0.5, 0, "GB"),
        Goal("dbt's own: build and tests, no data", _overhead, 25, 12, "CPU s"),
        Goal("queries of dashboards over their target", _slow_queries, 0, 0),
    ]
    found = []
    for size in sizes:
        for goal in listed:
            value = goal.figure(size, sizes[0])
            if value is None:
                continue
            is_met = value >= goal.floor if goal.is_least else value <= goal.floor
            applies = size.get("interactions", goal.applies_from) >= goal.applies_from
            found.append(
                {
                    "name": goal.name,
                    "interactions": size.get("interactions"),
                    "value": value,
                    "unit": goal.unit,
                    "floor": goal.floor,
                    "aim": goal.aim,
                    "is_met": is_met if applies else None,
                }
            )
    return found


@dataclass
class Sheet:
    """A table; its first column is text, the others are figures."""

    title: str
    header: list[str]
    rows: list[list[str]]


def _number(value: float | None, places: int = 1) -> str:
    return "—" if value is None else f"{value:,.{places}f}"


def _size(value: float) -> str:
    return f"{value / 1e9:.2f}" if value else "0"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.2f}"


def _name(size: Json) -> str:
    return f"{size['interactions']:,} interactions" if "interactions" in size else "given events"


def _stages(size: Json) -> Sheet:
    rows = []
    for name, measure in size["measures"].items():
        lines = measure.get("lines")
        per_cpu = ratio(lines, measure["cpu_seconds"])
        rows.append(
            [
                name,
                _number(measure["cpu_seconds"]),
                _number(measure["wall_seconds"]),
                _number(measure["other_cores"]),
                _size(measure["peak_memory_bytes"]),
                _size(measure["peak_spill_bytes"]),
                "" if lines is None else f"{lines:,} lines, {per_cpu:,.0f} per CPU s",
            ]
        )
    title = f"{_name(size)}, {size['events_bytes'] / 1e9:.2f} GB of events"
    if "warehouse_bytes" in size:
        title += f", {size['warehouse_bytes'] / 1e9:.2f} GB of warehouse"
    header = ["stage", "CPU s", "wall s", "cores of others", "peak GB", "spill GB", "lines"]
    return Sheet(title, header, rows)


def _ratios(size: Json) -> Sheet:
    """What the stages say of each other. Work is a build without that of an empty warehouse."""
    by_hand = cpu(size, "baseline: parse", "baseline: work")
    work: dict[str, float | None] = {}
    for stage in ("build", "day", "late"):
        full, empty = whole(size, stage), whole(size, "empty")
        work[stage] = None if full is None or empty is None else full - empty
    core, empty_core = cpu(size, "build: core"), cpu(size, "empty: core")
    core_work = None if core is None or empty_core is None else core - empty_core
    load = cpu(size, "load")
    both = None if core is None or load is None else core + load
    rows = [
        ["core models / (baseline + parse)", _number(ratio(core, by_hand), 2)],
        ["the same without dbt's own", _number(ratio(core_work, by_hand), 2)],
        ["(load + core models) / (baseline + parse)", _number(ratio(both, by_hand), 2)],
        ["core models' work / baseline", _number(ratio(core_work, cpu(size, "baseline: work")), 2)],
        ["load / parse", _number(ratio(load, cpu(size, "baseline: parse")), 2)],
        ["a new day / full build", _number(ratio(whole(size, "day"), whole(size, "build")), 2)],
        ["the same without dbt's own", _number(ratio(work["day"], work["build"]), 2)],
        ["late events / full build", _number(ratio(whole(size, "late"), whole(size, "build")), 2)],
        ["the same without dbt's own", _number(ratio(work["late"], work["build"]), 2)],
    ]
    rows = [row for row in rows if row[1] != "—"]
    return Sheet(f"Ratios of CPU seconds, {_name(size)}", ["ratio", "value"], rows)


def _models(size: Json, stage: str, called: str) -> Sheet:
    models = size.get("models", {}).get(stage, [])
    total = sum(model["cpu_seconds"] or 0 for model in models)
    costs = sorted(models, key=lambda model: -(model["cpu_seconds"] or 0))
    rows = [
        [
            model["name"],
            _number(model["cpu_seconds"]),
            _number(model["wall_seconds"]),
            f"{model['cpu_seconds'] / total:.0%}",
        ]
        for model in costs
        if model["cpu_seconds"] and model["cpu_seconds"] >= _SHARE * total
    ]
    return Sheet(
        f"Models over {_SHARE:.0%} of {called}, {_name(size)}",
        ["model", "CPU s", "wall s", "share"],
        rows,
    )


def _queries(sizes: Sequence[Json]) -> Sheet:
    asked = [size for size in sizes if "queries" in size]
    header = ["query", "target ms"]
    for size in asked:
        header += [f"ms, {_name(size)}", "CPU ms"]
    rows = []
    for same in zip(*(size["queries"] for size in asked), strict=True):
        medians = [
            _number(query[figure]) for query in same for figure in ("median_ms", "median_cpu_ms")
        ]
        rows.append([same[0]["name"].replace("_", " "), str(same[0]["target_ms"]), *medians])
    return Sheet("Queries of dashboards, median", header, rows)


def _goals(found: Sequence[Json]) -> Sheet:
    rows = []
    for goal in found:
        met = {True: "yes", False: "no", None: "n/a"}[goal["is_met"]]
        size = "" if goal["interactions"] is None else f"{goal['interactions']:,}"
        unit = f" {goal['unit']}" if goal["unit"] else ""
        figures = [_figure(goal["floor"]), _figure(goal["aim"])]
        rows.append([goal["name"], size, _figure(goal["value"]) + unit, *figures, met])
    return Sheet("Goals", ["goal", "interactions", "value", "firm", "aim", "met"], rows)


def sheets(report: Report) -> list[Sheet]:
    """All tables of a report."""
    found = []
    for size in report["sizes"]:
        found += [_stages(size), _ratios(size)]
        found += [_models(size, "build", "the full build"), _models(size, "day", "a new day")]
    found += [_queries(report["sizes"]), _goals(report["goals"])]
    return [sheet for sheet in found if sheet.rows]


def about(report: Report) -> str:
    """One line on the machine and the limits."""
    on = report["machine"]
    return (
        f"{on['system']}, {on['cores']} cores, {on['memory_bytes'] / 2**30:.0f} GiB of memory;"
        f" Python {on['python']}, DuckDB {on['duckdb']}, dbt-core {on['dbt']};"
        f" DuckDB with {on['threads']} threads and memory_limit {on['memory_limit']}."
    )


def as_markdown(report: Report) -> str:
    """The tables as Markdown."""
    lines = [about(report), ""]
    for sheet in sheets(report):
        lines += [f"**{sheet.title}**", ""]
        lines += ["| " + " | ".join(sheet.header) + " |"]
        lines += ["|---" + "|---:" * (len(sheet.header) - 1) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in sheet.rows]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def replace_figures(text: str, figures: str) -> str:
    """A document with new figures between its two markers; the figures alone without markers."""
    begin, end = "<!-- figures -->\n", "<!-- end of figures -->"
    if begin not in text or end not in text:
        return figures
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{figures}\n{end}{rest.partition(end)[2]}"


def show(report: Report, console: Console) -> None:
    """Prints the tables."""
    console.print(about(report), highlight=False)
    for sheet in sheets(report):
        table = Table(title=sheet.title, title_justify="left")
        for position, name in enumerate(sheet.header):
            table.add_column(name, justify="right" if position else "left")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
