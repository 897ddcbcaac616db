"""Imports go one way, and the house rules that a machine can check."""

import ast
import sys
from pathlib import Path

import pytest

import bench

ROOT = Path(bench.__file__).parent.parent
TIERS = {"materials": 0, "training": 1, "teachers": 2, "students": 2, "export": 3, "peers": 3, "bench": 4}
MODULES = [path for package in TIERS for path in sorted((ROOT / package).glob("**/*.py"))]


def name(path):
    return str(path.relative_to(ROOT))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_go_one_way(path):
    own = path.relative_to(ROOT).parts[0]
    for imported in set(imports(path)) & set(TIERS) - {own}:
        assert TIERS[imported] < TIERS[own], f"{own} must not import {imported}"


def test_peers_import_materials_only():
    modules = [path for path in MODULES if path.is_relative_to(ROOT / "peers")]
    assert {imported for path in modules for imported in imports(path)} & set(TIERS) == {"materials", "peers"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_bears_the_name_of_a_library_and_none_is_too_long(path):
    assert path.stem not in {*sys.stdlib_module_names, "torch", "onnx", "onnxruntime", "tokenizers", "rich", "typer"}
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_help_imports_nothing_heavy():
    import subprocess

    program = (
        "import sys, bench.commands.command_line\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'onnx', 'pandas', 'numpy', 'sklearn', 'pydantic', 'altair'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
