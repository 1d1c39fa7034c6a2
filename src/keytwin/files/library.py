"""Where a file comes from: the library that is packaged with keytwin, by name, or a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from keytwin.files.page import nearest
from keytwin.files.reader import LARGEST_FILE
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

NETWORK_FILE: Final = "network.yaml"
SELECTION_FILE: Final = "selection.yaml"
NEED_FILE: Final = "need.yaml"
_OTHER_FILES: Final = (NETWORK_FILE, SELECTION_FILE, NEED_FILE)
"""What a folder of an example may hold beside scenarios."""
_SUFFIXES: Final = (".yaml", ".yml")
_FOREIGN: Final = (".uvl", ".xml", ".ovm")
"""What files of other makers' variability models end in."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that has been found: how it is called in messages, what it holds, and the folder beside it."""

    file: str
    octets: bytes
    folder: Path | None = None


@cache
def networks() -> tuple[str, ...]:
    """Return the names of the example networks, such as `star6`."""
    examples = _library().joinpath("examples")
    return tuple(sorted(each.name for each in examples.iterdir() if each.joinpath(NETWORK_FILE).is_file()))


@cache
def scenarios() -> tuple[str, ...]:
    """Return the names of the example scenarios, such as `star6/fig4`."""
    found = (
        f"{network}/{each.name.removesuffix('.yaml')}"
        for network in networks()
        for each in _library().joinpath("examples", network).iterdir()
        if each.name.endswith(".yaml") and each.name not in _OTHER_FILES
    )
    return tuple(sorted(found))


@cache
def device_names() -> tuple[str, ...]:
    """Return the names of the devices."""
    found = (each.name for each in _library().joinpath("devices").iterdir() if each.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in found))


@cache
def selections() -> tuple[str, ...]:
    """Return the names of the example selections of variants, such as `long-range`."""
    examples = _library().joinpath("examples")
    return tuple(sorted(each.name for each in examples.iterdir() if each.joinpath(SELECTION_FILE).is_file()))


@cache
def needs() -> tuple[str, ...]:
    """Return the names of the example needs, such as `bank-ring`."""
    examples = _library().joinpath("examples")
    return tuple(sorted(each.name for each in examples.iterdir() if each.joinpath(NEED_FILE).is_file()))


@cache
def view_folders() -> tuple[str, ...]:
    """Return the names of the OVMs that have views."""
    found = _library().joinpath("views")
    return tuple(sorted(each.name for each in found.iterdir() if each.is_dir())) if found.is_dir() else ()


def view_sources(ovm: str) -> tuple[Source, ...]:
    """Return the files of the views of an OVM."""
    found = _library().joinpath("views", ovm)
    names = sorted(each.name for each in found.iterdir() if each.name.endswith(".yaml"))
    return tuple(_packaged("views", ovm, name) for name in names)


@cache
def ovm_names() -> tuple[str, ...]:
    """Return the names of the variability models, such as `qkd`."""
    found = (each.name for each in _library().joinpath("ovm").iterdir() if each.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in found))


@cache
def knowledge_names() -> tuple[str, ...]:
    """Return the names of the knowledge bases, such as `qkd-knowledge`."""
    found = (each.name for each in _library().joinpath("knowledge").iterdir() if each.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in found))


def network_source(where: str, beside: Path | None = None) -> Source:
    """Find a network by the name of an example or by path, relative to the folder `beside`; Mistake otherwise."""
    if where in networks():
        return _packaged("examples", where, NETWORK_FILE)
    return _file(where, "network", networks(), beside)


def scenario_source(where: str) -> Source:
    """Find a scenario by the name of an example or by path; Mistake otherwise."""
    if where in scenarios():
        network, _, name = where.partition("/")
        return _packaged("examples", network, f"{name}.yaml")
    return _file(where, "scenario", scenarios())


def device_source(where: str, beside: Path | None = None) -> Source:
    """Find a device by its name in the library or by path, relative to the folder `beside`; Mistake otherwise."""
    if where in device_names():
        return _packaged("devices", f"{where}.yaml")
    return _file(where, "device", device_names(), beside)


@cache
def cost_book_names() -> tuple[str, ...]:
    """Return the names of the cost books."""
    found = (each.name for each in _library().joinpath("costs").iterdir() if each.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in found))


def cost_book_source(where: str) -> Source:
    """Find a cost book by its name in the library or by path; Mistake otherwise."""
    if where in cost_book_names():
        return _packaged("costs", f"{where}.yaml")
    return _file(where, "cost book", cost_book_names())


def ovm_source(where: str, beside: Path | None = None) -> Source:
    """Find an OVM by its name in the library or by path, relative to the folder `beside`; Mistake otherwise."""
    if where in ovm_names():
        return _packaged("ovm", f"{where}.yaml")
    return _file(where, "OVM", ovm_names(), beside)


def knowledge_source(where: str) -> Source:
    """Find a knowledge base by its name in the library or by path; Mistake otherwise."""
    if where in knowledge_names():
        return _packaged("knowledge", f"{where}.yaml")
    return _file(where, "knowledge base", knowledge_names())


def selection_source(where: str) -> Source:
    """Find a selection of variants by the name of an example or by path; Mistake otherwise."""
    if where in selections():
        return _packaged("examples", where, SELECTION_FILE)
    return _file(where, "selection", selections())


def need_source(where: str, beside: Path | None = None) -> Source:
    """Find a need by the name of an example or by path, relative to the folder `beside`; Mistake otherwise."""
    if where in needs():
        return _packaged("examples", where, NEED_FILE)
    return _file(where, "need", needs(), beside)


def any_source(where: str) -> Source:
    """Find a file of any kind, each as above; Mistake when it is none of them.

    Where a need and a selection go by one name, it is the need's; `long-range/selection` is the selection's alone.
    """
    found = _named(where)
    return found or _file(where, "example, device, OVM, knowledge base or cost book", any_names())


def is_path(where: str) -> bool:
    """Whether a text is the path of a file, and no name of the library, whatever files there are."""
    return where.endswith(_SUFFIXES + _FOREIGN)


def is_foreign(where: str) -> bool:
    """Whether a path is that of another maker's variability model."""
    return where.lower().endswith(_FOREIGN)


def path_source(path: Path, shown: str) -> Source:
    """Read a file of the user, no further than the largest one allowed; FileMistake when there is none."""
    try:
        if not path.is_file():
            raise FileMistake((Finding(_no_file(path), shown),))
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise FileMistake((Finding(f"the file has {size} octets: {LARGEST_FILE} is the most", shown),))
        with path.open("rb") as stream:
            return Source(shown, stream.read(LARGEST_FILE + 1), path.parent)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise FileMistake((Finding(f"cannot be read: {reason}", shown),)) from None


def _no_file(path: Path) -> str:
    if path.is_dir():
        return "this is a folder, not a file"
    if path.exists():
        return "this is a pipe, socket or device, not a file"
    return "this is a symbolic link that leads to no file" if path.is_symlink() else "there is no such file"


def example_text(name: str) -> str:
    """Return the text of something in the library, to begin one's own with; Mistake if there is none such."""
    found = _named(name)
    if found is None:
        raise Mistake(f"no example is called {_not_known(name, any_names())}")
    return found.octets.decode("utf-8")


def _named(name: str) -> Source | None:
    """Find what goes by a name, whatever its kind; None when nothing does."""
    for names, find in _FINDERS:
        if name in names():
            return find(name)
    # A need and a selection may share their name, as they share their folder: the file's own name tells them apart.
    example, _, file = name.partition("/")
    return _FILES[file](example) if file in _FILES and example in needs() and example in selections() else None


def _library() -> Traversable:
    return resources.files("keytwin").joinpath("library")


def _packaged(*parts: str) -> Source:
    return Source("/".join(("library", *parts)), _library().joinpath(*parts).read_bytes())


def _file(where: str, kind: str, names: tuple[str, ...], beside: Path | None = None) -> Source:
    # A bare word is a name of the library even where a file is called the same: a run must not depend on the folder.
    path = beside / where if beside else Path(where)
    if is_path(where) or ("\0" not in where and path.is_file()):
        return path_source(path, str(path))
    raise Mistake(f"unknown {kind} {_not_known(where, names, '; a file is given by its path, which ends in .yaml')}")


def _not_known(where: str, names: tuple[str, ...], further: str = "") -> str:
    near = nearest(where, list(names))
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(names)}"
    return f"{where[:80]!r} ({hint}{further})"


def any_names() -> tuple[str, ...]:
    """Return all names of the library, whatever they name."""
    plain = (name for names, _ in _FINDERS for name in names())
    # Only where a name alone would not do: nobody has to learn of the longer form elsewhere.
    both = (f"{name}/{file}" for name in needs() if name in selections() for file in _FILES)
    return tuple(dict.fromkeys((*plain, *both)))


_FINDERS: Final[tuple[tuple[Callable[[], tuple[str, ...]], Callable[[str], Source]], ...]] = (
    (networks, network_source),
    (scenarios, scenario_source),
    (needs, need_source),
    (selections, selection_source),
    (device_names, device_source),
    (ovm_names, ovm_source),
    (knowledge_names, knowledge_source),
    (cost_book_names, cost_book_source),
)
"""Where each kind of name is looked up."""
_FILES: Final[Mapping[str, Callable[[str], Source]]] = MappingProxyType(
    {"need": need_source, "selection": selection_source}
)
"""What an example may hold side by side under one name."""
