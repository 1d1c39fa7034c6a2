"""What the source may not do: functions from parsed modules to offences, such as "keytwin.quantum.x:12 calls open"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Final

from tests.architecture.meter import is_broad
from tests.architecture.source import PLANES, PURE, Module, dotted, imports

WORLD: Final = frozenset(
    {
        "asyncio",
        "datetime",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "time",
        "uuid",
    }
)
"""Modules through which a clock, chance, a file, a socket or a thread would come in."""

BUILT_IN: Final = frozenset({"open", "input", "print", "eval", "exec", "__import__"})
"""Functions that do the same without an import."""

SEEDING: Final = frozenset({"import_module", "default_rng", "RandomState", "SeedSequence", "PCG64", "seed"})
"""Calls that make or seed a generator (or import whatever), under whatever name the module goes."""

TOGETHER: Final = "exposed_together"
"""What shows the octets of many keys."""

LOOKING: Final = frozenset({"exposed", "inspected", TOGETHER})
"""The methods of `KeyMaterial` that show its octets, and what shows those of many."""

EXPOSING: Final = (
    "vocabulary/key.py",
    "algorithms/one_time_tag.py",
    "keymanagement/pads.py",
    "keymanagement/blocks.py",
    "keymanagement/hybrid.py",
    "service/encoding.py",
    "runtime/transport*",
    "runtime/journal*",
    "runtime/kem.py",
    "keymanagement/carriage.py",  # compares a copy with that of another slave of the node
)
"""Where a key's octets may be seen: pads, tags, compared copies, the encoders of faces, wire, journal and KEM."""


def worldly_imports(modules: Iterable[Module]) -> list[str]:
    """List imports in the pure rooms that would let the world in."""
    pure = [module for module in modules if module.room in PURE]
    found = [(module, origin) for module in pure for origin, _ in imports(module)]
    return [f"{module.name} imports {origin}" for module, origin in found if origin.split(".")[0] in WORLD]


def worldly_calls(modules: Iterable[Module]) -> list[str]:
    """List calls in the pure rooms that would let the world in; generators and time are handed in."""
    pure = [module for module in modules if module.room in PURE]
    return [f"{module.name}:{line} calls {name}" for module in pure for line, name in _calls(module) if _worldly(name)]


def _worldly(name: str) -> bool:
    is_global_draw = re.fullmatch(r"(np|numpy)\.random\.[a-z_]+", name) is not None
    return name in BUILT_IN or name.rpartition(".")[2] in SEEDING or is_global_draw


def _calls(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func)


def root_imports(modules: Iterable[Module]) -> list[str]:
    """List modules that use the public API although they are what it is made of: only the shells may."""
    inner = [module for module in modules if module.room not in {"", "__main__", "cli", "web"}]
    rooms = {module.room for module in inner}
    return [
        f"{module.name} imports {name or 'all'} from the public API"
        for module in inner
        for origin, name in imports(module)
        if origin == "keytwin" and name not in rooms
    ]


def exposures(modules: Iterable[Module], allowed: Iterable[str] = EXPOSING) -> list[str]:
    """List the places that reach for the octets of a key and may not."""
    outside = [module for module in modules if not any(fnmatch(module.path, pattern) for pattern in allowed)]
    return [
        f"{module.name}:{node.lineno} reaches for the octets of a key"
        for module in outside
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and (node.attr in LOOKING or dotted(node).endswith("material._octets")))
        or (isinstance(node, ast.Name) and node.id == TOGETHER)
    ]


def loose_exposures(modules: Iterable[Module]) -> list[str]:
    """List exposures of octets that no `with` block ends."""
    return [
        f"{module.name}:{node.lineno} exposes octets outside a `with` block"
        for module in modules
        for held in [_contexts(module)]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in LOOKING and node not in held
    ]


def shown_octets(modules: Iterable[Module]) -> list[str]:
    """List fields of dataclasses that are buffers, as key in plain is, and stand in the text of their object."""
    return [
        f"{module.name}:{field.lineno} shows {ast.unparse(field.target)}"
        for module in modules
        for kind in ast.walk(module.tree)
        if isinstance(kind, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in kind.decorator_list)
        for field in kind.body
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.annotation) == "bytearray"
        if field.value is None or "repr=False" not in ast.unparse(field.value)
    ]


def _contexts(module: Module) -> set[ast.expr]:
    return {item.context_expr for node in ast.walk(module.tree) if isinstance(node, ast.With) for item in node.items}


def broad_handlers(modules: Iterable[Module]) -> list[str]:
    """List handlers that take whatever comes, outside the runtime's supervision."""
    return [
        f"{module.name}:{node.lineno} catches everything"
        for module in modules
        if module.room != "runtime"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]


def declared_names(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Give `__all__` of each module that has one."""
    return {
        module.name: [str(element.value) for element in node.value.elts if isinstance(element, ast.Constant)]
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        if isinstance(node.value, ast.List | ast.Tuple)
        if "__all__" in map(dotted, node.targets if isinstance(node, ast.Assign) else [node.target])
    }


def refused_words(modules: Iterable[Module], refused: Mapping[str, frozenset[str]]) -> list[str]:
    """List public classes of planes and vocabulary with a refused word; `refused` gives the rooms it may stand in."""
    return [
        f"{module.name}:{node.lineno} {node.name} says {word!r}"
        for module in modules
        if module.room in (*PLANES, "vocabulary")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for word in words_of(node.name.replace("KeyManager", "Km"))
        if word in refused and module.room not in refused[word]
    ]


def words_of(name: str) -> list[str]:
    """Split a class name: `KMSClient2` is KMS, Client, 2."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+", name)


def refused_names(modules: Iterable[Module], refused: Mapping[str, frozenset[str]]) -> list[str]:
    """List parameters, variables and attributes with a refused name, such as `session_id` where `ksid` is meant."""
    return [
        f"{module.name}:{node.lineno} says {name!r}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.arg | ast.Name | ast.Attribute)
        for name in [_name_of(node)]
        if name in refused and module.room not in refused[name]
    ]


def _name_of(node: ast.arg | ast.Name | ast.Attribute) -> str:
    match node:
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return str(name)
        case _:
            return ""


def third_party(modules: Iterable[Module], own: frozenset[str], standard: frozenset[str]) -> dict[str, str]:
    """Give each imported package that is neither ours nor Python's, with a module that imports it."""
    found = {origin.split(".")[0]: module.name for module in modules for origin, _ in imports(module)}
    return {package: importer for package, importer in found.items() if package not in own | standard}
