"""The satisfiability solver behind every answer: one solver kept warm, asked under assumptions.

Beside it stands a store of solutions seen. A feature that is chosen in one of them and not in another, both of which
agree with what is assumed, is free, and no solver need be asked. Sets of features are the bits of an int.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pysat.solvers import Solver

from keytwin.design.clauses import Clauses

SOLVER: Final = "minisat22"
"""Quick to begin anew under other assumptions, which is what clicks ask of it."""
MOST_SEEN: Final = 192
"""Solutions kept; each takes a bit a feature."""
ONE_BY_ONE: Final = 12
"""Questions about single features before all that are left are asked about together."""


class Oracle:
    """Answers questions about the clauses of a model."""

    def __init__(self, clauses: Clauses) -> None:
        self.clauses = clauses
        self.features = len(clauses.names)
        self.everything = (1 << (self.features + 1)) - 2  # bit n is variable n; there is none of number 0
        self._solver = Solver(SOLVER, bootstrap_with=clauses.clauses)
        self._seen: deque[int] = deque(maxlen=MOST_SEEN)
        self._fresh = clauses.variables
        self._parents = np.array(clauses.parents, dtype=np.intp)

    def is_possible(self, assumed: Sequence[int]) -> bool:
        """Whether some configuration agrees with what is assumed."""
        return bool(self._solver.solve(assumptions=assumed))

    def solution(self, assumed: Sequence[int]) -> int | None:
        """Return the features of some configuration that agrees with what is assumed."""
        if not self._solver.solve(assumptions=assumed):
            return None
        model = self._solver.get_model()
        assert model is not None
        found = _masks(model[: self.features])[0]
        self._seen.append(found)
        return found

    def follow(self, assumed: Sequence[int]) -> list[int] | None:
        """Return what follows step by step from what is assumed; None when that ends in a contradiction."""
        is_consistent, followed = self._solver.propagate(assumptions=assumed)
        return list(followed) if is_consistent else None

    def looked_at(self, number: int, assumed: Sequence[int]) -> tuple[int, int]:
        """Return one feature as decided, or nothing when it is free under what is assumed."""
        bit = 1 << number
        if not self.is_possible([*assumed, number]):
            return 0, bit
        return (0, 0) if self.is_possible([*assumed, -number]) else (bit, 0)

    def names(self, mask: int) -> tuple[str, ...]:
        """Return the features of a set of bits, in the order of the model."""
        return tuple(self.clauses.names[number - 1] for number in bits(mask))

    def prefer(self, literals: Iterable[int]) -> None:
        """Look first for solutions that agree with these."""
        self._solver.set_phases(list(literals))

    def decided(
        self, assumed: Sequence[int], known: tuple[int, int] = (0, 0), *, all_of_them: bool = True
    ) -> tuple[int, int] | None:
        """Return the features that every configuration has, and those that none has, where it agrees with `assumed`.

        `known` are those decided already under some of these assumptions. Without `all_of_them` only what follows step
        by step is told, which is quick whatever the size. None when no configuration agrees.
        """
        followed = self.follow(assumed)
        if followed is None:
            return None
        first, second = _masks(followed)
        chosen, refused = known[0] | first, known[1] | second
        always, ever = self._witnessed(assumed)
        if always is None and (found := self.solution(assumed)) is not None:
            always, ever = found, found
        if always is None:
            return None
        chosen, refused = chosen & self.everything, refused & self.everything
        return self._settled(assumed, always, ever, chosen, refused) if all_of_them else (chosen, refused)

    def _witnessed(self, assumed: Sequence[int]) -> tuple[int | None, int]:
        """Return what all solutions seen that agree have in common, and what any of them has."""
        wanted, unwanted = _masks(assumed)
        always, ever = self.everything, 0
        for each in self._seen:
            if each & wanted == wanted and not each & unwanted:
                always &= each
                ever |= each
        return (always, ever) if ever else (None, 0)

    def _settled(self, assumed: Sequence[int], always: int, ever: int, chosen: int, refused: int) -> tuple[int, int]:
        """Ask about every feature that has not been seen both ways and does not follow."""
        asked = 0
        while True:
            maybe_chosen = always & ~chosen
            maybe_refused = self.everything & ~ever & ~refused
            if not maybe_chosen | maybe_refused:
                return chosen, refused
            opposite = [*(-number for number in bits(maybe_chosen)), *bits(maybe_refused)]
            self.prefer(self._leading_to(opposite))
            asked += 1
            if asked > ONE_BY_ONE and len(opposite) > 1:
                found = self.solution([*assumed, self._any_of(opposite)])
                if found is None:
                    return chosen | maybe_chosen, refused | maybe_refused
            else:
                found = self.solution([*assumed, opposite[0]])
                if found is None:
                    chosen, refused = _with(-opposite[0], chosen, refused)
                    continue
            always &= found
            ever |= found

    def _leading_to(self, wanted: Sequence[int]) -> list[int]:
        """Return for every feature whether to try it first with or without: with it, where it leads to a wanted one."""
        if self.features <= MANY:
            return self._leading_to_few(wanted)
        tried = np.zeros(self.features + 1, dtype=bool)
        level = np.fromiter((each for each in wanted if each > 0), dtype=np.intp)
        while level.size:  # a level of the tree at a time, up to what has been marked already
            level = level[~tried[level]]
            tried[level] = True
            level = np.unique(self._parents[level])
            level = level[level > 0]
        numbers = np.arange(self.features + 1)
        marked: list[int] = np.where(tried, numbers, -numbers)[1:].tolist()
        return marked

    def _leading_to_few(self, wanted: Sequence[int]) -> list[int]:
        """The same, without numpy: it costs more than it saves below some hundred features."""
        parents, tried = self.clauses.parents, [-number for number in range(self.features + 1)]
        for literal in wanted:
            number = literal
            while number > 0 > tried[number]:
                tried[number] = number
                number = parents[number]
        return tried[1:]

    def _any_of(self, literals: Sequence[int]) -> int:
        """Return a fresh variable under which one of some literals holds."""
        self._fresh += 1
        self._solver.add_clause([-self._fresh, *literals])
        return self._fresh


def bits(mask: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, the lowest first."""
    if mask >> MANY:
        yield from _places(mask).tolist()
        return
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _places(mask: int) -> NDArray[np.intp]:
    octets = np.frombuffer(mask.to_bytes(mask.bit_length() // 8 + 1, "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little"))


def _masks(literals: Sequence[int]) -> tuple[int, int]:
    """Return the sets of bits of what is wanted, and of what is not."""
    if len(literals) > MANY:
        numbers = np.array(literals, dtype=np.int64)
        return _mask(numbers[numbers > 0]), _mask(-numbers[numbers < 0])
    wanted = unwanted = 0
    for literal in literals:
        if literal > 0:
            wanted |= 1 << literal
        else:
            unwanted |= 1 << -literal
    return wanted, unwanted


def _mask(numbers: NDArray[np.int64]) -> int:
    chosen = np.zeros(int(numbers.max(initial=0)) + 1, dtype=bool)
    chosen[numbers] = True
    return int.from_bytes(np.packbits(chosen, bitorder="little").tobytes(), "little")


MANY: Final = 256
"""Literals or bits above which sets of bits are made and taken apart by numpy."""


def _with(literal: int, chosen: int, refused: int) -> tuple[int, int]:
    return (chosen | 1 << literal, refused) if literal > 0 else (chosen, refused | 1 << -literal)
