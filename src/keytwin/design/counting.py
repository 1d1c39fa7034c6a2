"""Exact numbers of configurations, and configurations drawn uniformly: a feature model as a binary decision diagram.

The diagram has one variable a feature and none besides, so that it counts configurations and nothing else. Its
variables stand in the order of the tree, which keeps what belongs together together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from oxidd.bdd import BDDFunction, BDDManager
from oxidd.util import DDMemoryError

from keytwin.design.features import FeatureModel, Group
from keytwin.design.formula import All, Any, Formula, Implies, Is, Not, Same
from keytwin.vocabulary.errors import Mistake

SIZES: Final = (1 << 16, 1 << 21)
"""Inner nodes that a diagram may have, tried in turn: a few megabytes, and about a hundred."""
_CACHE: Final = 1 << 16


class Chance(Protocol):
    """Where random octets come from: a numpy Generator, or a stream of one's own."""

    def bytes(self, length: int) -> bytes:
        """Return so many octets."""
        ...


class Diagram:
    """All configurations of a model at once."""

    def __init__(self, model: FeatureModel) -> None:
        self.model = model
        self.names = tuple(model.features)
        for size in SIZES:
            try:
                self._build(size)
            except DDMemoryError:
                continue
            break
        else:
            raise Mistake(
                f"{model.name} is too entangled to count its configurations: its decision diagram has more than "
                f"{SIZES[-1]} nodes; clicks, core and dead features need none"
            )
        self._counts: dict[BDDFunction, int] = {}

    def _build(self, size: int) -> None:
        self._manager = BDDManager(size, _CACHE, 1)
        self._numbers = dict(zip(self.names, self._manager.add_vars(len(self.names)), strict=True))
        self._variables = {name: self._manager.var(number) for name, number in self._numbers.items()}
        whole = self._variables[self.model.root]
        for group in reversed(self.model.groups):  # from the leaves up: each step adds to what is below it
            whole &= self._group(group)
        for constraint in self.model.constraints:
            whole &= self._formula(constraint.formula)
        self._whole = whole

    # --- counting ---

    def count(self, chosen: Iterable[str] = (), refused: Iterable[str] = ()) -> int:
        """Return the number of configurations that have all of some features and none of others."""
        return int(self._restricted(chosen, refused).sat_count(len(self.names)))

    def shares(self, chosen: Iterable[str] = (), refused: Iterable[str] = ()) -> dict[str, float]:
        """Return for each feature the share of configurations that have it; none when there is no configuration."""
        part = self._restricted(chosen, refused)
        total = int(part.sat_count(len(self.names)))
        if not total:
            return {}
        return {
            name: int((part & variable).sat_count(len(self.names))) / total
            for name, variable in self._variables.items()
        }

    @property
    def nodes(self) -> int:
        """The size of the diagram."""
        return int(self._whole.node_count())

    # --- drawing ---

    def nth(self, index: int, chosen: Iterable[str] = (), refused: Iterable[str] = ()) -> frozenset[str]:
        """Return one configuration by its number, from 0 to the count less 1; each number gives another one."""
        part = self._restricted(chosen, refused)
        assert 0 <= index < self._below(part) << self._level(part)
        return frozenset(self._walk(part, index))

    def sample(
        self, number: int, chance: Chance, chosen: Iterable[str] = (), refused: Iterable[str] = ()
    ) -> tuple[frozenset[str], ...]:
        """Return configurations drawn independently, each with the same probability; Mistake when there are none."""
        part = self._restricted(chosen, refused)
        total = self._below(part) << self._level(part)
        if not total:
            raise Mistake(f"{self.model.name} has no configuration of this kind")
        return tuple(frozenset(self._walk(part, below(total, chance))) for _ in range(number))

    def _walk(self, node: BDDFunction, index: int) -> Iterator[str]:
        """Give the features of configuration number `index` among those below a node."""
        for level, name in enumerate(self.names):
            if self._level(node) > level:  # the diagram leaves it open: half the configurations have it
                half = self._below(node) << (self._level(node) - level - 1)
                refused = node
            else:
                cofactors = node.cofactors()
                assert cofactors is not None, "only a terminal has none, and lies below all levels"
                chosen, refused = cofactors
                half = self._below(refused) << (self._level(refused) - level - 1)
                if index >= half:
                    node = chosen
            if index >= half:
                yield name
                index -= half
            else:
                node = refused

    def _below(self, node: BDDFunction) -> int:
        """Return the number of solutions over the variables from a node's own on."""
        found = self._counts.get(node)
        if found is not None:
            return found
        cofactors = node.cofactors()
        if cofactors is None:
            found = int(node.satisfiable())
        else:
            level = self._level(node)
            found = sum(self._below(each) << (self._level(each) - level - 1) for each in cofactors)
        self._counts[node] = found
        return found

    def _level(self, node: BDDFunction) -> int:
        level = node.node_level()
        return len(self.names) if level is None else int(level)

    # --- building ---

    def _restricted(self, chosen: Iterable[str], refused: Iterable[str]) -> BDDFunction:
        part = self._whole
        for each in chosen:
            part &= self._variables[each]
        for each in refused:
            part &= ~self._variables[each]
        return part

    def _group(self, group: Group) -> BDDFunction:
        parent = self._variables[group.parent]
        members = [self._variables[each] for each in group.members]
        return parent.ite(self._range(members, group.least, group.most), self._range(members, 0, 0))

    def _range(self, members: Sequence[BDDFunction], least: int, most: int) -> BDDFunction:
        """Return that from `least` to `most` of some variables are true, made from the last variable up."""
        true, false = self._manager.true(), self._manager.false()
        # row[j]: fine when j of the members before are true; what lies above `most` is never fine.
        row = [true if least <= j <= most else false for j in range(most + 2)]
        for member in reversed(members):
            row = [member.ite(row[min(j + 1, most + 1)], row[j]) for j in range(most + 2)]
        return row[0]

    def _formula(self, formula: Formula) -> BDDFunction:
        match formula:
            case Is(feature):
                return self._variables[feature]
            case Not(inner):
                return ~self._formula(inner)
            case All(parts):
                made = self._manager.true()
                for each in parts:
                    made &= self._formula(each)
                return made
            case Any(parts):
                made = self._manager.false()
                for each in parts:
                    made |= self._formula(each)
                return made
            case Implies(first, second):
                return self._formula(first).imp(self._formula(second))
            case Same(first, second):
                return self._formula(first).equiv(self._formula(second))


def below(total: int, chance: Chance) -> int:
    """Return a whole number from 0 to `total` less 1, each with the same probability, however large it is."""
    size = (total - 1).bit_length()
    octets = -(-size // 8)
    while True:
        drawn = int.from_bytes(chance.bytes(octets), "big") >> (8 * octets - size)
        if drawn < total:
            return drawn
