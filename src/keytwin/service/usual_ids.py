"""The key IDs of a request as nearly every client writes them, read by comparison; anything else is left to the parser.

ETSI GS QKD 014 V1.1.1, 6.4. A text that is put together again from its IDs and equals what came has but one reading, so
nothing is taken here that the strict reader would refuse or read in another way. Tests compare the two.
"""

from __future__ import annotations

from typing import Final

from keytwin.service.http import Request

LEVELS: Final = 3  # how deep the usual bodies nest

# With and without the spaces that Python's json writes: start, between two IDs, end.
_SPELLINGS: Final = (
    ('{"key_IDs":[{"key_ID":"', '"},{"key_ID":"', '"}]}'),
    ('{"key_IDs": [{"key_ID": "', '"}, {"key_ID": "', '"}]}'),
)


def usual_key_ids(request: Request) -> list[str] | None:
    """Return the IDs as they are spelt, which may be none at all; None = this is for the parser."""
    return _of_body(request.body) if request.method == "POST" and "?" not in request.target else None


def _of_body(body: bytes) -> list[str] | None:
    if not body.isascii() or b"\\" in body:
        return None
    text = body.decode("ascii")
    for start, between, end in _SPELLINGS:
        if text.startswith(start) and text.endswith(end) and text.isprintable():
            key_ids = text[len(start) : -len(end)].split(between)
            # No other quotation mark than those compared: each ID is all of its string.
            return key_ids if text.count('"') == 4 * len(key_ids) + 2 else None
    return None
