"""The folder that a design is written into: the need, the model, the network, its trials, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keytwin.assessment.answer import VERDICT_FILE, Answer, encoded
from keytwin.assessment.assess import Assessed
from keytwin.assessment.sysml import exported_architecture
from keytwin.assessment.trials import Tried
from keytwin.design.sysml_verdicts import FILE as VERDICTS
from keytwin.design.sysml_verdicts import Bond, Sworn, verdicts_text
from keytwin.files.network import write_network
from keytwin.files.scenario import write_scenario
from keytwin.vocabulary.errors import Refusal

NEED_FILE: Final = "need.yaml"
COSTS_FILE: Final = "costs.yaml"
NETWORK: Final = "network.yaml"
RUNS: Final = "runs"


def files_of(assessed: Assessed, answer: Answer, need: bytes, costs: bytes | None = None) -> Mapping[str, bytes]:
    """Return what is written, by path below the folder; `costs` is the cost book's file where it is not the usual."""
    files = {NEED_FILE: need, VERDICT_FILE: encoded(answer)}
    if costs is not None:
        files[COSTS_FILE] = costs
    if assessed.plan is not None:
        files[NETWORK] = write_network(assessed.plan.blueprint).encode()
    if assessed.architecture is not None and assessed.judged:
        for name, text in exported_architecture(assessed.ovm, assessed.architecture).items():
            files[f"sysml/{name}"] = text.encode()
        sworn = [Sworn(each.verdict, _bond(each.tried), each.measured) for each in assessed.judged]
        files[f"sysml/{VERDICTS}"] = verdicts_text(assessed.ovm, assessed.architecture.after.model, sworn).encode()
    for tried in assessed.tries:
        files[f"{RUNS}/{tried.id}.yaml"] = write_scenario(tried.trial.scenario, f"../{NETWORK}").encode()
    return files


def _bond(tried: Tried | None) -> Bond | None:
    if tried is None:
        return None
    events = tried.outcome.events
    return Bond(tried.id, tried.seed, events.opened if tried.under is None else events.failed, tried.trace)


def check_folder(folder: Path) -> None:
    """Refusal when a design may not be written there; asked before the work, which would be lost afterwards."""
    if folder.is_file():
        raise Refusal(f"cannot write into '{folder}': it is a file")
    # A design may be made anew in its folder; a folder of somebody else's work is not touched.
    if folder.is_dir() and any(folder.iterdir()) and not (folder / VERDICT_FILE).is_file():
        raise Refusal(f"'{folder}' is no design of keytwin and not empty: name another folder with -o")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all of it; Refusal when the folder holds something that is no design."""
    check_folder(folder)
    for name, octets in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
