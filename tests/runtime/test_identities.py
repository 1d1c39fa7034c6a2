"""Who a certificate speaks for, and which certificates speak for nobody."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.identities import Identity, Role, UnknownPeer, identity_of, trust_domain
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import link_id, parse_node
from tests.marks import invariant
from tests.runtime.papers import Paper

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._]{0,61}[A-Za-z0-9])?", fullmatch=True)
LINK = f"link/{link_id(parse_node('a' * 64), parse_node('b' * 64), 'c' * 64)}"


def der(*uris: str, common: tuple[str, ...] = ("app01-a",), others: tuple[x509.GeneralName, ...] = ()) -> bytes:
    names = tuple(x509.UniformResourceIdentifier(uri) for uri in uris) + others
    return Paper(names=names, common=common).signed().public_bytes(Encoding.DER)


def certificate_with(placeholder: str, name: str) -> bytes:
    """Write a name into the finished certificate where the library would refuse it; the signature is not looked at."""
    octets = der(placeholder)
    assert len(placeholder) == len(name)
    assert placeholder.encode() in octets
    return octets.replace(placeholder.encode(), name.encode())


@pytest.mark.parametrize(
    ("identity", "uri"),
    [
        (Identity(Role.KM, "km0"), "spiffe://star6/km/km0"),
        (Identity(Role.SAE, "app01-a"), "spiffe://star6/sae/app01-a"),
        (Identity(Role.ELEMENT, "link/km0--km1"), "spiffe://star6/element/link/km0--km1"),
        (Identity(Role.OPERATOR, "op"), "spiffe://star6/operator/op"),
        (Identity(Role.ELEMENT, LINK), f"spiffe://star6/element/{LINK}"),
    ],
)
def test_an_identity_is_read_as_it_is_written(identity: Identity, uri: str) -> None:
    assert identity.uri("star6") == uri
    assert identity_of(der(uri), "star6") == identity


@given(role=st.sampled_from([Role.KM, Role.SAE, Role.OPERATOR]), name=NAMES)
def test_every_name_comes_back(role: Role, name: str) -> None:
    identity = Identity(role, name)
    assert identity_of(der(identity.uri("star6")), "star6") == identity


@given(st.text(max_size=40))
def test_no_text_is_read_as_another_identity(text: str) -> None:
    try:
        identity = Identity(Role.ELEMENT, text)
    except Mistake:
        return
    assert identity.name == text
    assert not {"", ".", ".."} & set(text.split("/"))


def test_a_network_is_written_in_lower_case_as_spiffe_wants_it() -> None:
    assert trust_domain("Star6") == "star6"
    assert Identity(Role.KM, "KM0").uri("Star6") == "spiffe://star6/km/KM0"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "..", "a\0", "é", "a" * 65, "-a"])
def test_an_impossible_name_is_a_mistake(name: str) -> None:
    with pytest.raises(Mistake, match="cannot name"):
        Identity(Role.SAE, name)


@pytest.mark.parametrize("name", ["", "/", "link/", "/link", "a//b", "link/../x", ".", "a/.", "a+b", "x" * 300])
def test_an_impossible_element_is_a_mistake(name: str) -> None:
    with pytest.raises(Mistake, match="cannot name the element"):
        Identity(Role.ELEMENT, name)


@invariant("Z1")
@pytest.mark.parametrize(
    ("uris", "says"),
    [
        (("spiffe://star6/sae/a", "spiffe://star6/sae/b"), "2 identities"),
        (("spiffe://star6/sae/a", "spiffe://other/sae/a"), "2 identities"),
        (("spiffe://star6/sae/a", "SPIFFE://star6/sae/b"), "2 identities"),
        (("spiffe://other/sae/a",), "not of network"),
        (("spiffe://star6.example/sae/a",), "not of network"),
        (("SPIFFE://star6/sae/a",), "not of network"),
        (("spiffe://user@star6/sae/a",), "not of network"),
        (("spiffe://star6:443/sae/a",), "not of network"),
        (("spiffe://star6/kme/a",), "role"),
        (("spiffe://star6/",), "role"),
        (("spiffe://star6",), "not of network"),
        (("spiffe://star6/sae/",), "name"),
        (("spiffe://star6/sae/a/b",), "name"),
        (("spiffe://star6/sae/a?b",), "name"),
        (("spiffe://star6/sae/a%2fb",), "name"),
        (("spiffe://star6/sae/a#b",), "name"),
        (("spiffe://star6/element/link/../km0",), "name"),
        (("https://star6/sae/a",), "0 identities"),
        ((), "0 identities"),
    ],
)
def test_a_certificate_that_speaks_for_nobody_or_several_is_refused(uris: tuple[str, ...], says: str) -> None:
    with pytest.raises(UnknownPeer, match=says):
        identity_of(der(*uris), "star6")


@invariant("Z1")
def test_nul_in_a_name_is_refused() -> None:
    with pytest.raises(UnknownPeer, match="NUL"):
        identity_of(certificate_with("spiffe://star6/sae/a.b", "spiffe://star6/sae/a\0b"), "star6")
    with pytest.raises(UnknownPeer, match="NUL"):
        identity_of(certificate_with("https://elsewhere/a.b", "https://elsewhere/a\0b"), "star6")
    with pytest.raises(UnknownPeer, match="NUL"):
        identity_of(der(common=("app01-a\0b",)), "star6", common_name_as=Role.SAE)


@invariant("Z1")
def test_octets_that_are_no_certificate_are_refused() -> None:
    for octets in (b"", b"\x30\x03\x02\x01\x00", der("spiffe://star6/sae/a")[:-1]):
        with pytest.raises(UnknownPeer, match="cannot be read"):
            identity_of(octets, "star6")


def test_other_names_beside_the_identity_do_no_harm() -> None:
    others = (x509.DNSName("km0.example.org"), x509.UniformResourceIdentifier("https://example.org/km0"))
    assert identity_of(der("spiffe://star6/km/km0", others=others), "star6") == Identity(Role.KM, "km0")


def test_the_common_name_counts_only_where_asked_for() -> None:
    octets = der(common=("app01-a",))
    with pytest.raises(UnknownPeer):
        identity_of(octets, "star6")
    assert identity_of(octets, "star6", common_name_as=Role.SAE) == Identity(Role.SAE, "app01-a")


def test_an_identity_in_a_uri_goes_before_the_common_name() -> None:
    octets = der("spiffe://star6/sae/one", common=("two",))
    assert identity_of(octets, "star6", common_name_as=Role.SAE) == Identity(Role.SAE, "one")
    with pytest.raises(UnknownPeer, match="not of network"):
        identity_of(der("spiffe://other/sae/one", common=("two",)), "star6", common_name_as=Role.SAE)


@pytest.mark.parametrize(("common", "says"), [((), "0 common"), (("a", "b"), "2 common"), (("a/b",), "name")])
def test_an_ambiguous_common_name_is_refused(common: tuple[str, ...], says: str) -> None:
    with pytest.raises(UnknownPeer, match=says):
        identity_of(der(common=common), "star6", common_name_as=Role.SAE)


def test_a_refusal_does_not_repeat_what_the_stranger_wrote() -> None:
    with pytest.raises(UnknownPeer) as raised:
        identity_of(der("spiffe://star6/sae/<script>"), "star6")
    assert "script" not in str(raised.value)


def test_who_serves_is_connected_to() -> None:
    assert [role for role in Role if role.serves] == [Role.KM, Role.ELEMENT]
