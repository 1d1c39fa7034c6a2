"""Reports in a real browser, where there is one: nothing sticks out at any width, and they print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from keytwin.assessment.answer import Answer
from keytwin.report.html import report_of
from tests.report.answers import answer, harmful

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)
PATIENCE = 90  # seconds; it takes some two
# The page itself runs nothing, so what measures it comes in by the test, without the rule against it.
RULE = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
MEASURE = """<script>
const wide = document.documentElement.clientWidth;
const out = [...document.querySelectorAll("p,h1,h2,h3,li,dd,dt,blockquote,.answer,.need,.wide,figure")]
  .filter(each => !each.closest(".wide table, figure.large") && each.getClientRects().length)
  .filter(each => each.getBoundingClientRect().right > wide + 1)
  .map(each => each.tagName + ": " + each.textContent.slice(0, 40));
document.title = JSON.stringify({page: document.documentElement.scrollWidth - wide, out: out,
  lost: [...document.querySelectorAll("svg")].filter(each => each.getBoundingClientRect().width < 1).length});
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed: one of {', '.join(BROWSERS)}"),
]


def browse(tmp_path: Path, page: Path, *how: str) -> str:
    """Open a page in the browser and return what it prints."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, *how, page.as_uri()], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


@pytest.mark.parametrize("width", [500, 800, 1_400])
@pytest.mark.parametrize("given", [answer(), harmful()], ids=["plain", "harmful"])
def test_nothing_sticks_out_of_the_screen(given: Answer, width: int, tmp_path: Path) -> None:
    html = RULE.sub("", report_of(given, tmp_path)).replace("</body>", f"{MEASURE}</body>")
    page = tmp_path / "measured.html"
    page.write_text(html, encoding="utf-8")
    dom = browse(tmp_path, page, f"--window-size={width},900", "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None
    assert json.loads(unescape(title[1])) == {"page": 0, "out": [], "lost": 0}


def test_the_browser_runs_nothing_of_a_report(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(report_of(answer(), tmp_path).replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    # The rule in the head holds even for a script that got into the page.
    assert "<title>small: not met</title>" in browse(tmp_path, page, "--dump-dom")


def test_a_report_prints_on_a_few_pages(tmp_path: Path) -> None:
    page, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(report_of(answer(), tmp_path), encoding="utf-8")
    browse(tmp_path, page, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    octets = printed.read_bytes()
    assert octets.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", octets)) <= 12
