"""What a page may run and load: its Content-Security-Policy, and the scripts that may stand in it.

A page allows files of the book, and those scripts of the theme that are known here by
their text. Whatever else stands in a page, such as a label of a survey that became a
script, is not run by any browser. A page that asks R may show one page of the book in a
frame, which has R and a policy of its own (``web/ask_r.html``). ``file:`` is for a reader
who opens the folder: there not every browser counts the book's own files as the page's
own.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

# The theme sets the colours before anything is drawn.
COLOURS = (
    'document.documentElement.dataset.mode = localStorage.getItem("mode") || "auto"; '
    'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";'
)
# The settings of the program that folds notes, whose values are plain.
FOLDING = re.compile(r"(?:(?:let |var )toggle\w+ = (?:'[^'\\<>]*'|true|false);?\s*)+")
# What a page holds that asks R, as Beautiful Soup finds it.
ASKS_R = "div.ask-r"
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' file:",
    "style-src": "'self' 'unsafe-inline' file:",
    "img-src": "'self' data: file:",
    "font-src": "'self' file:",
    "connect-src": "'self'",
    "form-action": "'self' file:",
    "base-uri": "'none'",
}


def is_known(script: str) -> bool:
    """Whether a script that stands in a page is one of the theme that pages need.

    Examples
    --------
    >>> is_known("let toggleHintShow = 'Click to show';")
    True
    >>> is_known("alert(1)")
    False
    """
    one_line = " ".join(script.split())
    return one_line == COLOURS or FOLDING.fullmatch(script.strip()) is not None


def policy_for(scripts: Iterable[str], asks_r: bool = False) -> str:
    """Return the policy of a page that holds some scripts: those that are known are allowed.

    Parameters
    ----------
    scripts : iterable of str
    asks_r : bool
        Whether the page may open a frame with a page of the book.

    Examples
    --------
    >>> policy_for(["alert(1)"]).split("; ")[:2]
    ["default-src 'none'", "script-src 'self' file:"]
    >>> policy_for([], asks_r=True).split("; ")[-1]
    "frame-src 'self'"
    """
    policy = dict(_POLICY)
    if asks_r:
        policy["frame-src"] = "'self'"
    known = sorted({script for script in scripts if is_known(script)})
    hashes = [f" 'sha256-{_hash(script)}'" for script in known]
    policy["script-src"] += "".join(hashes)
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()
