"""Texts that would do something in one of the places where texts of a survey file are written, and files that hold them.

Each payload would leave a trace if a page, a script of R or Python, or a spreadsheet took it for more than a text: a
variable ``window.PWN``, another title, a file ``pwned``, a link or a file outside of its folder.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

RUN = "window.PWN=1;document.title=/PWNED/.source"  # no quotes: pages turn them
SECRET = "TOPSECRETLINE"
CANARY = "pwned"

HTML = [
    f"<script>{RUN}</script>", f"</script><script>{RUN}</script>", f"<ScRiPt >{RUN}</sCrIpT >",
    f"<script/x>{RUN}</script>", f"<<script>{RUN}//<</script>", f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}'>", f'"><img src=x onerror="{RUN}">', f"'><svg/onload={RUN}>", f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>", f"<body onload={RUN}>", f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>", f"<video><source onerror={RUN}></video>", f"<audio src=x onerror={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>", f"<iframe src=javascript:{RUN}></iframe>",
    f"<object data=javascript:{RUN}></object>", f"<embed src=javascript:{RUN}>", f"<a href=javascript:{RUN}>x</a>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/x'>", "<base href=http://127.0.0.1:9/>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>", "<style>@import 'http://127.0.0.1:9/x'</style>",
    f"<math><mi//xlink:href=javascript:{RUN}>", f"<form action=javascript:{RUN}><button>x</button></form>",
    f"</title><script>{RUN}</script>", f"</textarea><script>{RUN}</script>", f"--><script>{RUN}</script><!--",
    f"<![CDATA[<script>{RUN}</script>]]>", f"<?php echo 1 ?><script>{RUN}</script>", f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;script&#62;{RUN}&#60;/script&#62;", f"&#x3c;img src=x onerror={RUN}&#x3e;", f"%3Cscript%3E{RUN}%3C/script%3E",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e", f"\N{FULLWIDTH LESS-THAN SIGN}script>{RUN}</script>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>", f"<xmp><script>{RUN}</script></xmp>",
    f"<template><script>{RUN}</script></template>", f"<div style=background:url(javascript:{RUN})>x</div>",
    f"<table background=javascript:{RUN}><tr><td>x</table>", f"<x onmouseover={RUN} style=position:fixed;inset:0>x</x>",
    f"' onmouseover='{RUN}", f'" autofocus onfocus="{RUN}', f"<marquee onstart={RUN}>x</marquee>",
    f"</td></tr></table><script>{RUN}</script>", f"</p></div></main><script>{RUN}</script>", f"';{RUN};//", f'";{RUN};//',
    f"`;{RUN};//", f"${{{RUN}}}", f"</style><script>{RUN}</script>", f"<plaintext><script>{RUN}</script>",
]  # fmt: skip
MARKDOWN = [
    "[x](javascript:window.PWN=1)", "![x](javascript:window.PWN=1)", "[x](<javascript:window.PWN=1>)",
    "<javascript:window.PWN=1>", "[x]: javascript:window.PWN=1", "[x][y]", "![x](/etc/passwd)", "[x](/etc/passwd)",
    "[x](../../../../../../../../etc/passwd)", "[x](file:///etc/passwd)", "<http://127.0.0.1:9/x>",
    "http://127.0.0.1:9/autolink", "www.example.org", "a@example.org", "# heading", "a\n# heading", "a\n\n# heading\n\nb",
    "a\n---\nb", "---\ntitle: PWNED\n---", "a\n===\nb", "- item", "+ item", "* item", "1. item", "12345) item", "> quote",
    "    code", "\tcode", "```", "a\n```\nb", "~~~", "`", "``", "`code`", "a`b", "*em*", "**strong**", "_em_", "__strong__",
    "~~gone~~", "a | b", "| a | b |\n|---|---|\n| c | d |", "\\", "\\\\", "\\|", "a\\", "a  \nb", "***", "___",
    "term\n: definition", ": definition", "[^1]", "[^1]: note", "- [ ] task", "- [x] task", "==mark==", "H~2~O^2^",
    "a<br>b", "<!-- hidden", "<!-- hidden -->", "-->", "&copy;", "&#42;not a star&#42;", "&amp;lt;", "\N{NO-BREAK SPACE}",
]  # fmt: skip
MYST = [
    "{download}`x <@SECRET@>`", "{download}`x </../../../../../../../../../..@SECRET@>`", "{doc}`x </index>`",
    "{ref}`x`", "{eval}`1+1`", "{raw}`html`", "{finding}`x`", "{record}`x`", "{abbr}`a (b)`", "{math}`x`", "{sub}`x`",
    "{term}`x`", "{numref}`x`", "{cite}`x`", "{kbd}`x`", "{command}`x`",
    "c\n\n```{include} @SECRET@\n```\n\nd", "c\n\n```{literalinclude} @SECRET@\n```\n\nd",
    "c\n\n:::{include} @SECRET@\n:::\n\nd", "c\n\n```{raw} html\n<script>window.PWN=1</script>\n```\n\nd",
    "c\n\n```{raw} html\n:file: @SECRET@\n```\n\nd", "c\n\n```{code-cell} python\nopen('pwned','w')\n```\n\nd",
    "c\n\n```{csv-table}\n:file: @SECRET@\n```\n\nd", "c\n\n```{figure} @SECRET@\n```\n\nd",
    "c\n\n```{image} @SECRET@\n```\n\nd", "c\n\n```{toctree}\n@SECRET@\n```\n\nd", "c\n\n```{eval-rst}\n.. include:: @SECRET@\n```\n",
    "c\n\n```{run-figure} x 1\n```\n\nd", "c\n\n:::{note}\nx\n:::\n\nd", ":::", "a\n:::\nb", "(target)=", "a\n(target)=\nb",
    "% comment", "a\n% comment\nb", "+++", "a\n+++ {\"x\": 1}\nb", "{{ title }}", "{{ 7*7 }}", "{% raw %}", "{% include '@SECRET@' %}",
    "{{ cycler.__init__.__globals__.os.system('touch pwned') }}", "$x$", "$$x$$", "$", "\\(x\\)", "\\[x\\]",
    "a\n\\begin{equation}x\\end{equation}\nb", "$\\input{@SECRET@}$", "[x]{.cls onclick=window.PWN=1}", "[x]{#id}",
    "{.cls}", "a\n{.cls}\nb", "@{title}", "@{about}", "@{nobody}", "@title", "|today|", "|version|", ".. include:: @SECRET@",
    "`x <javascript:window.PWN=1>`_", ":download:`@SECRET@`",
]  # fmt: skip
SCRIPTS = [
    "\"); system('touch pwned'); (\"", "'); system('touch pwned'); ('", "a\nsystem('touch pwned')", "a\rsystem('touch pwned')",
    "a\u2028system('touch pwned')", "a\x0bsystem('touch pwned')", "a\x0csystem('touch pwned')", "\\", "\\\"", "\\'", "`",
    "`; system('touch pwned'); `", "a` + system('touch pwned') + `b", "\\u0022); system('touch pwned') #",
    "%s%n%d", "#", "# comment", "function(x) x", "TRUE", "NULL", "Inf", "NA", "if", "r\"(x)\"", "r\"---(x)---\"",
    "I(system('touch pwned'))", "y ~ system('touch pwned')", "@{title}", "eval(parse(text = 'file.create(\"pwned\")'))",
    "__import__('os').system('touch pwned')", "'''); open('pwned', 'w'); ('''", "\"\"\"); open('pwned', 'w'); (\"\"\"",
    "{open('pwned','w')}", "{0.__class__}", "\\x22); open('pwned', 'w'); (\\x22", "\\N{QUOTATION MARK}",
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "| touch pwned", "&& touch pwned", "!touch pwned", "%run pwned",
    "%%bash\ntouch pwned", "!!python/object/apply:os.system ['touch pwned']", "*alias", "&anchor x", "? key", "a: b", "- a",
    "{a: b}", "[a, b]", "null", "~", "yes",
]  # fmt: skip
SHEETS = [
    "=1+1", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://127.0.0.1:9/x\",\"x\")", "+1+1", "+cmd|' /C calc'!A0", "-1+1",
    "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)", "@x", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "'=1+1", "''=1+1", ";=1+1", "a;=1+1",
    "a\t=1+1", "a,=1+1", "\"=1+1\"", "\";=1+1;\"", "a\";=1+1", "\N{FULLWIDTH EQUALS SIGN}1+1", "=IMPORTXML(\"x\",\"y\")",
    "=WEBSERVICE(\"http://127.0.0.1:9\")", "=DDE(\"cmd\";\"/C calc\";\"x\")", "-", "+", "=", "@", "-5", "+3",
]  # fmt: skip
PATHS = [
    "../../pwned", "..\\..\\pwned", "/etc/passwd", "~/pwned", "C:\\pwned", "\\\\host\\pwned", "file:///etc/passwd", "a/b", "a\\b",
    "...", "..", ".", "con", "nul", "aux.txt", "a:b", "a*b?", "a\x00b", "%2e%2e%2fpwned", ".git", "--help", "-rf",
]  # fmt: skip
UNSEEN = [
    "a\u202eb", "a\u2066b\u2069", "a\u200bb", "\ufeffa", "a\x1b]0;PWNED\x07b", "a\x1b[31mb", "a\x1b]8;;http://127.0.0.1:9\x07b",
    "a\x07b", "a\x08b", "a\x7fb", "a\x85b", "a\x9bb", "\u2029", "a\U000e0041b", "\ufffe", "a\u0300" * 40, "x" * 10_000,
    "\N{PILE OF POO}", "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}", "\N{ZERO WIDTH JOINER}",
]  # fmt: skip
ALL = list(dict.fromkeys([*HTML, *MARKDOWN, *MYST, *SCRIPTS, *SHEETS, *PATHS, *UNSEEN]))
# A mapping strips the texts of an answer, and an answer is more than a blank.
USABLE = [text for text in ALL if text.strip()]


class Supply:
    """Payloads one after the other; numbered, because levels of an axis and kinds of missing must differ."""

    def __init__(self, payloads: list[str], secret: Path) -> None:
        self.left = [text.replace("@SECRET@", str(secret)) for text in payloads]

    def take(self, most: int) -> list[str]:
        """The next payloads, at most so many."""
        taken, self.left = self.left[:most], self.left[most:]
        return taken

    def one(self, default: str) -> str:
        """The next payload, or a plain text when all are used."""
        return (self.take(1) or [default])[0]


def survey(
    folder: Path, payloads: list[str], levels: int = 3, rows: int = 3_000
) -> tuple[Path, Path]:
    """A file and its mapping that hold the payloads: source, labels, levels, answers, headers, kinds of missing.

    Whatever is left over becomes kinds of missing of the outcome, each of ten people or more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret.txt"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    supply = Supply(payloads, secret)
    rng = np.random.default_rng(7)
    source = {"id": "made", "kind": "supplied", "label": supply.one("made up")}
    variables: dict[str, dict] = {
        "trusts": {"column": "Q1", "label": supply.one("Trusts")}
    }
    columns: dict[str, np.ndarray] = {}
    for name in ("one", "two"):
        texts = supply.take(levels)
        texts += [f"level {i}" for i in range(2 - len(texts))]
        codes = [str(i) for i in range(len(texts))]
        header = supply.one(f"Q {name}").replace("\x00", "")
        variables[name] = {
            "column": header,
            "label": supply.one(name),
            "levels": texts,
            "values": dict(zip(codes, texts, strict=True)),
        }
        columns[header] = rng.choice(codes, rows)
    kinds = supply.left
    answers = np.array(["yes", "no", *(f"m{i}" for i in range(len(kinds)))])
    answered = rng.choice(2, rows)
    answered[: 12 * len(kinds)] = np.repeat(np.arange(len(kinds)) + 2, 12)
    columns["Q1"] = answers[answered]
    variables["trusts"] |= {
        "values": {"yes": 1, "no": 0},
        "missing": {f"m{i}": kind for i, kind in enumerate(kinds)},
    }
    file, plan = folder / "people $(touch pwned) <b>.csv", folder / "m`{x}`.yml"
    pd.DataFrame(columns).to_csv(file, index=False)
    mapping = {"source": source, "variables": variables}
    plan.write_text(
        yaml.safe_dump(mapping, sort_keys=False, allow_unicode=False), encoding="utf-8"
    )
    return file, plan


def shown_as_text(text: str) -> str:
    """A payload as a page shows it, without the blanks and the marks that pages change."""
    return re.sub(r"\s+", " ", text).strip()
