"""`keytwin schema`: the JSON Schemas of the files, for editors, and the OpenAPI documents of the key faces."""

from __future__ import annotations

from typing import Final

from keytwin.cli.output import show, show_json, suggest

FACES: Final = {
    "etsi004": "The face that gives key streams, ETSI GS QKD 004 V2.1.1 in JSON, as an OpenAPI 3.1 document",
    "etsi014": "The face that gives keys, ETSI GS QKD 014 V1.1.1, as an OpenAPI 3.1 document",
    "skip": "The face that gives keys, draft-cisco-skip-02, as an OpenAPI 3.1 document",
}


def schema(kind: str | None = None, /) -> None:
    """Print the JSON Schema of a kind of file, for an editor that completes and checks while you type.

    Parameters
    ----------
    kind
        network, scenario, device, need, ...; or etsi004, etsi014 or skip for the OpenAPI document of a face.
        Without it the kinds are listed.
    """
    from keytwin.files.schema import KINDS
    from keytwin.files.schema import schema as schema_of
    from keytwin.service import etsi004_openapi, etsi014_openapi, skip_openapi

    if kind in FACES:
        documents = {"etsi004": etsi004_openapi, "etsi014": etsi014_openapi, "skip": skip_openapi}
        show_json(documents[kind].openapi())
        return
    if kind is not None:
        show_json(schema_of(kind))
        return
    show(*(f"{each:<10}{schema_of(each)['title']}" for each in KINDS))
    show(*(f"{face:<10}{about}" for face, about in FACES.items()))
    suggest(("keytwin schema network > network.schema.json", "write one to a file"))
