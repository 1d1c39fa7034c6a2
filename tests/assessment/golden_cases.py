"""What is expected of the shipped cases: devices, blocks, demands, verdicts and margins, in a golden file for each.

`python -m tests.assessment.golden_cases` writes them anew; what changes there is to be looked at before it is kept.
"""

from __future__ import annotations

import json
from typing import Final

from keytwin.assessment.assess import assess, usual_costs
from keytwin.assessment.physics import devices
from keytwin.assessment.record import recorded
from keytwin.files.library import need_source, needs
from keytwin.files.need import check_need
from keytwin.quantum.channel import channel_of
from keytwin.quantum.protocols import link_model
from keytwin.vocabulary.units import in_seconds
from tests.architecture.source import ROOT

FOLDER: Final = ROOT / "tests/assessment/golden"
CASES: Final = tuple(needs())


def expected_of(case: str) -> dict[str, object]:
    """Return what a golden file holds, as it comes out now."""
    source = need_source(case)
    assessed = assess(check_need(source).value)
    answer = recorded(assessed, source.octets, usual_costs())
    plan = assessed.plan
    assert plan is not None
    known = {device.name: device for device in devices()}
    blocks = {
        str(link.device): in_seconds(link_model(known[link.device], channel_of(link)).block_time)
        for link in plan.blueprint.topology.links
    }
    return {
        "summary": list(answer.summary),
        "is_met": answer.is_met,
        "variants": list(answer.variants),
        "blocks": {device: f"{seconds:g} s" for device, seconds in sorted(blocks.items())},
        "demands": {f"{first} -- {second}": f"{rate:.6g} bit/s" for (first, second), rate in plan.demands},
        "verdicts": {
            line.need.id: {
                "outcome": line.outcome,
                "found": line.shown,
                "margin": None if line.margin is None else f"{line.margin:+.0%}",
                "method": line.method,
                "run": line.evidence.run if line.evidence else None,
            }
            for line in answer.verdicts
        },
        "without_qkd": {line.need: line.outcome for line in answer.baseline},
        "relaxed": [[f"{change.need}: {change.becomes}" for change in group] for group in answer.relaxations],
    }


def main() -> None:
    """Write every golden file."""
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        text = json.dumps(expected_of(case), indent=1, ensure_ascii=False)
        (FOLDER / f"{case}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
