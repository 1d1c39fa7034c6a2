"""Names that a file may use without declaring them: what keytwin brings, and what plug-ins add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice
from keytwin.vocabulary.topology import QLink

_PROTOCOLS: Final = MappingProxyType({"decoy-bb84": DecoyBb84Device, "empirical": EmpiricalDevice})


@dataclass(frozen=True, slots=True)
class Known:
    """The members of the extension points that a file may name; a caller with plug-ins hands in more."""

    media: tuple[str, ...] = ("fibre",)
    metrics: tuple[str, ...] = ("hops", "key-aware")
    algorithms: tuple[str, ...] = ("pool", "on-demand")
    protocols: Mapping[str, type[Device]] = field(default_factory=lambda: _PROTOCOLS)
    expected_rate: Callable[[QLink, Device], float] | None = None
    """Mean bit/s of secret key on a link, or Mistake with the physical reason why there is none.

    None = nobody knows: the physics lies elsewhere, and is handed in by whoever has it.
    """


BROUGHT: Final = Known()
"""What keytwin itself brings."""
