"""Prefect's pages, kept from talking to anybody but their own server.

Version 2 of Prefect's pages asks an analytics company for its configuration whenever one is opened, and no setting of
Prefect's stops that; and Markdown in an artifact may name pictures anywhere. So the servers that this project starts
unpack the pages into a folder of ours, and each index gets a content security policy: scripts, pictures and requests
from this server only. Knows where Prefect puts its pages; does not know what is on them.

Example::

    environment |= pages_environment(home)      # before the server starts, which unpacks its pages there
    confine_pages(home)                         # once it answers: 2, the number of indexes that now have the policy
"""

from pathlib import Path

from s1.artifacts import write_text_atomically

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'"
)
"""The graph of a run is drawn by a library that evaluates code of its own; scripts within a page's text stay forbidden.
"""
_HEAD = "<head>"
_TAG = f'{_HEAD}<meta http-equiv="Content-Security-Policy" content="{POLICY}">'


def pages_environment(home: Path) -> dict[str, str]:
    """What a server's environment needs to unpack its pages under the Prefect home ``home``."""
    return {"PREFECT_UI_STATIC_DIRECTORY": str(_folder(home))}


def confine_pages(home: Path) -> int:
    """Give every index that a server has unpacked the policy; return how many have it now."""
    num_confined = 0
    for index in _folder(home).glob("*/index.html"):
        text = index.read_text(encoding="utf-8")
        if _TAG not in text and _HEAD in text:
            text = text.replace(_HEAD, _TAG, 1)
            write_text_atomically(index, text)
        num_confined += _TAG in text
    return num_confined


def _folder(home: Path) -> Path:
    return home / "pages"
