"""`keytwin schema`: the JSON Schemas of the files, for editors, and the OpenAPI document of the key face."""

from __future__ import annotations

from typing import Final

from keytwin.cli.output import show, show_json, suggest

FACE: Final = "etsi014"


def schema(kind: str | None = None, /) -> None:
    """Print the JSON Schema of a kind of file, for an editor that completes and checks while you type.

    Parameters
    ----------
    kind
        network, scenario, device, need, ...; or etsi014 for the OpenAPI document of the face that gives keys. Without
        it the kinds are listed.
    """
    from keytwin.files.schema import KINDS
    from keytwin.files.schema import schema as schema_of

    if kind == FACE:
        from keytwin.service.etsi014_openapi import openapi

        show_json(openapi())
        return
    if kind is not None:
        show_json(schema_of(kind))
        return
    show(*(f"{each:<10}{schema_of(each)['title']}" for each in KINDS))
    show(f"{FACE:<10}The face that gives keys, ETSI GS QKD 014 V1.1.1, as an OpenAPI 3.1 document")
    suggest(("keytwin schema network > network.schema.json", "write one to a file"))
