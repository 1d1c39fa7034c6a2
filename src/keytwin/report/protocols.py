"""What is known of every protocol and medium that keytwin brings, and the page that shows it.

`python -m keytwin.report.protocols > docs/reference/protocols.md` writes the page anew; a test compares. All of it is
taken from where it is used: traits, types of devices, files of the library, and the modules of the models.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Final

from keytwin.files.device import library_device
from keytwin.files.library import device_names
from keytwin.files.media import SETTINGS
from keytwin.files.reference import keys_of, markdown_table, parameters_of
from keytwin.quantum import free_space, satellite, schedule
from keytwin.quantum.background import raman, sky
from keytwin.quantum.channel import MEDIA
from keytwin.quantum.link import QkdProtocol
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE

_HEAD: Final = """\
# Protocols and media

Every QKD protocol and medium that keytwin brings: what it is, how far its security is proven, which attacks it excludes
by itself, how ripe it is, what it cannot do and why, and what its model takes. This page is generated from the code
that uses all this, and a test holds it to that. [Published values](papers.md) shows what the models reproduce,
[Files](files.md) how parameters are written, and `keytwin link rate` and `keytwin link explain` what a link gives.

*Excludes* names attacks that the protocol excludes by itself; it does not say that a product is safe from all others.
*Readiness* goes from 1 to 9, where 9 is in daily use. A source that begins with "Chosen" is nobody's but ours, and what
is said to be recalled should be read in the original before you rely on it.
"""
_MODELS: Final[dict[str, tuple[str, tuple[ModuleType | Callable[..., object], ...]]]] = {
    FIBRE: (
        "The loss is length times attenuation, or the measured loss, which wins. A dark fibre has no other light.",
        (raman,),
    ),
    FREE_SPACE: ("Two telescopes on the ground; a length is needed, and a measured loss wins.", (free_space, sky)),
    SATELLITE: ("Light passes during passes only. What is said of the sky holds here too.", (satellite,)),
}
"""By medium: what is to be said first, and whose docstrings say the rest."""


def page() -> str:
    """Return the page, in Markdown."""
    parts = [_HEAD, "## Protocols\n", _overview()]
    for protocol in PROTOCOLS.values():
        parts += _protocol(protocol)
    parts.append("## Media\n")
    for medium in MEDIA:
        parts += _medium(medium)
    parts += ["### Clouds\n", _prose(schedule)]
    return "\n".join(parts)


def devices_of(protocol: str) -> list[str]:
    """Return the names of the library's devices that have a protocol."""
    return [name for name in device_names() if library_device(name).protocol == protocol]


def attribute_docs(record: type) -> dict[str, str]:
    """Return the text that stands below each attribute of a class and of those that it extends."""
    found: dict[str, str] = {}
    for each in reversed(inspect.getmro(record)):
        if each is not object:
            found |= dict(_documented(each))
    return found


def _documented(record: type) -> Iterator[tuple[str, str]]:
    (body,) = ast.parse(inspect.getsource(record)).body
    assert isinstance(body, ast.ClassDef)
    for attribute, below in zip(body.body, body.body[1:], strict=False):
        match attribute, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
            case _:
                pass


# --- protocols ------------------------------------------------------------------------------------------------------


def _overview() -> str:
    rows = (
        (
            f"[`{name}`](#{name})",
            each.traits.proof,
            str(each.traits.trl),
            _listed(each.traits.threats),
            *("no" if medium in each.unfit else "yes" for medium in MEDIA),
        )
        for name, each in PROTOCOLS.items()
    )
    return markdown_table(("protocol", "proof", "readiness", "excludes", *MEDIA), rows)


def _protocol(protocol: QkdProtocol) -> Iterator[str]:
    traits = protocol.traits
    yield f"### {protocol.name}\n"
    yield _prose(protocol.device)
    yield "".join(f"- {line}\n" for line in _facts(protocol))
    docs = attribute_docs(protocol.device)
    rows = (
        (f"`{name}`", value, "yes" if required else "no", docs.get(name, ""))
        for name, value, required in parameters_of(protocol.device)
    )
    yield markdown_table(("parameter", "value", "required", "meaning"), rows)
    assert traits.sources, "a protocol says where what it tells comes from"


def _facts(protocol: QkdProtocol) -> Iterator[str]:
    traits = protocol.traits
    yield f"**Proof**: {traits.proof}. {_source(protocol, 'proof')}"
    yield f"**Excludes**: {_listed(traits.threats)}. {_source(protocol, 'threats')}".rstrip()
    yield f"**Readiness**: {traits.trl} of 9. {_source(protocol, 'trl')}"
    bound = (
        "PLOB, as for all without a station on the way" if traits.is_repeaterless else "may pass PLOB by its station"
    )
    yield f"**Bound**: {bound}."
    for medium in MEDIA:
        if medium in protocol.unfit:
            yield f"**Not over {medium}**: {protocol.unfit[medium]}."
    yield f"**Devices**: {', '.join(f'`{name}`' for name in devices_of(protocol.name)) or 'none in the library'}."


def _source(protocol: QkdProtocol, what: str) -> str:
    source = protocol.traits.sources.get(what, "")
    return f"{source.rstrip('.')}." if source else ""


def _listed(threats: tuple[str, ...]) -> str:
    return ", ".join(threats) or "no attack by itself"


# --- media ----------------------------------------------------------------------------------------------------------


def _medium(medium: str) -> Iterator[str]:
    said, told = _MODELS[medium]
    yield f"### {medium[0].upper()}{medium[1:]}\n"
    yield f"{said}\n"
    yield from (_prose(each) for each in told)
    yield keys_of(SETTINGS[medium].record)


def _prose(told: object) -> str:
    """Return what a docstring says, a line for each of its paragraphs."""
    paragraphs = (inspect.getdoc(told) or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return re.sub(r"^Return\b", "The model gives", text) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
