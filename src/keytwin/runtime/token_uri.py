"""Names of keys in hardware: the PKCS#11 URIs of RFC 7512, as far as one secret key needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from keytwin.vocabulary.errors import Mistake

SCHEME: Final = "pkcs11:"
LONGEST: Final = 1024  # characters
EXAMPLE: Final = "pkcs11:token=keytwin;object=store?module-path=/usr/lib/softhsm/libsofthsm2.so"
PATH: Final = frozenset({"token", "serial", "object", "type"})
QUERY: Final = frozenset({"module-path", "pin-source"})


class TokenKey(NamedTuple):
    """Where a key is: its label in a token, the driver that reaches the token, and the file of the PIN, if any."""

    token: str
    object: str
    module: Path
    serial: str = ""  # tells tokens of one label apart
    pin_source: Path | None = None

    def __str__(self) -> str:
        return f"key {self.object!r} of token {self.token!r}"


def parse_token_uri(text: str) -> TokenKey:
    """Read a URI; Mistake, with an example, when it does not name one key and the driver of its token."""
    if not text.startswith(SCHEME) or len(text) > LONGEST:
        raise _mistake(text, f"begins with {SCHEME}")
    path, _, query = text.removeprefix(SCHEME).partition("?")
    if "pin-value" in text:
        # Not even repeated in what is said of it.
        raise Mistake("a PIN in a URI can be read by all who see the command line: name a file of it, pin-source=FILE")
    found = _attributes(text, path, ";", PATH) | _attributes(text, query, "&", QUERY)
    if found.get("type", "secret-key") != "secret-key":
        raise _mistake(text, "names a secret key: type=secret-key, or none")
    for needed in ("token", "object", "module-path"):
        if not found.get(needed):
            raise _mistake(text, f"says {needed}")
    source = found.get("pin-source", "").removeprefix("file:")
    if source and not Path(source).is_absolute():
        raise _mistake(text, "says pin-source from the root on, since later starts may be elsewhere")
    return TokenKey(
        found["token"],
        found["object"],
        Path(found["module-path"]),
        found.get("serial", ""),
        Path(source) if source else None,
    )


def _attributes(text: str, part: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in filter(None, part.split(separator)):
        name, _, value = each.partition("=")
        if name not in known:
            raise _mistake(text, f"has no {name!r} here: it may say {', '.join(sorted(known))}")
        if name in found:
            raise _mistake(text, f"says {name} once")
        found[name] = unquote(value)
    return found


def _mistake(text: str, what: str) -> Mistake:
    return Mistake(f"{text!r} is no URI of a key in a token: it {what}, as in {EXAMPLE!r} (RFC 7512)")
