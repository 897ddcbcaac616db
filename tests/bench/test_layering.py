"""Imports go one way, without circles, and the house rules that a machine can check."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

import bench

ROOT = Path(bench.__file__).parent.parent
# A package imports those of lower tiers; those of one tier know nothing of each other.
TIERS = {
    **{"materials": 0, "encoders": 1, "training": 2, "networks": 2, "teachers": 3, "students": 3},
    **{"export": 4, "peers": 4},
    "bench": 5,
}
ROOMS = {  # within a package: a room imports those before it in its list
    "materials": ("cache", "tasks", "sources", "leaks", "splits"),
    "export": ("graphs", "formats", "runtimes", "gate", "from_text"),
    "bench": (
        *(
            "scores",
            "harness",
            "recipe",
            "record",
            "reports",
            "advice",
            "page",
            "card",
            "trackers",
            "steps",
            "forecast",
        ),
        *("outside", "corpus", "league", "labels", "suite", "tune", "commands"),
    ),
}
MODULES = [path for package in TIERS for path in sorted((ROOT / package).glob("**/*.py"))]
MOST_LINES, MEDIAN_LINES, MOST_FUNCTION_LINES, MOST_MODULES = 300, 100, 50, 15


def name(path):
    return str(path.relative_to(ROOT))


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}


def imported_modules(path):
    """The modules of this project that a module imports, those inside functions included, those for types left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module


GRAPH = {module: {other for other in imported_modules(path) if other in NAMES} for module, path in NAMES.items()}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_go_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    packages = {module.split(".")[0] for module in GRAPH[dotted(path)]} - {package}
    for imported in packages:
        assert TIERS[imported] < TIERS[package], f"{package} must not import {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rooms_of_a_package_import_one_way(path):
    package, *inner = dotted(path).split(".")
    rooms = ROOMS.get(package, ())
    if not inner or inner[0] not in rooms:
        return
    for module in GRAPH[dotted(path)]:
        parts = module.split(".")
        if parts[0] == package and len(parts) > 1 and parts[1] in rooms:
            assert rooms.index(parts[1]) <= rooms.index(inner[0]), f"{dotted(path)} must not import {module}"


def circle_from(start):
    """A way through imports from a module back to itself; none where there is none."""
    trail, visited_modules = [(start, (start,))], set()
    while trail:
        module, way = trail.pop()
        for imported in GRAPH[module]:
            if imported == start:
                return (*way, start)
            if imported not in visited_modules:
                visited_modules.add(imported)
                trail.append((imported, (*way, imported)))
    return None


def test_no_module_imports_itself_by_a_detour():
    circles = {frozenset(way): way for module in GRAPH if (way := circle_from(module))}
    assert not circles, "; ".join(" -> ".join(way) for way in circles.values())


def room_of(module):
    """The folder of a module, which is a module itself where that is its __init__."""
    return module if NAMES[module].stem == "__init__" else module.rpartition(".")[0]


def test_no_room_imports_itself_by_a_detour_through_another():
    """Rooms of one package form no circle either, but for a package's own __init__ and what it puts in a table."""
    edges = {
        (room_of(module), room_of(imported))
        for module, imports in GRAPH.items()
        for imported in imports
        if room_of(module) != room_of(imported)
    }
    rooms = {}
    for room, other in edges:
        if not f"{room}.".startswith(f"{other}.") and not f"{other}.".startswith(f"{room}."):
            rooms.setdefault(room, set()).add(other)
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(f"rooms that import each other: {' -> '.join(error.args[1])}")


def test_peers_import_materials_only():
    peers = [module for module in NAMES if module.split(".")[0] == "peers"]
    assert {imported.split(".")[0] for module in peers for imported in GRAPH[module]} == {"materials", "peers"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_bears_the_name_of_a_library_and_none_is_too_long(path):
    assert path.stem not in {*sys.stdlib_module_names, "torch", "onnx", "onnxruntime", "tokenizers", "rich", "typer"}
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_half_of_the_modules_fit_two_screens():
    modules = [path for path in MODULES if path.stem != "__init__"]
    assert median(len(path.read_text(encoding="utf-8").splitlines()) for path in modules) <= MEDIAN_LINES


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_function_is_too_long(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        # Typer's options are arguments: they are data, and their functions hold little else.
        if isinstance(node, ast.FunctionDef) and path.stem not in ("command_line", "options"):
            assert node.end_lineno - node.lineno < MOST_FUNCTION_LINES, node.name


def test_no_folder_holds_too_many_modules():
    counts = Counter(path.parent for path in MODULES if path.stem != "__init__")
    assert {name(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_every_folder_says_what_it_holds():
    for folder in {path.parent for path in MODULES}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder


def test_circles_are_found():
    """The check of circles itself: a way of three modules is found from each of them."""
    way = circle_from_graph({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert set(way) == {"a", "b", "c"}
    assert all(right in {"a": {"b"}, "b": {"c"}, "c": {"a"}}[left] for left, right in pairwise(way))


def circle_from_graph(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "GRAPH", graph)
        return circle_from("a")


def test_help_imports_nothing_heavy():
    program = (
        "import sys, bench.commands.command_line\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'onnx', 'pandas', 'numpy', 'sklearn', 'pydantic', 'altair'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
