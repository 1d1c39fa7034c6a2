"""Numbers as they are typed."""

from __future__ import annotations

import pytest
from cyclopts import Token

from keytwin.cli.values import LARGEST, whole
from keytwin.files.scenario_file import LARGEST_SEED


@pytest.mark.parametrize("number", [0, 7, LARGEST])
def test_reads_whole_numbers(number: int) -> None:
    assert whole(int, [Token(value=str(number))]) == number


@pytest.mark.parametrize("text", ["1.5", "-1", "", "1e3", " 1", str(LARGEST + 1), "9" * 5_000])
def test_rounds_nothing_and_accepts_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="no whole number"):
        whole(int, [Token(value=text)])


def test_a_seed_may_be_as_large_on_the_command_line_as_in_a_file() -> None:
    assert LARGEST == LARGEST_SEED
