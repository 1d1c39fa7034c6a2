"""Everything that can be reached from an object: what a debugger, or a thief of memory, would find in a key manager."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

CODE = (type, ModuleType, FunctionType, BuiltinFunctionType)


def reachable(root: object, leave_out: tuple[type, ...] = ()) -> Iterator[Any]:
    """Give every object reached from `root`, code and what is of the types to leave out excepted."""
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        found = stack.pop()
        if id(found) in seen or isinstance(found, (*CODE, *leave_out)):
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, MethodType):
            stack.append(found.__self__)
        else:
            stack += _inside(found)


def texts(root: object, leave_out: tuple[type, ...] = ()) -> set[str]:
    """Give every text reached."""
    return {found for found in reachable(root, leave_out) if isinstance(found, str)}


def octets(root: object, leave_out: tuple[type, ...] = ()) -> bytes:
    """Give all octets reached, one after the other: those behind views, too."""
    found = [each for each in reachable(root, leave_out) if isinstance(each, bytes | bytearray)]
    return b"|".join(bytes(each) for each in found)


def _inside(found: Any) -> list[Any]:  # noqa: ANN401  # it may be anything
    inside = list(gc.get_referents(found))
    if isinstance(found, memoryview):
        inside.append(found.obj)
    # Structs outside the garbage collector are not followed by it.
    names = [*getattr(type(found), "__struct_fields__", ())]
    for kind in type(found).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots if isinstance(slots, tuple | list) else ()
    return inside + [getattr(found, name) for name in names if hasattr(found, name)]
