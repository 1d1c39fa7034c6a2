"""A plan on the twin: which trials its needs ask for, what fails in them, and what they make of each need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Final

from keytwin.design.measures import Found, Pair, worst_failure
from keytwin.design.model import Method
from keytwin.design.need import MEASURES, Case, Condition, Failure, Need
from keytwin.design.plan import Plan
from keytwin.runtime.trace import TraceWriter
from keytwin.scenario.trial import Observed, Trial, Trialled, run_trial, stocked, trial_of
from keytwin.vocabulary.identity import AppId, LinkId, NodeId, km_of
from keytwin.vocabulary.timeline import Action, AttackLink, CutLink, StopElement
from keytwin.vocabulary.units import Duration, Instant

CALM: Final = "calm"
"""The trial in which nothing fails."""
ERROR_RATE: Final = 0.2  # that an attack adds: no protocol gives key at as much
USUAL_CUT: Final = Condition(Failure.CUT)
"""What fails where a need asks how soon keys come back and does not say after what."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial of a plan."""

    id: str
    under: Condition | None
    failed: tuple[str, ...]
    """Links, channels or relays: those that hurt most."""
    trial: Trial
    outcome: Trialled
    trace: str
    """The SHA-256 of its trace: `keytwin run` of its scenario with its seed writes the same one."""

    @property
    def seed(self) -> int:
        """The seed that it was run with."""
        return self.outcome.evidence.seed


def asked_under(need: Need) -> Condition | None:
    """Return what fails while a need is tried."""
    match need.measure:
        case "restoration" if need.under is None:
            return USUAL_CUT
        case "channels-survived":
            return Condition(Failure.ATTACK, max(1, int(need.threshold)))
        case _:
            return need.under


def conditions_of(case: Case) -> tuple[Condition | None, ...]:
    """Return under what the needs of a case have to be tried, each once; None = nothing fails."""
    asking = [need for need in case.needs if need.measure and Method.TEST in MEASURES[need.measure].methods]
    return tuple(dict.fromkeys(asked_under(need) for need in asking))


def trial_name(under: Condition | None) -> str:
    """Return the name of the trial under a condition: `cut-1-link`."""
    return CALM if under is None else str(under).replace("(", "-").replace(")", "").replace(" ", "-")


def try_out(case: Case, plan: Plan, seed: int) -> tuple[Tried, ...]:
    """Run every trial that the needs of a case ask for; none of a plan that cannot run yet."""
    if plan.not_runnable:
        return ()
    conditions = conditions_of(case)
    # The weather is the same in all of them, and looking for a clear sky may take longer than the trials.
    begin = stocked(plan.blueprint, seed) if conditions else None
    return tuple(tried(plan, under, seed, begin) for under in conditions)


def tried(plan: Plan, under: Condition | None, seed: int, begin: Instant | None = None) -> Tried:
    """Run one trial, from `begin` on or as soon as every link has key."""
    failed = worst_failure(plan, under).failed if under else ()
    trial = trial_of(plan.blueprint, _actions(plan, under, failed), trial_name(under), seed, begin)
    trace = TraceWriter(_Nowhere(), trial.scenario.name, seed)
    outcome = run_trial(trial, seed, [trace])
    return Tried(trial_name(under), under, failed, trial, outcome, trace.digest)


def _actions(plan: Plan, under: Condition | None, failed: tuple[str, ...]) -> Iterator[Action]:
    match under:
        case Condition(failure=Failure.CUT):
            yield from (CutLink(LinkId(link)) for link in failed)
        case Condition(failure=Failure.ATTACK):
            # Every link of a channel: who sits on a line sits on all its spans.
            yield from (AttackLink(link, ERROR_RATE) for channel in failed for link in plan.channels[channel])
        case Condition(failure=Failure.KILL):
            yield from (StopElement(km_of(NodeId(node))) for node in failed)
        case _:
            pass


class _Nowhere:
    """A stream that keeps nothing: only the digest of a trace is wanted."""

    def write(self, octets: bytes, /) -> None:
        del octets


# --- what a trial says of a need ------------------------------------------------------------------------------------


def measured(need: Need, pairs: tuple[Pair, ...], tries: tuple[Tried, ...]) -> tuple[Found, Tried] | None:
    """Return what its trial makes of a need, for the pair that is worst off; None where no trial can tell."""
    finder = _FINDERS.get(need.measure)
    found = next((each for each in tries if each.under == asked_under(need)), None)
    if finder is None or found is None:
        return None
    seen = {app: each for pair in pairs for app, each in _of_pair(found, pair)}
    return finder(need, found, seen), found


Seen = Mapping[AppId, Observed]


def _of_pair(found: Tried, pair: Pair) -> Iterator[tuple[AppId, Observed]]:
    for app in found.trial.scenario.blueprint.apps:
        # A need may name the ends of a pair the other way round.
        if {end.node for end in app.ends} == set(pair):
            yield app.id, found.outcome.of(app.id)


def _worst(seen: Mapping[AppId, float], *, is_high: bool) -> tuple[float, tuple[str, ...]]:
    """Return the highest or lowest value and the app that has it."""
    app = max(seen, key=lambda each: seen[each] if is_high else -seen[each])
    return seen[app], (str(app),)


def _rate(need: Need, found: Tried, seen: Seen) -> Found:
    del need
    is_calm = found.under is None
    value, culprits = _worst(
        {app: each.rate if is_calm else each.rate_after for app, each in seen.items()}, is_high=False
    )
    return Found(value, Method.TEST, culprits, "delivered, of what was asked for in the run")


def _channels(need: Need, found: Tried, seen: Seen) -> Found:
    value, culprits = _worst({app: each.rate_after for app, each in seen.items()}, is_high=False)
    survived = max(1, int(need.threshold))
    if value > 0:
        return Found(survived, Method.TEST, (), f"keys went on while {', '.join(found.failed)} was attacked")
    return Found(survived - 1, Method.TEST, culprits, f"no key came while {', '.join(found.failed)} was attacked")


def _time_of(told: Callable[[Observed], Duration | None], nothing: str) -> _Finder:
    """Return what reads the longest of some times; one that never ended is endless."""

    def find(need: Need, found: Tried, seen: Seen) -> Found:
        del need, found
        times = {app: told(each) for app, each in seen.items()}
        value, culprits = _worst(
            {app: inf if time is None else float(time) for app, time in times.items()}, is_high=True
        )
        return Found(value, Method.TEST, culprits, nothing if value == inf else "")

    return find


def _availability(need: Need, found: Tried, seen: Seen) -> Found:
    del need, found
    value, culprits = _worst({app: each.availability for app, each in seen.items()}, is_high=False)
    return Found(value, Method.TEST, culprits if value < 1 else ())


_Finder = Callable[[Need, Tried, Seen], Found]
_FINDERS: Final[Mapping[str, _Finder]] = MappingProxyType(
    {
        "key-rate": _rate,
        "one-time-pad": _rate,
        "channels-survived": _channels,
        "latency": _time_of(lambda seen: seen.latency, "no request was answered"),
        "set-up-time": _time_of(lambda seen: seen.set_up, "no key ever came"),
        "restoration": _time_of(lambda seen: seen.restoration, "no key came any more"),
        "availability": _availability,
    }
)
