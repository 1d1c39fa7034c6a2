"""Where a file comes from: the library that is packaged with keytwin, by name, or a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from keytwin.files.page import nearest
from keytwin.files.reader import LARGEST_FILE
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

NETWORK_FILE: Final = "network.yaml"
SELECTION_FILE: Final = "selection.yaml"
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
        if each.name.endswith(".yaml") and each.name != NETWORK_FILE
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


def ovm_source(where: str, beside: Path | None = None) -> Source:
    """Find an OVM by its name in the library or by path, relative to the folder `beside`; Mistake otherwise."""
    if where in ovm_names():
        return _packaged("ovm", f"{where}.yaml")
    return _file(where, "OVM", ovm_names(), beside)


def selection_source(where: str) -> Source:
    """Find a selection of variants by the name of an example or by path; Mistake otherwise."""
    if where in selections():
        return _packaged("examples", where, SELECTION_FILE)
    return _file(where, "selection", selections())


def any_source(where: str) -> Source:
    """Find a network, scenario, device or OVM, each as above; Mistake when it is none of them."""
    for names, find in _FINDERS:
        if where in names():
            return find(where)
    return _file(where, "network, scenario, device or OVM", _all_names())


def is_path(where: str) -> bool:
    """Whether a text is the path of a file, and no name of the library, whatever files there are."""
    return where.endswith(_SUFFIXES + _FOREIGN)


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
    for names, find in _FINDERS:
        if name in names():
            return find(name).octets.decode("utf-8")
    raise Mistake(f"no example is called {_not_known(name, _all_names())}")


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


def _all_names() -> tuple[str, ...]:
    return networks() + scenarios() + device_names() + ovm_names()


_FINDERS: Final[tuple[tuple[Callable[[], tuple[str, ...]], Callable[[str], Source]], ...]] = (
    (networks, network_source),
    (scenarios, scenario_source),
    (device_names, device_source),
    (ovm_names, ovm_source),
)
"""Where each kind of name is looked up."""
