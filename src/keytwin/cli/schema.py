"""`keytwin schema`: the JSON Schemas of the files, for editors."""

from __future__ import annotations

from keytwin.cli.output import show, show_json, suggest


def schema(kind: str | None = None, /) -> None:
    """Print the JSON Schema of a kind of file, for an editor that completes and checks while you type.

    Parameters
    ----------
    kind
        network, scenario or device; without it the kinds are listed.
    """
    from keytwin.files.schema import KINDS
    from keytwin.files.schema import schema as schema_of

    if kind is not None:
        show_json(schema_of(kind))
        return
    show(*(f"{each:<10}{schema_of(each)['title']}" for each in KINDS))
    suggest(("keytwin schema network > network.schema.json", "write one to a file"))
