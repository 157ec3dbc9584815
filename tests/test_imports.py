"""The modules of ntgbench import each other in one direction only."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import ntgbench

PACKAGE = Path(ntgbench.__file__).parent
TEMPLATE = PACKAGE / "template"  # source text of a plugin, which is not imported

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if TEMPLATE not in path.parents
}


def imported(node: ast.AST) -> set[str]:
    """What a piece of source imports, also inside functions; not what it imports for type checkers only."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return set()
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        names = (f"{node.module}.{alias.name}" for alias in node.names)
        return {name if name in MODULES else str(node.module) for name in names}
    return set().union(*map(imported, ast.iter_child_nodes(node)))


def imports() -> dict[str, set[str]]:
    """Modules of ntgbench that each module of it imports."""
    return {name: (imported(ast.parse(path.read_text())) & MODULES.keys()) - {name} for name, path in MODULES.items()}


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        raise AssertionError(f"an import circle: {' <- '.join(error.args[1])}") from None


def test_imports_inside_functions_count_and_those_for_type_checkers_do_not() -> None:
    source = """
if TYPE_CHECKING:
    import ntgbench.seeds
def f():
    from ntgbench import words
    import ntgbench.files
"""
    assert imported(ast.parse(source)) == {"ntgbench.words", "ntgbench.files"}


def test_traffic_knows_nothing_of_datasets() -> None:
    upward = {
        (name, other)
        for name, others in imports().items()
        for other in others
        if name.startswith("ntgbench.traffic") and other.startswith("ntgbench.datasets")
    }
    assert not upward
