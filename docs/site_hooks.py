"""What mkdocs is told on top of `mkdocs.yml`: pages that lie outside this folder, and how links lead to them.

README, CONTRIBUTING and others stand at the root, where people and tools look for them; on the site they are pages too.
"""  # noqa: INP001  # a file for mkdocs, no package

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parent.parent
AT_THE_ROOT: Final = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "LICENSE": "license.md",
    "changes/README.md": "changes.md",
}
RECORDS: Final = "decisions/README.md"
_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
_NAMED_BLOCK: Final = re.compile(r"^```(\w+) +(\S+)[^\n]*$", flags=re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put each decision record into the navigation, below their overview."""
    records = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    config.nav = _expanded(config.nav, [RECORDS, *(f"decisions/{name}" for name in records)])
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of the root."""
    for source, page in AT_THE_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        content = text if source.endswith(".md") else f"# License\n\n```text\n{text}```\n"
        files.append(File.generated(config, page, content=_relinked(content, source, page)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to the root lead to its pages, and show the name under which a block is saved as its title."""
    del config, files
    here = page.file.src_uri
    relinked = markdown if here in AT_THE_ROOT.values() else _relinked(markdown, f"docs/{here}", here)
    return _NAMED_BLOCK.sub(r'```\1 title="\2"', relinked)


def _relinked(text: str, source: str, page: str) -> str:
    """Turn links between files of the repository into links between pages of the site."""

    def turned(link: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(source).parent / link[1])
        aim = AT_THE_ROOT.get(target) or target.removeprefix("docs/")
        if aim == target:
            raise PluginError(f"{source} links to {link[1]}, which is no page of the site")
        return os.path.relpath(aim, PurePosixPath(page).parent)

    return _LINK.sub(turned, text)


def _expanded(item: object, records: list[str]) -> object:
    """Replace the overview of the records, wherever it stands in the navigation, by a list of all."""
    if isinstance(item, list):
        return [_expanded(each, records) for each in item]
    if isinstance(item, dict):
        return {title: _expanded(each, records) for title, each in item.items()}
    return list(records) if item == RECORDS else item
