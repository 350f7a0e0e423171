"""Commands work whatever the language of the terminal is: no traceback, nothing lost, files in UTF-8."""

from __future__ import annotations

import ast
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import trustlib as tl
from trustbook.utf8 import AGAIN

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX, as ascii": {
        "LC_ALL": "POSIX",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    },
    "German, ISO-8859-1": {
        "LANG": "de_DE.ISO-8859-1",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "iso-8859-1",
    },
    "UTF-8, printed as ascii": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"},
}
UTF8 = {"LC_ALL": "C.UTF-8"}
WOMEN = "女性"
SEVERE = "schwerbehindert – 重度"
MAPPING = {
    "source": {
        "id": "x",
        "kind": "real",
        "label": "Umfrage über Ärzte 医者",
        "address": "https://example.org/data",
    },
    "file": "umläute-人々.csv",
    "variables": {
        "low_trust": {
            "column": "Vertrauen – 信頼",
            "values": {"wenig": 1, "größer": 0},
            "missing": {"weiß nicht": "don't know"},
            "label": "Geringes Vertrauen – 信頼",
        },
        "gender": {
            "column": "Geschlecht",
            "values": {"Männer": "Männer", WOMEN: WOMEN},
            "levels": ["Männer", WOMEN],
            "label": "Geschlecht 性別",
        },
        "disability": {
            "column": "Behinderung",
            "values": {"nein": "nein", "ja, schwer – 重度": SEVERE},
            "levels": ["nein", SEVERE],
        },
    },
    "design": {"weight": "w"},
}


def people(n: int = 1_200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    answers = ["wenig", "größer", "weiß nicht"]
    return pd.DataFrame(
        {
            "Vertrauen – 信頼": rng.choice(answers, n, p=[0.45, 0.5, 0.05]),
            "Geschlecht": rng.choice(["Männer", WOMEN], n),
            "Behinderung": rng.choice(["nein", "ja, schwer – 重度"], n, p=[0.6, 0.4]),
            "w": 1.0,
        }
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    people().to_csv(tmp_path / "umläute-人々.csv", index=False)
    text = yaml.safe_dump(MAPPING, allow_unicode=True, sort_keys=False)
    (tmp_path / "plän.yml").write_text(text, encoding="utf-8")
    one_set = {"nach-geschlecht": {"outcome": "low_trust", "by": ["gender"]}}
    plan = yaml.safe_dump({"mapping": "plän.yml", "cells": one_set}, allow_unicode=True)
    (tmp_path / "cells.yml").write_text(plan, encoding="utf-8")
    return tmp_path


def environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHONIO", "PYTHONUTF8", AGAIN))
    }
    return {**kept, **settings, "COLUMNS": "200", "NO_COLOR": "1"}


def command(
    folder: Path, settings: dict[str, str], *words: str | Path | bytes, code: int = 0
) -> bytes:
    """What a command prints, as bytes; neither a traceback nor a word of encodings is in it."""
    program: list = [sys.executable, "-m", "trustbook.start", *words]
    done = subprocess.run(
        program, cwd=folder, env=environment(settings), capture_output=True, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, told.decode("utf-8", "replace")[-3000:]
    for word in (b"Traceback", b"codec", b"UnicodeE"):
        assert word not in told
    return told


FILE = "umläute-人々.csv"
ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2}))")


def _letter(escape: re.Match[str]) -> str:
    return chr(int(escape[1] or escape[2], 16))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_mapping_is_utf8_by_whichever_way_it_is_written(folder, name):
    wanted = command(folder, UTF8, "mapping-init", FILE)
    assert "größer" in wanted.decode("utf-8")
    assert command(folder, SETTINGS[name], "mapping-init", FILE) == wanted
    command(folder, SETTINGS[name], "mapping-init", FILE, "--out", "neu-ü.yml")
    assert (folder / "neu-ü.yml").read_bytes() == wanted.rstrip(b"\n") + b"\n"


@pytest.mark.parametrize("name", ["POSIX, as ascii", "German, ISO-8859-1"])
class TestCommands:
    def test_what_a_terminal_lacks_is_shown_as_escapes(self, folder, name):
        told = command(
            folder, SETTINGS[name], "validate", FILE, "--mapping", "plän.yml"
        )
        encoding = SETTINGS[name].get("PYTHONIOENCODING", "ascii")
        text = told.decode(encoding)
        assert r"\u5973\u6027: " in text
        umlaut = "ä".encode(encoding, "backslashreplace").decode(encoding)
        assert f"compared with M{umlaut}nner" in text
        wanted = command(folder, UTF8, "validate", FILE, "--mapping", "plän.yml")
        assert ESCAPE.sub(_letter, text) == wanted.decode()

    def test_cells_are_the_same(self, folder, name):
        words = ("compress", "cells.yml", "--data", folder)
        command(folder, UTF8, *words)
        (path,) = (folder / "cells").iterdir()
        wanted = path.read_bytes()
        path.unlink()
        told = command(folder, SETTINGS[name], *words)
        assert b"written: nach-geschlecht" in told
        assert path.read_bytes() == wanted
        command(folder, SETTINGS[name], *words, "--check")
        assert list(tl.Cells.read(path).frame["gender"]) == ["Männer", WOMEN]

    def test_errors_are_said(self, folder, name):
        settings = SETTINGS[name]
        told = command(
            folder, settings, "validate", "nö-人.csv", "--mapping", "plän.yml", code=1
        )
        assert b"There is no survey file n" in told
        assert rb"\u4eba.csv" in told
        command(folder, settings, "validate", FILE, "--mapping", FILE, code=1)
        command(folder, settings, "validate", "--ü人", code=2)
        command(
            folder,
            settings,
            "audit",
            "fräge-人",
            "--published",
            ROOT / "data" / "published",
            code=1,
        )
        changed = people().replace(WOMEN, "女の人")
        changed.to_csv(folder / FILE, index=False)
        told = command(
            folder, settings, "validate", FILE, "--mapping", "plän.yml", code=1
        )
        assert b"gender" in told

    def test_rows_are_found(self, folder, name):
        page = folder / "bücher-本"
        page.mkdir()
        (page / "seite-頁.html").write_text("<p>Männer</p>", encoding="utf-8")
        told = command(folder, SETTINGS[name], "check-rows", FILE, page)
        assert b"Nothing of a respondent" in told

    def test_a_name_in_another_encoding_is_read(self, folder, name):
        """Such as that of a file which came from an old system."""
        other = os.path.join(
            os.fsencode(folder), "alte-m\xe4nner.csv".encode("latin-1")
        )
        os.rename(os.fsencode(folder / FILE), other)
        told = command(
            folder, SETTINGS[name], "validate", other, "--mapping", "plän.yml"
        )
        assert b"1,200 people" in told
        command(folder, SETTINGS[name], "validate", other, "--mapping", other, code=1)

    def test_help_is_printed(self, folder, name):
        assert b"mapping-init" in command(folder, SETTINGS[name], "--help")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["POSIX, as ascii"])
def test_a_private_book_has_all_letters(folder, name):
    words = ("reproduce", FILE, "--mapping", "plän.yml", "--out", "privät-人")
    told = command(folder, SETTINGS[name], *words, "--axis", "gender")
    assert rb"priv\xe4t-\u4eba" in told
    site = folder / "privät-人" / "_build" / "html"
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "Umfrage über Ärzte 医者" in index
    pages = [
        path.read_text(encoding="utf-8") for path in (site / "_runs").rglob("*.html")
    ]
    assert pages
    assert all("Männer" in page and WOMEN in page for page in pages)
    tables = list((folder / "privät-人" / "book").rglob("tables/levels.csv"))
    assert tables
    for table in tables:
        assert {"Männer", WOMEN} <= set(pd.read_csv(table).to_numpy(str).ravel())


def test_a_terminal_gets_escapes_of_a_mapping_too(folder):
    """It would show nonsense instead; only what is piped becomes a file."""
    parent, child = pty.openpty()
    words = ["mapping-init", FILE]
    done = subprocess.run(
        [sys.executable, "-m", "trustbook.start", *words],
        cwd=folder,
        env=environment(SETTINGS["C"]),
        stdout=child,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    os.close(child)
    told = os.read(parent, 100_000)
    os.close(parent)
    assert done.returncode == 0, done.stderr
    assert told.isascii()


def test_a_label_that_names_a_picture_stays_a_text(folder):
    frame = people().replace("Männer", ":smiley: [red]")
    frame.to_csv(folder / FILE, index=False)
    told = command(folder, UTF8, "mapping-init", FILE)
    assert b":smiley: [red]" in told
    variables = {**MAPPING["variables"], "gender": {"column": "Geschlecht"}}
    variables["gender"]["values"] = {":smiley: [red]": ":smiley: [red]", WOMEN: WOMEN}
    text = yaml.safe_dump({**MAPPING, "variables": variables}, allow_unicode=True)
    (folder / "plän.yml").write_text(text, encoding="utf-8")
    told = command(folder, UTF8, "validate", FILE, "--mapping", "plän.yml")
    assert b":smiley: [red]" in told


def test_a_program_that_ignores_the_environment_starts_again_once(folder):
    program = [sys.executable, "-E", "-m", "trustbook.start", "--version"]
    packages = str(ROOT / "src")
    code = f"import sys; sys.path.insert(0, {packages!r}); from trustbook.start import main; main()"
    for words in ([*program], [sys.executable, "-E", "-c", code, "--version"]):
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment(SETTINGS["C"]),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"trustgap" in done.stdout, done.stderr


def texts_without_encoding(path: Path) -> list[int]:
    """The lines of a module on which a text is read or written as the system is set."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg for keyword in node.keywords}
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        is_method = isinstance(node.func, ast.Attribute)
        arguments = len(node.args)
        if (
            name == "read_text"
            and is_method
            and not arguments
            and "encoding" not in given
        ):
            lines.append(node.lineno)
        if (
            name == "write_text"
            and is_method
            and arguments < 2
            and "encoding" not in given
        ):
            lines.append(node.lineno)
        if (
            {"text", "universal_newlines"} & given
            and name in ("run", "Popen")
            and "encoding" not in given
        ):
            lines.append(node.lineno)
    return lines


def test_no_text_is_read_or_written_as_the_system_is_set():
    wrong = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "src").rglob("*.py")
        if (lines := texts_without_encoding(path))
    }
    assert not wrong, "give encoding='utf-8'"


@pytest.mark.parametrize(
    "line",
    ["path.read_text()", "path.write_text(a)", "subprocess.run(a, text=True)"],
)
def test_the_check_of_encodings_can_fail(line, tmp_path):
    path = tmp_path / "new.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    assert texts_without_encoding(path) == [1]
