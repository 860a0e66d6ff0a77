"""The packaging: locks, versions, what an install holds, and that documented commands are real."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("base", "demo", "dev", "snowflake", "spark", "superset")
DOCUMENTS = ("README.md", "CONTRIBUTING.md")


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    """Every file of the project, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git clone")
    return [root / name for name in listed.stdout.decode().split("\0") if (root / name).is_file()]


def locked(root: Path, lock: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Requirement and hashes of each package of a lock file, by canonical name."""
    text = (root / "requirements" / f"{lock}.txt").read_text()
    found: dict[str, tuple[Requirement, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        if entry.strip() and not entry.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", entry.strip())
            parsed = Requirement(requirement)
            found[canonicalize_name(parsed.name)] = (parsed, hashes)
    return found


def make_targets(text: str) -> set[str]:
    """Targets that a text names as a command: in backticks, or on a line of a code block."""
    return set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE))


# ---- locks


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_has_hashes(root: Path, lock: str) -> None:
    packages = locked(root, lock)
    assert len(packages) > 30
    for requirement, hashes in packages.values():
        assert [one.operator for one in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_download_from(root: Path, lock: str) -> None:
    text = (root / "requirements" / f"{lock}.txt").read_text()
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|--trusted", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_compiled_is_locked_for_linux_and_macos(root: Path, lock: str) -> None:
    # One hash per file of a release: a lock of one machine's own wheels would have few of them.
    packages = locked(root, lock)
    compiled = {"duckdb", "numpy", "scipy", "zstandard", "pydantic-core"} & packages.keys()
    assert "duckdb" in compiled
    for name in compiled:
        assert len(packages[name][1]) > 10, name


@pytest.mark.parametrize("lock", ["base", "demo"])
def test_a_smaller_lock_is_a_part_of_the_dev_lock(root: Path, lock: str) -> None:
    dev = locked(root, "dev")
    for name, (requirement, hashes) in locked(root, lock).items():
        wider, dev_hashes = dev[name]
        assert requirement.specifier == wider.specifier
        # What base needs on one system alone, an extra may need on all.
        assert wider.marker is None or str(wider.marker) == str(requirement.marker)
        assert hashes == dev_hashes


def test_the_base_install_has_no_tool_of_development(root: Path) -> None:
    unwanted = {"pytest", "hypothesis", "ruff", "mypy", "sqlfluff", "dbt-bouncer", "dbt-postgres"}
    assert not unwanted & set(locked(root, "base"))


@pytest.mark.parametrize(
    ("lock", "extra"), [("base", ""), ("demo", "boards"), ("dev", "postgres"), ("dev", "test")]
)
def test_a_lock_meets_what_pyproject_asks_for(
    root: Path, pyproject: dict[str, Any], lock: str, extra: str
) -> None:
    project = pyproject["project"]
    asked = project["optional-dependencies"][extra] if extra else project["dependencies"]
    packages = locked(root, lock)
    for requirement in map(Requirement, asked):
        (pin,) = packages[canonicalize_name(requirement.name)][0].specifier
        assert requirement.specifier.contains(pin.version), requirement


def test_the_scanner_of_postgres_is_of_exactly_the_version_of_duckdb(root: Path) -> None:
    dev = locked(root, "dev")
    scanner, engine = dev["duckdb-extension-postgres-scanner"][0], dev["duckdb"][0]
    assert scanner.specifier == engine.specifier


# ---- versions and contents


def test_there_is_one_version(root: Path, pyproject: dict[str, Any]) -> None:
    version = pyproject["project"]["version"]
    assert yaml.safe_load((root / "dbt_project.yml").read_text())["version"] == version
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == version


def test_the_installed_metadata_has_the_version(pyproject: dict[str, Any]) -> None:
    try:
        installed = importlib.metadata.version("llm_analytics")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("llm_analytics is not installed here, only imported")
    assert installed == pyproject["project"]["version"]


def test_every_package_folder_is_declared(root: Path, pyproject: dict[str, Any]) -> None:
    scripts = root / "scripts"
    folders = {
        ".".join(path.parent.relative_to(scripts).parts)
        for path in (scripts / "llm_analytics").rglob("*.py")
    }
    declared = set(pyproject["tool"]["setuptools"]["packages"])
    assert folders == declared - set(pyproject["tool"]["setuptools"]["package-dir"])


def test_a_wheel_carries_the_tracking_plan_and_its_types(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="80")
    source = tmp_path / "source"
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (root / name).exists():
            source.mkdir(exist_ok=True)
            (source / name).write_bytes((root / name).read_bytes())
    for folder in ("scripts/llm_analytics", "dashboards", "docs/tracking_plan", "docs/sources"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".json", ".md", ".typed", ".yml"}:
                copy = source / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    built = subprocess.run(
        [sys.executable, "-c", "from setuptools import build_meta as b; b.build_wheel('.')"],
        cwd=source,
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = source.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for schema in (root / "docs/tracking_plan").glob("*.json"):
        assert f"llm_analytics/schemas/{schema.name}" in names
    for schema in (root / "docs/sources").glob("*/*.json"):
        assert f"llm_analytics/source_schemas/{schema.parent.name}/{schema.name}" in names
    for board in (root / "dashboards").glob("*.yml"):
        assert f"llm_analytics/dashboards/{board.name}" in names
    for module in (root / "scripts/llm_analytics").rglob("*.py"):
        assert module.relative_to(root / "scripts").as_posix() in names
    assert "llm_analytics/py.typed" in names
    # Away from the project, the installed package finds its own schemas.
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    read = subprocess.run(
        [
            sys.executable,
            "-c",
            "from llm_analytics import tracking_plan as t; print(*t.read_plan())\n"
            "from llm_analytics.sources.registry import find_source, source_names\n"
            "print(*(find_source(name).name for name in source_names()))\n"
            "from llm_analytics.boards.workspace import read_board\n"
            "read_board('executive')",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert read.returncode == 0, read.stderr
    assert "queries" in read.stdout.split()


# ---- no trace of one machine


def test_no_file_names_a_place_on_one_machine(root: Path, tracked: list[Path]) -> None:
    place = re.compile(rb"(?<![\w.$/-])/(home|Users|root|work|tmp|private|opt)/[\w.-]+")
    allowed = {root / "tests/python/test_packaging.py"}
    for path in tracked:
        content = path.read_bytes()
        if path in allowed or b"\0" in content[:8192]:
            continue
        found = place.search(content)
        assert found is None, f"{path.relative_to(root)}: {found.group().decode()}"


def test_no_file_is_huge(root: Path, tracked: list[Path]) -> None:
    large = [str(path.relative_to(root)) for path in tracked if path.stat().st_size > 2_000_000]
    assert large == []


# ---- documented commands


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_documented_exists(root: Path, document: str) -> None:
    if not (root / document).exists():
        pytest.skip(f"no {document} yet")
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert make_targets((root / document).read_text()) <= targets


def test_every_make_target_says_what_it_does(root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(.*)$", makefile, re.MULTILINE)
    assert targets
    assert [name for name, rest in targets if "## " not in rest] == []


def test_every_script_of_ci_exists_and_can_be_run(root: Path, tracked: list[Path]) -> None:
    callers = [
        path for path in tracked if path.parent.name in {".ci", "ci"} or path.name == "Makefile"
    ]
    called = {
        name
        for path in callers
        for name in re.findall(r"scripts/ci/[a-z_]+\.(?:sh|py)", path.read_text())
    }
    assert called
    for name in sorted(called):
        assert (root / name).exists(), name
        assert (root / name).stat().st_mode & 0o111, f"{name} cannot be executed"


def test_the_workflow_runs_what_people_run_and_pins_its_actions(root: Path) -> None:
    text = (root / ".github/workflows/ci.yml").read_text()
    workflow = yaml.safe_load(text)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {step["run"] for step in steps if "run" in step} == {
        "make demo",
        "bash .ci/run",
        'JAVA_HOME="$JAVA_HOME_17_X64" make test-spark',
        "make test-snowflake",
    }
    for used in (step["uses"] for step in steps if "uses" in step):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    assert "pull_request_target" not in text


def test_ci_runs_make_test(root: Path) -> None:
    commands = [
        line.strip()
        for line in (root / ".ci/run").read_text().splitlines()
        if re.search(r"\bmake\b", line) and not line.startswith("#")
    ]
    assert commands == ["exec make test"]
