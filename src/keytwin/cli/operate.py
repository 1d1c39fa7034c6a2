"""What an operator does to a live network: faults, trust, certificates of SAEs; and its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from cyclopts import App

from keytwin.cli.output import complain, counted, show
from keytwin.cli.place import StateOption, console
from keytwin.cli.values import ErrorRate

LARGEST_REQUEST: Final = 32_768  # octets of a certificate request

fail = App(name="fail", help="Let something in a live network fail.")
attack = App(name="attack", help="Let somebody tamper with a live network.")
heal = App(name="heal", help="Undo what `fail` and `attack` did.")
sae = App(name="sae", help="Give certificates to the SAEs of a live network, or take them back.")


@fail.command(name="link")
def fail_link(link: str, /, *, state: StateOption = None) -> None:
    """Cut the quantum channel of a link: no light arrives any more, and no key is made.

    Parameters
    ----------
    link
        The link as A--B, or A--B/NAME where there are several between the same nodes.
    """
    show(console(state).fault(link, "cut").message)


@attack.command(name="link")
def attack_link(link: str, what: Literal["error-rate"], rate: ErrorRate, /, *, state: StateOption = None) -> None:
    """Tamper with the light of a link: `attack link A--B error-rate 0.2`. `heal link` ends it.

    Parameters
    ----------
    link
        The link as A--B, or A--B/NAME.
    what
        What the attack shows at the two ends: error-rate.
    rate
        Probability that a sifted bit is flipped, up to 0.5: 0.25 is what intercepting every pulse of BB84 causes.
    """
    del what
    show(console(state).attack(link, rate).message)


@heal.command(name="link")
def heal_link(link: str, /, *, state: StateOption = None) -> None:
    """Let the light through again, and end an attack.

    Parameters
    ----------
    link
        The link as A--B, or A--B/NAME.
    """
    show(console(state).fault(link, "heal").message)


def distrust(node: str, /, *, state: StateOption = None) -> None:
    """Trust a node no longer: sessions that it relays are given other routes, those of its own SAEs end.

    Parameters
    ----------
    node
        The node.
    """
    show(console(state).trust(node, trusted=False).message)


def trust(node: str, /, *, state: StateOption = None) -> None:
    """Trust a node again.

    Parameters
    ----------
    node
        The node.
    """
    show(console(state).trust(node, trusted=True).message)


@sae.command
def add(name: str, /, *, request: Path | None = None, state: StateOption = None) -> None:
    """Issue a certificate to an SAE of the network, with a new key: also after its old one was revoked.

    Parameters
    ----------
    name
        The SAE, as the network file declares it.
    request
        A certificate request (PKCS #10, PEM) for a key of the owner's. The certificate goes to stdout.
    """
    issued = console(state).issue(name, _request(request) if request else None)
    if issued.chain:
        print(issued.chain, end="")
        complain(f"certificate for {issued.sae}; whom it trusts: {issued.files.trusted}")
        return
    files = issued.files
    print(f"certificate {files.certificate}\nkey         {files.key}\nauthority   {files.trusted}")


@sae.command
def revoke(name: str, /, *, state: StateOption = None) -> None:
    """Revoke every certificate of an SAE and close its connections.

    Parameters
    ----------
    name
        The SAE.
    """
    revoked = console(state).revoke(name)
    show(f"{counted(revoked.certificates, 'certificate')} of {revoked.sae} revoked")


def metrics(*, state: StateOption = None) -> None:
    """Print the metrics of a live network in the text format of Prometheus."""
    print(console(state).metrics(), end="")


def _request(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LARGEST_REQUEST).decode("ascii", errors="replace")
