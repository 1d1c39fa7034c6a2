"""The error tree, sorted by whose fault it is. Shells map it to HTTP codes and exit codes; planes never do."""

from __future__ import annotations

from dataclasses import dataclass


class KeytwinError(Exception):
    """Everything that keytwin raises on purpose."""


class Mistake(KeytwinError):
    """The user's text or argument is wrong: it says what, where and how to mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong in a user's file: `line` and `column` count from 1, 0 = the file as a whole."""

    what: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{place}{self.what}{hint}"


class FileMistake(Mistake):
    """All that is wrong in a user's file, at once."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        assert findings
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


class OutOfReach(Mistake):
    """A link is too long for its devices: `reach` is the loss in decibels, to a tenth, up to which there is key.

    None = there is none, not even without any loss.
    """

    def __init__(self, text: str, reach: float | None) -> None:
        super().__init__(text)
        self.reach = reach


class Refusal(KeytwinError):
    """The network can't or may not, now."""


class Violation(KeytwinError):
    """The peer broke the protocol: close that exchange, count, alarm."""


class UnexpectedMessage(Violation):
    """A message that the state table does not allow in this state."""


class TagMismatch(Violation):
    """The one-time tag of a message does not verify."""


class KemRefused(Violation):
    """What a peer sent as its public key or ciphertext is none."""


class Unvouched(Violation):
    """What a peer said is not vouched for by whom it should be."""


class Oversize(Violation):
    """A message or collection is larger than its stated limit."""


class WipedKey(KeytwinError):
    """Key material was asked for after it had been wiped: our bug, never a peer's."""
