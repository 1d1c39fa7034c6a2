"""Bell-diagonal states of two qubits: what repeaters do to them is exact in four numbers.

A state is the four probabilities of Phi+, Psi+, Phi-, Psi- along the last axis: bit 0 of the index says whether the two
bits differ, bit 1 whether the two phases do, so that two errors in a row add up modulo two. Leading axes are arrays of
states. Swapping, Pauli noise and purification keep states Bell-diagonal. A state may be unnormalised, and as every step
is linear in each of its pairs, it may be a polynomial's value at a complex point.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals

States = TypeVar("States", npt.NDArray[np.float64], npt.NDArray[np.complex128])

_INDICES: Final = np.arange(4)
_SUMS: Final = _INDICES[:, None] ^ _INDICES  # which error is left when error j is followed by the one that leads to i
_PHASES: Final = 2  # step in the index from a state to the one with the other phase


def werner(fidelity: npt.ArrayLike) -> Reals:
    """Return states of that fidelity whose three errors are equally likely."""
    kept = np.asarray(fidelity, dtype=np.float64)[..., None]
    rest = (1.0 - kept) / 3.0
    return np.concatenate([kept, rest, rest, rest], axis=-1)


def werner_weight(fidelity: npt.ArrayLike) -> Reals:
    """Return w = (4 F - 1) / 3: the share of the perfect pair in a Werner state, the rest being white noise."""
    return np.asarray((4.0 * np.asarray(fidelity, dtype=np.float64) - 1.0) / 3.0)


def weighted(weight: States) -> States:
    """Return states w Phi+ + (1 - w) / 4, for real or complex w."""
    noise = (1.0 - weight[..., None]) / 4.0
    states: States = np.concatenate([weight[..., None] + noise, noise, noise, noise], axis=-1)
    return states


def swapped(one: States, other: States) -> States:
    """Return the states of the outer qubits after a Bell measurement joins two pairs, its outcome corrected."""
    joined: States = (one[..., None, :] * other[..., _SUMS]).sum(axis=-1)
    return joined


def disturbed(states: States, errors: States) -> States:
    """Return states after Pauli noise on one qubit: `errors` are the probabilities of I, X, Z, Y."""
    return swapped(states, errors)


def decayed(states: States, survival: npt.ArrayLike) -> States:
    """Return states of which a share `survival` is kept and the rest has become white noise (T1 and T2 alike)."""
    kept = np.asarray(survival, dtype=np.float64)[..., None]
    faded: States = kept * states + (1.0 - kept) / 4.0 * states.sum(axis=-1, keepdims=True)
    return faded


def dephased(states: Reals, survival: npt.ArrayLike) -> Reals:
    """Return states whose coherence between |00> and |11> has shrunk to `survival`: T2 alone."""
    flipped = (1.0 - np.asarray(survival, dtype=np.float64)[..., None]) / 2.0
    # Lost coherence is a phase flip half of the time: the bits stay as they are.
    return (1.0 - flipped) * states + flipped * states[..., _INDICES ^ _PHASES]


def purified(one: Reals, other: Reals) -> tuple[Reals, Reals]:
    """Return states after one round of purification, and the probability that it succeeds."""
    kept = kept_by_purification(one, other)
    success = kept.sum(axis=-1)
    return kept / success[..., None], success


def kept_by_purification(one: States, other: States) -> States:
    """Return the unnormalised states after bilateral CNOTs, when the bits of the second pair are found equal.

    Bennett et al., PRL 76 722 (BBPSSW): errors of the bit must be the same in both pairs, those of the phase add up.
    """
    crossed = _INDICES[:, None] ^ np.array([0, _PHASES])  # from i, the two indices with the same bit error
    partners = _INDICES[:, None] ^ crossed ^ (_INDICES[:, None] & 1)
    kept: States = (one[..., crossed] * other[..., partners]).sum(axis=-1)
    return kept


def twirled(states: States) -> States:
    """Return the Werner states of equal fidelity, as BBPSSW wants them before its next round."""
    rest = (states[..., 1:].sum(axis=-1, keepdims=True)) / 3.0
    spread: States = np.concatenate([states[..., :1], rest, rest, rest], axis=-1)
    return spread


def error_rates(states: Reals) -> tuple[Reals, Reals]:
    """Return the probabilities that measured bits differ, and that phases do."""
    # The fourth state, Psi-, has both errors and counts in both.
    return states[..., 1] + states[..., 3], states[..., 2] + states[..., 3]
