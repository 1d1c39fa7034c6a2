"""The project as a reader finds it: its folders, and the parsed modules of a package. Nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "keytwin"
PURE: Final = ("vocabulary", "algorithms", "design", "quantum", "keymanagement", "control", "service")
PLANES: Final = PURE[2:]

_MADE: Final = re.compile(
    r"\.git|\.venv|build|dist|out|site|__pycache__|node_modules|\..*_cache|\.hypothesis|.*\.egg-info"
)


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed file; `name` is dotted, `keytwin.quantum.twin`."""

    name: str
    text: str
    tree: ast.Module
    is_package: bool = False

    @property
    def room(self) -> str:
        """The folder or module right below the package: `quantum`; "" for the package itself."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def path(self) -> str:
        """The place inside the package, as globs see it: `quantum/twin.py`."""
        inner = self.name.split(".")[1:]
        return "/".join([*inner, "__init__.py"]) if self.is_package else "/".join(inner) + ".py"


def parse(name: str, text: str, *, is_package: bool = False) -> Module:
    """Parse one module; SyntaxError when it isn't Python."""
    return Module(name, text, ast.parse(text), is_package)


def modules(package: Path = PACKAGE) -> list[Module]:
    """Parse every module below a folder; the folder's name is the first part of each name."""
    return [_parse_file(path, package) for path in sorted(package.rglob("*.py"))]


def _parse_file(path: Path, package: Path) -> Module:
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return parse(name, path.read_text(encoding="utf-8"), is_package=is_package)


def imports(module: Module) -> Iterator[tuple[str, str]]:
    """Give every (module, name) imported anywhere in a file, relative ones made absolute; name "" for `import x`."""
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            upper = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(part for part in (upper, node.module) if part)
            yield from ((origin, alias.name) for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Write a name or a chain of attributes as text: `np.random.normal`; "" for anything else at its root."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def files(root: Path = ROOT) -> Iterator[Path]:
    """Give every file that people wrote, in order; what tools made is left out."""
    for path in sorted(root.iterdir()):
        if _MADE.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path
