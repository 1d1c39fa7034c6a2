"""`keytwin schema`: the JSON Schemas of the files, for editors."""

from __future__ import annotations

from keytwin.cli.output import show, show_json, suggest
from keytwin.vocabulary.errors import Mistake


def schema(kind: str | None = None, /) -> None:
    """Print the JSON Schema of a kind of file, for an editor that completes and checks while you type.

    Parameters
    ----------
    kind
        network, scenario or device; without it the kinds are listed.
    """
    from keytwin.scenario.load import schemas

    known = schemas()
    if kind is None:
        show(*(f"{each:<9} {made['title']}" for each, made in known.items()))
        suggest(("keytwin schema network > network.schema.json", "write one to a file"))
        return
    if kind not in known:
        raise Mistake(f"no kind of file is called {kind!r}: choose one of {', '.join(known)}")
    show_json(known[kind])
