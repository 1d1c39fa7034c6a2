"""Feature models as large as foreign ones, made from a seed: groups of all kinds, constraints between neighbours."""

from __future__ import annotations

import random
from collections import deque


def related(first: int, second: int, above: dict[int, int]) -> bool:
    """Whether one feature lies below the other."""
    low, high = max(first, second), min(first, second)
    while low > high:
        low = above[low]
    return low == high


def foreign_uvl(features: int, seed: int = 1, share: float = 0.25) -> str:
    """Give the text of a UVL file of so many features, with a `share` of constraints to features; never void.

    A constraint joins features that are optional or in an or-group and have no constraint yet, and asks for nothing of
    the root: leaving all of them out is always a configuration.
    """
    chance = random.Random(seed)
    children: dict[int, list[tuple[str, list[int]]]] = {0: []}
    loose: list[int] = []  # features that may be left out whatever else is chosen
    made, front, above = 1, deque([0]), {0: 0}
    while made < features:
        parent = front.popleft() if chance.random() < 0.6 else front.pop()
        for _ in range(chance.randint(1, 3)):
            size = min(chance.randint(2, 6), features - made)
            if size < 1:
                break
            keyword = chance.choice(["mandatory", "optional", "optional", "alternative", "or", "[1..2]"])
            members = list(range(made, made + size))
            made += size
            children.setdefault(parent, []).append((keyword, members))
            front.extend(members)
            above.update(dict.fromkeys(members, parent))
            if keyword == "optional":
                loose.extend(members)
    lines = ["features"]
    waiting: list[tuple[str, int]] = [("0", 1)]
    while waiting:
        text, depth = waiting.pop()
        if not text.isdigit():
            lines.append("\t" * depth + text)
            continue
        lines.append("\t" * depth + f"F{text}" + (" {cost 3, vendor 'x'}" if int(text) % 7 == 0 else ""))
        for keyword, members in reversed(children.get(int(text), [])):
            waiting.extend((str(each), depth + 2) for each in reversed(members))
            waiting.append((keyword, depth + 1))
    lines.append("constraints")
    loose.sort()
    for _ in range(int(share * features)):
        at = chance.randrange(max(1, len(loose) - 12))
        near = loose[at : at + 12]
        if len(near) < 3:
            break
        first, second, third = chance.sample(near, 3)
        if related(first, second, above) or related(first, third, above):
            continue  # a feature that excludes what is above it would be dead
        lines.append(
            "\t"
            + chance.choice([f"F{first} => F{second}", f"!(F{first} & F{third})", f"F{first} => F{second} | F{third}"])
        )
    return "\n".join(lines) + "\n"
