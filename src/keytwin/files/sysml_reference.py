"""The reference check: whether an implementation that is not ours accepts SysML v2 text and resolves every name in it.

The toolkit is the extra `sysml` (Open-MBEE, Apache-2.0). It parses and resolves, against its own copy of the standard
library; it does not check what else the language demands, and says no positions. Of a text that it cannot parse it
writes the reason on the process's standard error: file descriptor 2 is led into a file meanwhile.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from keytwin.vocabulary.errors import Finding, Mistake

_REFERENCES_WORDS: Final = """
    ConjugatedPortTyping Conjugation CrossSubsetting Dependency Expose FeatureChaining FeatureTyping
    MembershipExpose MembershipImport Membership NamespaceExpose NamespaceImport Redefinition ReferenceSubsetting
    Specialization Subclassification Subsetting
"""
REFERENCES: Final = frozenset(_REFERENCES_WORDS.split())
"""The metaclasses that hold a name which must be resolved; what others refer to follows from these, and is slow."""
_READ: Final = ("target", "client", "supplier")
_UNRESOLVED: Final = re.compile(r"reference '(?P<name>.*)' did not resolve", flags=re.DOTALL)
_UNPARSED: Final = re.compile(r"load failed: (?P<file>.*?) does not parse: (?P<why>.*)", flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """What the toolkit found."""

    elements: int
    unresolved: tuple[str, ...]
    """Names as they are written, each once, sorted."""


def check_by_reference(texts: Mapping[str, str]) -> ReferenceCheck:
    """Load texts together and list the names that nothing is found for.

    Mistake when the extra is not installed, or when a text does not parse (then it says which, and why).
    """
    toolkit = _toolkit()
    # The exception says no more than a status: the reason is in what was captured.
    with _captured_stderr() as said:
        try:
            model = toolkit.load(dict(texts))
        except toolkit.failure as failure:
            raise Mistake(_reason(said(), str(failure))) from None
    elements = model.all()
    names = {name for element in elements for name in _unresolved(toolkit, element)}
    return ReferenceCheck(len(elements), tuple(sorted(names)))


def findings_of(checked: ReferenceCheck, texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return a finding for each unresolved name, at the first place where it is written."""
    return tuple(_finding(name, texts) for name in checked.unresolved)


def _finding(name: str, texts: Mapping[str, str]) -> Finding:
    what = f"the reference toolkit finds nothing called {name}"
    # The toolkit says no place, so the name is sought as a whole word; its first use is where to look.
    pattern = re.compile(rf"(?<![\w']){re.escape(name)}(?![\w'])")
    for file, text in texts.items():
        found = pattern.search(text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            column = found.start() - text.rfind("\n", 0, found.start())
            return Finding(what, file, line, column, suggestion="is it imported, and spelt so where it is defined?")
    return Finding(what, suggestion="is it imported, and spelt so where it is defined?")


@dataclass(frozen=True, slots=True)
class _Toolkit:
    load: Callable[[dict[str, str]], _Loaded]
    failure: type[Exception]
    unresolved: type[Exception]
    unsupported: type[Exception]


class _Loaded(Protocol):
    """A model of the toolkit, as far as it is used here."""

    def all(self) -> list[object]:
        """List its elements."""
        ...


def _toolkit() -> _Toolkit:
    try:
        import sysml  # noqa: PLC0415  # an extra
        from sysml.base import NotImplementedInToolkit, SdkError, UnresolvedReference  # noqa: PLC0415
    except ImportError:
        raise Mistake("the reference check needs the extra 'sysml': pip install 'keytwin[sysml]'") from None
    library = sysml.standard_library()
    return _Toolkit(
        load=lambda texts: sysml.Model.from_toolkit(sources=texts, library_dir=library),
        failure=SdkError,
        unresolved=UnresolvedReference,
        unsupported=NotImplementedInToolkit,
    )


def _unresolved(toolkit: _Toolkit, element: object) -> Iterator[str]:
    if type(element).__name__ not in REFERENCES:
        return
    for name in _READ:
        try:
            getattr(element, name, None)
        except toolkit.unsupported:
            continue  # not told, which is not the same as wrong
        except toolkit.unresolved as failure:
            found = _UNRESOLVED.search(str(failure))
            yield found["name"] if found else str(failure)


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """Lead file descriptor 2 into a file: the native library writes there, past Python."""
    # What Python has buffered belongs to the terminal, and would else come out in the file.
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield lambda: _content(kept)
        finally:
            # Put back also after a failure, or the process would be mute for the rest of its life.
            os.dup2(before, 2)
            os.close(before)


def _content(kept: IO[bytes]) -> str:
    kept.seek(0)
    return kept.read().decode("utf-8", errors="replace").strip()


def _reason(said: str, failure: str) -> str:
    found = _UNPARSED.search(said)
    if found:
        return f"{found['file']}: the reference toolkit cannot parse it: {found['why']}"
    return f"the reference toolkit cannot load it: {said or failure}"


def toolkit_is_there() -> bool:
    """Tell whether the extra is installed."""
    try:
        _toolkit()
    except Mistake:
        return False
    return True


def standard_library_folder() -> Path:
    """Return the folder of the standard library that comes with the toolkit; Mistake without the extra."""
    _toolkit()
    import sysml  # noqa: PLC0415  # an extra

    return Path(sysml.standard_library())
