"""The pages of the site that are not in docs/: README, CONTRIBUTING, CHANGELOG, the decisions.

A hook of mkdocs (mkdocs.yml). Links are rewritten to where the pages are on the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root folder and the list of decisions."""
    for source, target in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=moved(text)))
    files.append(File.generated(config, "decisions/index.md", content=decisions()))
    return files


def moved(text: str) -> str:
    """Return a page of the root folder with links that hold inside docs/."""
    text = re.sub(r"\]\(docs/decisions\)", "](decisions/index.md)", text)
    text = re.sub(r"\]\(docs/", "](", text)
    text = re.sub(r"\]\(README\.md", "](index.md", text)
    return re.sub(r"\[LICENSE\]\(LICENSE\)", "LICENSE", text)


def decisions() -> str:
    """List every decision record by its title."""
    lines = ["# Decisions", "", "Why it is built this way, one page per decision.", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"


def on_page_markdown(markdown: str, **_: object) -> str:
    """Rewrite links from docs/ to the pages of the root folder."""
    for source, target in PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({target}")
    return markdown
