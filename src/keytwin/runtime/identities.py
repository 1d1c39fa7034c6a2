"""Who a certificate speaks for: `spiffe://<network>/<role>/<name>` in its URI name (SPIFFE-ID; RFC 5280 4.2.1.6).

ETSI GS QKD 014 V1.1.1 leaves open where the ID stands in a certificate; the common name counts only where asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from keytwin.vocabulary.errors import Mistake, Violation
from keytwin.vocabulary.identity import parse_name

SCHEME: Final = "spiffe://"
LONGEST_ELEMENT: Final = (
    3 * 64 + 16
)  # characters: a parallel link's twin, `link/a--b/name`, with all names at their longest
LONGEST_COMMON_NAME: Final = 64  # characters: X.520 ub-common-name
UNREADABLE: Final = (
    *(ValueError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What `cryptography` raises, at the latest when a part is looked at, for what is no sound certificate or request."""
_SEGMENT: Final = r"(?!\.\.?(?:/|$))[A-Za-z0-9._-]+"
_ELEMENT: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", flags=re.ASCII)


class UnknownPeer(Violation):
    """A certificate that our authority signed, or a connection over it, that speaks for nobody in this network."""


class Role(StrEnum):
    """What the owner of a certificate may be."""

    KM = "km"
    SAE = "sae"
    ELEMENT = "element"
    OPERATOR = "operator"

    @property
    def serves(self) -> bool:
        """Whether others connect to it, so that its certificate names hosts and allows server authentication."""
        return self in {Role.KM, Role.ELEMENT}


@dataclass(frozen=True, slots=True)
class Identity:
    """A role and a name in it; an element's name may have slashes (`link/km0--km1`). Mistake for an impossible name."""

    role: Role
    name: str

    def __post_init__(self) -> None:
        if self.role is not Role.ELEMENT:
            parse_name(self.name, f"the {self.role} of a certificate")
        elif len(self.name) > LONGEST_ELEMENT or not _ELEMENT.fullmatch(self.name):
            raise Mistake(
                f"{self.name[:80]!r} cannot name the element of a certificate: use letters, digits, '.', '_' and '-', "
                f"with '/' between parts, at most {LONGEST_ELEMENT} characters"
            )

    def __str__(self) -> str:
        return f"{self.role}/{self.name}"

    def uri(self, network: str) -> str:
        """Return the identity as it stands in a certificate."""
        return f"{SCHEME}{trust_domain(network)}/{self}"

    @property
    def common_name(self) -> str:
        """The name, cut where X.520 ends a common name; for an element longer than that only the URI is whole."""
        return self.name[:LONGEST_COMMON_NAME]


def trust_domain(network: str) -> str:
    """Return a network's name as the host part of its identities, which SPIFFE wants in lower case."""
    return parse_name(network, "a network").lower()


def identity_of(certificate: bytes, network: str, *, common_name_as: Role | None = None) -> Identity:
    """Tell for whom a peer's certificate (DER) speaks in a network; UnknownPeer when for nobody or for several.

    The chain was verified before, in the handshake. With `common_name_as` a certificate that has no identity
    in a URI speaks for the one whose name is its common name, in that role.
    """
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        uris = _uris(parsed)
        names = [str(each.value) for each in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except UNREADABLE as error:
        raise UnknownPeer("the peer's certificate cannot be read") from error
    if any("\0" in text for text in (*uris, *names)):
        raise UnknownPeer("the peer's certificate has a name with NUL")
    claims = [uri for uri in uris if uri.lower().startswith("spiffe:")]
    if not claims and common_name_as is not None:
        return _named(names, common_name_as)
    if len(claims) != 1:
        raise UnknownPeer(f"the peer's certificate has {len(claims)} identities in its URI names, should have one")
    return _claimed(claims[0], network)


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _claimed(uri: str, network: str) -> Identity:
    prefix = f"{SCHEME}{trust_domain(network)}/"
    if not uri.startswith(prefix):
        raise UnknownPeer(f"the peer's certificate is not of network {network!r}")
    role, _, name = uri.removeprefix(prefix).partition("/")
    if role not in set(Role):
        raise UnknownPeer("the peer's certificate has a role that is not of keytwin")
    return _identity(Role(role), name)


def _named(names: list[str], role: Role) -> Identity:
    if len(names) != 1:
        raise UnknownPeer(f"the peer's certificate has {len(names)} common names, should have one")
    return _identity(role, names[0])


def _identity(role: Role, name: str) -> Identity:
    try:
        return Identity(role, name)
    except Mistake as error:
        raise UnknownPeer(f"the peer's certificate has a name that no {role} can have") from error
