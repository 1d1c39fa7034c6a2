"""Reports: a design or a run as one page that needs nothing else, for people who do not run networks themselves.

No script and no clock: equal input gives equal bytes.
"""

from __future__ import annotations

from pathlib import Path

from keytwin.assessment.answer import Answer
from keytwin.report import html_answer, html_choices, html_drawings, html_evidence, html_needs, html_network, html_words
from keytwin.report.html_elements import contents, element, page
from keytwin.report.html_style import style_sheet
from keytwin.report.html_wording import Names
from keytwin.runtime.trace import Trace


def report_of(answer: Answer, folder: Path) -> str:
    """Return the report of a design; drawings are taken from `folder`/views, where there are any."""
    names = Names(answer.ovm)
    parts = [
        html_answer.overview(answer),
        html_needs.needs(answer),
        html_needs.without_qkd(answer),
        html_network.network(answer, names),
        html_choices.choices(answer, names),
        html_choices.proposals(answer, names),
        html_choices.ways_out(answer),
        html_drawings.drawings(folder, names),
        html_evidence.runs(answer),
        html_evidence.assumptions(answer),
        html_evidence.versions(answer),
        html_words.words(html_words.DESIGN),
    ]
    return page(
        f"{answer.name}: {html_answer.outcome_of(answer)}",
        style_sheet(),
        html_answer.head(answer),
        contents(parts),
        *parts,
    )


def report_of_run(trace: Trace, digest: str) -> str:
    """Return the report of a run; `digest` is the SHA-256 of its trace."""
    from keytwin.report.html_run import run_parts  # noqa: PLC0415  # matplotlib takes half a second to import

    head = element(
        "header",
        element("p", "What happened in this run?", class_="soft"),
        element("h1", trace.header.name),
    )
    parts = [*run_parts(trace, digest), html_words.words(html_words.RUN)]
    return page(f"{trace.header.name}: a run", style_sheet(), head, contents(parts), *parts)
