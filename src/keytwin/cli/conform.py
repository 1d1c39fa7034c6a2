"""`keytwin conform`: a key manager of others, examined from both sides by the rules of ETSI GS QKD 014 or 004."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import counted, show, show_json
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.operation.conformance_calls import Papers, Party
    from keytwin.operation.conformance_values import Examination

PATIENCE: Final = "30 s"
Api = Literal["014", "004"]


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
        from keytwin.operation.conformance_calls import Papers, Party

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
        from keytwin.operation.conformance_calls import Party

        return Party(
            self.slave_sae, self.slave_url or master.url, self.slave_ca or master.trusted, self._papers(master)
        )

    def _papers(self, master: Party) -> Papers | None:
        given = papers_of("slave", self.slave_cert, self.slave_key)
        return given or (master.papers if self.slave_sae == master.sae else None)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What only an examination by ETSI GS QKD 004 needs."""

    source: Annotated[str, Parameter(help="URI of the master SAE in OPEN_CONNECT. Without it: one with its ID.")] = ""
    destination: Annotated[
        str, Parameter(help="URI of the slave SAE in OPEN_CONNECT. Without it: one with its ID.")
    ] = ""
    other_cert: Annotated[
        Path | None,
        Parameter(help="Certificate of a third SAE (PEM). Without it, what it would be refused is skipped."),
    ] = None
    other_key: Annotated[Path | None, Parameter(help="Its key (PEM).")] = None

    def beside(self, slave: Party) -> Party | None:
        """Return the third SAE, at the slave's key manager."""
        from keytwin.operation.conformance_calls import Party

        papers = papers_of("other", self.other_cert, self.other_key)
        return None if papers is None else Party("", slave.url, slave.trusted, papers)

    @property
    def is_asked_for(self) -> bool:
        """Whether any of it was given."""
        return bool(self.source or self.destination or self.other_cert or self.other_key)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """By which standard, and how patiently."""

    api: Annotated[Api, Parameter(help="The standard: ETSI GS QKD 014, or 004.")] = "014"
    wait: Annotated[str, Parameter(help="How long to ask again where there is no key just now, each time.")] = PATIENCE

    @property
    def seconds(self) -> float:
        """The patience."""
        from keytwin.vocabulary.units import in_seconds, parse_duration

        return in_seconds(parse_duration(self.wait))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where the outcome goes."""

    junit: Annotated[Path | None, Parameter(help="File for the outcome as JUnit XML.")] = None
    json: Annotated[bool, Parameter(help="Print all of it as JSON, and nothing else.")] = False

    def begin(self, url: str, most: int) -> None:
        """Say what is coming, once it is sure that the outcome can be written."""
        from keytwin.report.outputs import check_written

        if self.junit is not None:
            check_written(self.junit)
        if not self.json:
            show(f"{url}: takes at most {most} keys where all is well")

    def end(self, done: Examination) -> int:
        """Write and show, and return the exit code."""
        from keytwin.report.conformance import conformance_junit, conformance_record

        if self.junit is not None:
            self.junit.write_text(conformance_junit(done), encoding="utf-8")
        if self.json:
            show_json(conformance_record(done))
        else:
            _show(done, self.junit)
        return Exit.OK if done.is_passed else Exit.FAILED


NO_STREAMS: Final = Streams()
USUAL_WAY: Final = Way()
SHOWN: Final = Told()


def conform(
    url: str,
    /,
    *,
    master: MasterSae,
    slave: SlaveSae,
    streams: Streams = NO_STREAMS,
    way: Way = USUAL_WAY,
    told: Told = SHOWN,
) -> int:
    """Examine a key manager of others from both sides, by ETSI GS QKD 014 or 004; exit code 1 when a must fails.

    Parameters
    ----------
    url
        The face of the master's key manager, such as https://kme.example.org:8443; with --api 004 it may be
        tls://HOST:PORT, too, for binary frames.
    """
    first = master.at(url)
    second = slave.beside(first)
    if way.api == "004":
        return _streams(first, second, streams, way, told)
    if streams.is_asked_for:
        raise Mistake("--source, --destination, --other-cert and --other-key go with --api 004")
    return _keys(first, second, way, told)


def papers_of(whose: str, certificate: Path | None, key: Path | None) -> Papers | None:
    """Return an SAE's papers, None = it has none; Mistake when half of them are missing."""
    from keytwin.operation.conformance_calls import Papers

    if certificate is not None and key is not None:
        return Papers(certificate, key)
    if certificate is not None or key is not None:
        raise Mistake(f"a certificate goes with its key: give both --{whose}-cert and --{whose}-key")
    return None


def _keys(first: Party, second: Party, way: Way, told: Told) -> int:
    from keytwin.operation.conformance import examine
    from keytwin.operation.conformance_calls import address_of
    from keytwin.operation.conformance_interview import Subject
    from keytwin.operation.conformance_questions import MOST_KEYS

    for party in (first, second):
        address_of(party.url)
    subject = Subject(first, second, way.seconds)
    told.begin(first.url, MOST_KEYS)
    return told.end(examine(subject))


def _streams(first: Party, second: Party, streams: Streams, way: Way, told: Told) -> int:
    from keytwin.operation.conformance_stream_calls import place_of
    from keytwin.operation.conformance_stream_course import StreamSubject
    from keytwin.operation.conformance_stream_questions import MOST_CHUNKS
    from keytwin.operation.conformance_streams import examine_streams

    if first.sae == second.sae:
        raise Mistake(f"a key stream has two ends: --slave-sae is to be another one than {first.sae!r}")
    for party in (first, second):
        place_of(party.url)
    ends = streams.source, streams.destination
    subject = StreamSubject(first, second, streams.beside(second), *ends, way.seconds)
    told.begin(first.url, MOST_CHUNKS)
    return told.end(examine_streams(subject))


def _show(done: Examination, junit: Path | None) -> None:
    from keytwin.report.conformance import conformance_table, conformance_verdict

    show(conformance_table(done), conformance_verdict(done))
    show(f"{counted(done.keys_used, 'key')} used")
    if junit is not None:
        show(f"written to {junit}")
