"""Writes the metric catalogue and the front page of the docs site.

    python scripts/ci/docs_pages.py SITE

The catalogue is docs/metrics.md as a page; the front page links what is in the folder SITE.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
#: Pages of the site: file, title, what it is.
PAGES = (
    ("boards/index.html", "Boards", "Executive, product and engineering."),
    ("metrics.html", "Metrics", "Each metric by its contract, with an example."),
    ("dbt.html", "Models", "Every model and column, with its tests and its SQL."),
    ("lineage.html", "Lineage", "Which column comes from which."),
)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #dfe1e5; padding: .3rem .6rem; text-align: left;
  vertical-align: top; }
code { background: #f5f6f7; padding: 0 .2rem; }
a { color: #1d4ed8; }
"""


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def catalogue(markdown: str) -> str:
    """The catalogue as HTML; its headings can be linked as on a code host."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)

    def anchored(found: re.Match[str]) -> str:
        words = re.sub(r"<[^>]+>", "", found.group(2)).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        return f'<h{found.group(1)} id="{slug}">{found.group(2)}</h{found.group(1)}>'

    return re.sub(r"<h([1-6])>(.*?)</h\1>", anchored, body)


def write(site: Path) -> list[str]:
    """Writes both pages; returns the files that the front page links."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    # Other documents are not on the site.
    text = re.sub(r"\[([^\]]+)\]\((?!#)[^)]*\)", r"\1", text)
    (site / "metrics.html").write_text(page("Metrics", catalogue(text)), encoding="utf-8")
    there = [each for each in PAGES if (site / each[0]).exists()]
    links = "".join(
        f'<li><a href="{name}">{title}</a> — {html.escape(what)}</li>'
        for name, title, what in there
    )
    body = f"<h1>LLM product analytics</h1><ul>{links}</ul>"
    (site / "index.html").write_text(page("LLM product analytics", body), encoding="utf-8")
    return [name for name, _, _ in there]


if __name__ == "__main__":
    for name in write(Path(sys.argv[1])):
        print(f"{sys.argv[1]}/{name}")
