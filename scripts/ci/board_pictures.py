"""Takes pictures of drawn boards, on a desk and on a phone.

    python scripts/ci/board_pictures.py build/ci/boards docs/images           the executive board
    python scripts/ci/board_pictures.py build/ci/boards FOLDER --all          all pages, both widths

Needs Chromium, which `apt-get install chromium` brings.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

WIDTHS = {"desk": 1280, "phone": 390}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The path of a browser that is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def take(pages: list[Path], folder: Path, forms: dict[str, int]) -> list[Path]:
    """One picture of each page in each width; returns the files."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for form, width in forms.items():
            view = browser.new_page(viewport={"width": width, "height": 900})
            for page in pages:
                view.goto(page.absolute().as_uri())
                view.evaluate("document.fonts.ready")
                suffix = "" if len(forms) == 1 else f"-{form}"
                taken.append(folder / f"{page.stem}{suffix}.png")
                view.screenshot(path=taken[-1], full_page=True)
        browser.close()
    return taken


def main() -> int:
    """Takes the pictures; 1 without a browser."""
    parser = argparse.ArgumentParser(description="Take pictures of boards.")
    parser.add_argument("boards", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="all pages in both widths")
    given = parser.parse_args()
    if find_browser() is None:
        print("error: no browser: apt-get install chromium", file=sys.stderr)
        return 1
    pages = [page for page in sorted(given.boards.glob("*.html")) if page.stem != "index"]
    if not given.all:
        pages = [page for page in pages if page.stem == "executive"]
    for picture in take(pages, given.folder, WIDTHS if given.all else {"desk": WIDTHS["desk"]}):
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
