"""What there is to see of elements in one's own process: which run, and how the standing sessions of SAEs are."""

from __future__ import annotations

from keytwin.operation.parts import Part
from keytwin.runtime.live import Live
from keytwin.service.operator_values import ElementStatus, ProcessStatus, SessionStatus
from keytwin.service.standing import Standing
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, sae_element


class Sight:
    """The view of whoever hosts a part of a network, or all of it."""

    live: Live
    part: Part

    def elements(self) -> tuple[ElementStatus, ...]:
        """Tell of each element whether it runs, and how often it was started again."""
        live = self.live
        return tuple(
            ElementStatus(name, "stopped" if live.machine(name) is None else "running", live.restarts(name))
            for name in live.names
        )

    def session(self, sae: SaeId, app: AppId) -> SessionStatus | None:
        """Tell of an SAE's standing session for an app; None while there is none."""
        name = sae_element(sae)
        machine: object = self.live.machine(name) if self.part.hosts(name) else None
        if not isinstance(machine, Standing) or app not in machine.sessions:
            return None
        session = machine.sessions[app]
        opened = session.opened
        if opened is None:
            return SessionStatus(session.state.value, session.ksid)
        return SessionStatus(session.state.value, session.ksid, opened.key_size, opened.rate, opened.burst, opened.hops)

    def is_heard(self, node: NodeId) -> bool:
        """Whether a key manager's process gives signs of life: this one does."""
        return node in self.part.nodes

    def processes(self) -> tuple[ProcessStatus, ...]:
        """Tell of processes beside this one: there are none."""
        return ()
