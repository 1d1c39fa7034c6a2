"""The ports behind the effect `Perform`: who does what machines may not do themselves, one performer an element.

A port works when its answer is due, not when it is asked: so nothing secret is under way while its element may die,
and one that dies meanwhile leaves no answer behind that anybody would have to wipe.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message, Perform, PortFailed, Request
from keytwin.vocabulary.units import Duration, microseconds

# ML-KEM-768 takes 23 to 95 us a step (measured, OpenSSL 4.0 on this kind of machine), and more where it has to wait or
# to sign.
QUICKEST: Final = microseconds(20)
SLOWEST: Final = microseconds(500)

log = logging.getLogger(__name__)


class Performer(Protocol):
    """What works behind a port for one element."""

    def answer(self, request: Request) -> Message:
        """Do what is asked, and return the message that answers it; whatever it raises is a failure."""
        ...


class Task(NamedTuple):
    """What a port has been asked by one incarnation of an element, and not done yet."""

    effect: Perform
    incarnation: int


MakePerformer = Callable[[ElementName], Performer]


class Ports:
    """The ports of one runtime. A failure of the kind `survived` is told to the asker; any other goes on as it is.

    With `dice` each task takes a time of its own in virtual time; without, none is asked for.
    """

    def __init__(self, *, survived: type[Exception], dice: random.Random | None = None) -> None:
        self._survived: Final = survived
        self._dice: Final = dice
        self._makers: dict[str, MakePerformer] = {}
        self._performers: dict[tuple[ElementName, str], Performer] = {}

    def install(self, port: str, make: MakePerformer) -> None:
        """Let performers that `make` gives do what this port is asked from now on."""
        self._makers[port] = make
        self._performers = {known: each for known, each in self._performers.items() if known[1] != port}

    def delay(self) -> Duration:
        """Draw how long a task takes in virtual time."""
        assert self._dice, "only virtual time asks how long something takes"
        return Duration(self._dice.randint(QUICKEST, SLOWEST))

    def answer(self, element: ElementName, effect: Perform) -> Message:
        """Return what a port says to an element; LookupError when there is no such port."""
        performer = self._performer(element, effect.port)
        try:
            return performer.answer(effect.request)
        except self._survived as error:
            # Never the request, nor what a foreign error says of it: either may hold key.
            log.warning("%s: the port %s failed: %s", element, effect.port, type(error).__name__)
            said = f": {error}" if isinstance(error, Violation) else ""
            return PortFailed(effect.request.request_id, f"{type(error).__name__}{said}")

    def _performer(self, element: ElementName, port: str) -> Performer:
        found = self._performers.get((element, port))
        if found is None:
            make = self._makers.get(port)
            if make is None:
                raise LookupError(f"{element} wants something performed by {port}, and there is no such port")
            found = self._performers[element, port] = make(element)
        return found
