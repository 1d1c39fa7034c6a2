"""`keytwin conform`: a key manager of others, examined by the rules of ETSI GS QKD 014 from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import counted, show, show_json
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.operation.conformance import Examination
    from keytwin.operation.conformance_calls import Papers, Party


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class MasterSae:
    """The SAE that asks for keys, at the URL."""

    master_sae: Annotated[str, Parameter(help="ID of the SAE that asks for keys, as in its certificate.")]
    cert: Annotated[Path, Parameter(help="Its certificate, with what stands above it (PEM).")]
    key: Annotated[Path, Parameter(help="Its key (PEM).")]
    ca: Annotated[Path, Parameter(help="Certificate of the authority that the key manager's is of (PEM).")]

    def at(self, url: str) -> Party:
        """Return it at the face of its key manager."""
        from keytwin.operation.conformance_calls import Papers, Party, address_of

        address_of(url)
        return Party(self.master_sae, url, self.ca, Papers(self.cert, self.key))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveSae:
    """The SAE that fetches them."""

    slave_sae: Annotated[str, Parameter(help="ID of the SAE that fetches the same keys.")]
    slave_url: Annotated[str, Parameter(help="Face of its key manager. Without it: the URL.")] = ""
    slave_cert: Annotated[
        Path | None, Parameter(help="Its certificate (PEM). Without it, what only it can ask is skipped.")
    ] = None
    slave_key: Annotated[Path | None, Parameter(help="Its key (PEM).")] = None
    slave_ca: Annotated[
        Path | None, Parameter(help="Authority of its key manager (PEM). Without it: that of --ca.")
    ] = None

    def beside(self, master: Party) -> Party:
        """Return it at the face of its key manager; Mistake when half of its papers are missing."""
        from keytwin.operation.conformance_calls import Party, address_of

        url = self.slave_url or master.url
        address_of(url)
        return Party(self.slave_sae, url, self.slave_ca or master.trusted, self._papers(master))

    def _papers(self, master: Party) -> Papers | None:
        from keytwin.operation.conformance_calls import Papers

        if self.slave_cert is not None and self.slave_key is not None:
            return Papers(self.slave_cert, self.slave_key)
        if self.slave_cert is not None or self.slave_key is not None:
            raise Mistake("a certificate goes with its key: give both --slave-cert and --slave-key")
        return master.papers if self.slave_sae == master.sae else None


PATIENCE: Final = "30 s"


def conform(
    url: str,
    /,
    *,
    master: MasterSae,
    slave: SlaveSae,
    wait: str = PATIENCE,
    junit: Path | None = None,
    json: bool = False,
) -> int:
    """Examine a key manager of others by ETSI GS QKD 014, as master and as slave; exit code 1 when a must fails.

    Parameters
    ----------
    url
        The face of the master's key manager, such as https://kme.example.org:8443.
    wait
        How long to ask again where the answer is 503, for each question.
    junit
        File for the outcome as JUnit XML.
    json
        Print all of it as JSON, and nothing else.
    """
    from keytwin.operation.conformance import examine
    from keytwin.operation.conformance_interview import Subject
    from keytwin.operation.conformance_questions import MOST_KEYS
    from keytwin.report.conformance import conformance_junit, conformance_record
    from keytwin.report.outputs import check_written
    from keytwin.vocabulary.units import in_seconds, parse_duration

    first = master.at(url)
    subject = Subject(first, slave.beside(first), in_seconds(parse_duration(wait)))
    if junit is not None:
        check_written(junit)
    if not json:
        show(f"{url}: takes at most {MOST_KEYS} keys where all is well")
    done = examine(subject)
    if junit is not None:
        junit.write_text(conformance_junit(done), encoding="utf-8")
    if json:
        show_json(conformance_record(done))
    else:
        _show(done, junit)
    return Exit.OK if done.is_passed else Exit.FAILED


def _show(done: Examination, junit: Path | None) -> None:
    from keytwin.report.conformance import conformance_table, conformance_verdict

    show(conformance_table(done), conformance_verdict(done))
    show(f"{counted(done.keys_used, 'key')} used")
    if junit is not None:
        show(f"written to {junit}")
