"""A feature model as UVL. It knows no variation points, views or reasons: these become attributes and comments.

A dot separates references in UVL, so the one in `protocol.bb84` is written as `::`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from keytwin.design.features import Constraint, Feature, FeatureModel, Group
from keytwin.design.formula import written

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", flags=re.ASCII)
_RESERVED: Final = frozenset(
    {
        *("namespace", "include", "imports", "features", "constraints", "as", "cardinality", "constraint"),
        *("mandatory", "optional", "alternative", "or", "true", "false", "Boolean", "Integer", "Real", "String"),
        *("sum", "avg", "len", "floor", "ceil"),
    }
)
_NOT_QUOTED: Final = re.compile(r'["\r\n]')


def write_uvl(model: FeatureModel) -> str:
    """Return the text of a UVL file with the same configurations."""
    names = dict(zip(model.features, _unique(model), strict=True))
    below: dict[str, list[Group]] = defaultdict(list)
    for group in model.groups:
        below[group.parent].append(group)
    lines = [f"namespace {_name(model.name.replace('.', '::'))}", ""]
    if any(_keyword(group).startswith("[") for group in model.groups):
        lines += ["include", "\tBoolean.group-cardinality", ""]
    lines += ["features", *_tree(model, names, below)]
    if model.constraints:
        lines += ["", "constraints", *(line for each in model.constraints for line in _constraint(each, names))]
    return "\n".join(lines) + "\n"


def _unique(model: FeatureModel) -> Iterator[str]:
    """Give names that UVL can write, each another one."""
    taken: set[str] = set()
    for feature in model.features:
        plain = _NOT_QUOTED.sub("_", feature.replace(".", "::"))
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        yield _name(name)


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _RESERVED else f'"{name}"'


def _tree(model: FeatureModel, names: Mapping[str, str], below: Mapping[str, list[Group]]) -> Iterator[str]:
    waiting: list[tuple[str, int]] = [(model.root, 1)]
    # A stack of what is still to be written, the next on top: trees are deeper than Python's own stack would bear.
    while waiting:
        text, depth = waiting.pop()
        if text not in model.features:
            yield "\t" * depth + text.removeprefix(_GROUP)
            continue
        yield "\t" * depth + names[text] + _attributes(model.features[text])
        for keyword, members in reversed(list(_merged(below.get(text, ())))):
            waiting.extend((each, depth + 2) for each in reversed(members))
            waiting.append((_GROUP + keyword, depth + 1))


_GROUP: Final = "\0"
"""Before a group's keyword on the stack, since a feature may have the same name."""


def _merged(groups: list[Group] | tuple[()]) -> Iterator[tuple[str, list[str]]]:
    """Give groups with their keywords; neighbours that are mandatory or optional share one."""
    last: tuple[str, list[str]] | None = None
    for group in groups:
        keyword = _keyword(group)
        if last is not None and last[0] == keyword and keyword in {"mandatory", "optional"}:
            last[1].extend(group.members)
            continue
        if last is not None:
            yield last
        last = keyword, list(group.members)
    if last is not None:
        yield last


def _keyword(group: Group) -> str:
    there = len(group.members)
    match group.least, group.most:
        case 1, 1:
            return "mandatory" if there == 1 else "alternative"
        case 0, 1 if there == 1:
            return "optional"
        case 1, most if most >= there:
            return "or"
        case least, most:
            return f"[{least}..{most}]"


def _attributes(feature: Feature) -> str:
    label = {"label": feature.label} if feature.label and feature.label != feature.name else {}
    said = ["abstract"] if feature.is_abstract else []
    said += [f"{_key(key)} '{_text(value)}'" for key, value in (label | dict(feature.attributes)).items()]
    return f" {{{', '.join(said)}}}" if said else ""


def _key(key: str) -> str:
    return _name(_NOT_QUOTED.sub("_", key).replace(".", "_"))


def _text(value: str) -> str:
    return value.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace("\n", " ")


def _constraint(constraint: Constraint, names: Mapping[str, str]) -> Iterator[str]:
    if constraint.reason:
        yield f"\t// {constraint.reason}".replace("\n", " ")
    yield "\t" + written(constraint.formula, names.__getitem__)
