"""The modules of the library and of the application, and what a file imports."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
MODULES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts): path
    for path in SRC.rglob("*.py")
    if path.stem not in ("__init__", "__main__")
}
# Packages that are imported by their own name: they name what their modules offer.
MODULES |= {
    package: SRC.joinpath(*package.split("."), "__init__.py")
    for package in ("trustlib.writing", "trustbook.runs", "trustbook.committee")
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                node.module,
                *(f"{node.module}.{alias.name}" for alias in node.names),
            }
    return found
