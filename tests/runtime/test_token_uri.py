"""PKCS#11 URIs: what names one key in one token, and what is refused and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.runtime.token_uri import EXAMPLE, LONGEST, TokenKey, parse_token_uri
from keytwin.vocabulary.errors import Mistake
from tests.marks import clause


def test_the_example_is_one() -> None:
    key = parse_token_uri(EXAMPLE)
    assert key == TokenKey("keytwin", "store", Path("/usr/lib/softhsm/libsofthsm2.so"))
    assert str(key) == "key 'store' of token 'keytwin'"


@clause("RFC 7512", "2.3")
def test_all_that_may_be_said_in_any_order_and_with_percent_signs() -> None:
    uri = "pkcs11:object=my%20key;type=secret-key;serial=0815;token=a%3Bb?pin-source=file:/run/pin&module-path=/x.so"
    assert parse_token_uri(uri) == TokenKey("a;b", "my key", Path("/x.so"), "0815", Path("/run/pin"))


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("", "begins with pkcs11:"),
        ("token=a;object=b", "begins with pkcs11:"),
        ("pkcs11:" + "x" * LONGEST, "begins with pkcs11:"),
        ("pkcs11:", "says token"),
        ("pkcs11:token=a?module-path=/x", "says object"),
        ("pkcs11:token=a;object=b", "says module-path"),
        ("pkcs11:token=;object=b?module-path=/x", "says token"),
        ("pkcs11:token=a;token=b;object=b?module-path=/x", "says token once"),
        ("pkcs11:token=a;object=b;slot-id=3?module-path=/x", "has no 'slot-id' here"),
        ("pkcs11:token=a;object=b;module-path=/x", "has no 'module-path' here"),
        ("pkcs11:token=a;object=b;type=private?module-path=/x", "names a secret key"),
        ("pkcs11:token=a;object=b?module-path=/x&pin-source=pin", "from the root on"),
    ],
)
def test_what_is_none_is_refused_with_an_example(uri: str, told: str) -> None:
    with pytest.raises(Mistake, match=told) as caught:
        parse_token_uri(uri)
    assert EXAMPLE in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:token=a;object=b?module-path=/x&pin-value=87654321",
        "pkcs11:token=a;object=b;pin-value=87654321?module-path=/x",
    ],
)
def test_a_pin_in_it_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(Mistake, match="pin-source=FILE") as caught:
        parse_token_uri(uri)
    assert "87654321" not in str(caught.value)
