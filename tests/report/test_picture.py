"""The picture that the README shows is what the command beside it draws."""

from __future__ import annotations

from typing import Final

import keytwin
from keytwin.report.lanes_svg import lanes_as_svg
from tests.architecture.source import ROOT

PICTURE: Final = "docs/pictures/star6-fig4.svg"
COMMAND: Final = f"keytwin run star6/fig4 --seed 7 --figure {PICTURE}"


def test_the_picture_is_up_to_date() -> None:
    drawn = lanes_as_svg(keytwin.run("star6/fig4", seed=7).lanes(), "fig4")
    assert (ROOT / PICTURE).read_bytes() == drawn, f"draw it anew: {COMMAND}"
