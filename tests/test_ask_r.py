"""Do not trust us: the scripts of intersection pages print what the library computed, and R for browsers is what is pinned."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import warnings
from base64 import b64encode
from functools import cache
from hashlib import sha512
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import trustlib as tl
from contract import refused
from trustbook import r_together, webr
from trustbook.pages import EXPECTED, SCRIPT, finish
from trustbook.policy import policy_for
from trustbook.r_script_parts import as_text, read_text
from trustbook.runs import load_plan
from trustbook.site import missing_policies
from trustbook.sphinx.ask_r_pages import FILES, WEB, panel
from trustbook.sphinx.light import lighten

ROOT = Path(__file__).parents[1]
RUNS = {
    run.id: run
    for run in load_plan(ROOT / "notebooks" / "runs.yml")
    if run.template.stem == "intersection"
}
HINTS = [name for name in RUNS if name.startswith("hints")]
SYNTHETIC = [name for name in RUNS if name not in HINTS]
RTOL = 1e-6
ATOL = 1e-9


@cache
def fit_of(name: str) -> tl.LogitFit:
    run = RUNS[name]
    cells = tl.Cells.read(run.template.parent / run.parameters["cells"])
    return tl.fit_logit(cells, run.parameters["formula"])


def results(name: str) -> dict[str, pd.DataFrame]:
    given = RUNS[name].parameters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.ProtectiveExposureWarning)
        return r_together.together_results(
            fit_of(name), given["identities"], given["pair"]
        )


def written(name: str, folder: Path) -> tuple[Path, Path]:
    """The script of a run and what it should print, written as the run writes them."""
    given = RUNS[name].parameters
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.ProtectiveExposureWarning)
        patch.setenv("TRUSTLIB_RUN_FOLDER", str(folder))
        r_together.write_script(
            fit_of(name), given["identities"], given["pair"], given["title"]
        )
    (script,) = (folder / "scripts").glob(f"*{SCRIPT}")
    return script, script.with_name(script.name.replace(SCRIPT, EXPECTED))


def rscript(script: Path) -> str:
    """What a script prints in R, which has to say nothing else."""
    done = subprocess.run(
        ["Rscript", str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "a warning of R"
    return done.stdout


def assert_same(text: str, expected: dict[str, pd.DataFrame]) -> int:
    """Every table, word and number; returns how many numbers were compared."""
    found = read_text(text)
    assert list(found) == list(expected)
    compared = 0
    for name, table in expected.items():
        numbers = table.select_dtypes("number").columns
        words = [column for column in table if column not in numbers]
        assert list(found[name]) == list(table), name
        assert found[name][words].astype(str).equals(table[words].astype(str)), name
        ours = found[name][numbers].to_numpy(float)
        theirs = table[numbers].to_numpy(float)
        np.testing.assert_allclose(ours, theirs, RTOL, ATOL, err_msg=name)
        compared += ours.size
    return compared


# All scripts in one R, each in an environment of its own; a warning stops it like an error.
ONE_AFTER_THE_OTHER = """
options(warn = 2)
for (file in commandArgs(TRUE)) {
  cat("@@", basename(dirname(dirname(file))), "\\n")
  sys.source(file, new.env(parent = globalenv()))
}
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, str]:
    """Run of HINTS -> what its script prints."""
    folder = tmp_path_factory.mktemp("together")
    scripts = [str(written(name, folder / name)[0]) for name in HINTS]
    driver = folder / "driver.R"
    driver.write_text(ONE_AFTER_THE_OTHER, encoding="utf-8")
    done = subprocess.run(
        ["Rscript", str(driver), *scripts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^@@ (\S+) \n", done.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")


class TestScripts:
    @needs_r
    @pytest.mark.parametrize("name", HINTS)
    def test_r_prints_what_the_library_computed(self, name, printed):
        told = read_text(as_text(results(name)))
        assert assert_same(printed[name], told) >= 150

    @needs_r
    @pytest.mark.parametrize("name", [HINTS[0], HINTS[-1], SYNTHETIC[0]])
    def test_each_runs_alone_with_nothing_but_r(self, name, tmp_path):
        script, expected = written(name, tmp_path)
        text = script.read_text(encoding="utf-8")
        assert "library(" not in text
        assert "::" not in re.sub(r"#.*", "", text)
        told = read_text(expected.read_text(encoding="utf-8"))
        assert assert_same(rscript(script), told) >= 150

    @pytest.mark.parametrize("name", [*HINTS[:3], *SYNTHETIC[:1]])
    def test_what_is_expected_are_the_numbers_of_the_page(self, name):
        given = RUNS[name].parameters
        fit = fit_of(name)
        found = read_text(as_text(results(name)))
        probabilities = tl.predictions(fit, by=given["identities"])
        shown = {
            "levels": tl.cell_means(fit.cells, by=given["identities"]),
            "odds_ratios": tl.coefficients(fit, scale="odds_ratio"),
            "predictions": probabilities,
            "gaps": tl.comparisons(probabilities),
        }
        for table, estimates in shown.items():
            for column in ("estimate", "std_error", "conf_low", "conf_high"):
                ours = found[table][column]
                np.testing.assert_allclose(ours, estimates.frame[column], rtol=1e-9)

    def test_a_wrong_number_is_noticed(self):
        expected = read_text(as_text(results(HINTS[0])))
        text = as_text(results(HINTS[0]))
        assert assert_same(text, expected)
        value = re.search(r"\n\w+,\w+,(0\.\d{6})", text)[1]
        wrong = text.replace(value, f"{float(value) + 1e-5:.6f}", 1)
        with pytest.raises(AssertionError):
            assert_same(wrong, expected)

    @needs_r
    def test_a_model_without_the_interaction_prints_what_is_left(self, tmp_path):
        script, expected = written(HINTS[0], tmp_path)
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace(" * ", " + ", 1), encoding="utf-8")
        printed = read_text(rscript(script))
        whole = read_text(expected.read_text(encoding="utf-8"))
        assert set(whole) - set(printed) == {"interaction_test"}
        contrast = printed["interaction"].set_index("measure").loc["ratio_of_or"]
        assert contrast["estimate"] == pytest.approx(1)
        fit = tl.fit_logit(fit_of(HINTS[0]).cells, "gender + ethnicity")
        own = tl.predictions(fit, by=["gender", "ethnicity"]).frame["estimate"]
        np.testing.assert_allclose(printed["predictions"]["estimate"], own, rtol=RTOL)

    def test_each_has_a_name_of_its_own_within_its_source(self):
        names = {}
        for name in HINTS:
            names.setdefault(r_together.script_name(fit_of(name)), []).append(name)
        assert [runs for runs in names.values() if len(runs) > 1] == []

    def test_they_hold_no_small_cell_and_say_what_the_data_are(self, tmp_path):
        for name in (HINTS[0], SYNTHETIC[0]):
            script, _ = written(name, tmp_path / name)
            text = script.read_text(encoding="utf-8")
            assert ("SYNTHETIC" in text[:500]) == (name in SYNTHETIC)
            assert "@{" not in text
            rows = re.search(r'read.csv\(text = "(.*?)"', text, re.DOTALL)[1]
            heads, *lines = rows.splitlines()
            place = heads.split(",").index("n")
            people = [int(line.split(",")[place]) for line in lines]
            assert min(people) >= 20

    @pytest.mark.parametrize("facts", [{"kind": "supplied"}, {"kind": "real", "rounding": 5}])  # fmt: skip
    def test_totals_that_may_not_leave_are_in_no_script(
        self, facts, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("TRUSTLIB_RUN_FOLDER", str(tmp_path))
        frame = pd.DataFrame({"y": [0.0, 1.0, 1.0] * 80, "a": ["m", "w"] * 120})
        frame["b"] = (["x"] * 2 + ["z"] * 2) * 60
        design = tl.SurveyDesign(frame, weight=None, source=facts)
        fit = tl.fit_logit(tl.compress(design, "y", ["a", "b"]), "a * b")
        r_together.write_script(fit, ["a", "b"], ["a", "b"], "A pair")
        assert list(tmp_path.iterdir()) == []


class TestPages:
    def test_a_run_with_a_script_gets_the_section_before_its_origin(self, tmp_path):
        from nbformat.v4 import new_notebook

        facts = {"kinds": ["synthetic"], "data": {}, "manifest": [], "conventions": {}}
        facts |= {"template": "t.ipynb", "template_sha256": "2" * 64, "libraries": {}}
        facts |= {"trustlib": "1", "python": "3", "parameters": {}}
        (tmp_path / "scripts").mkdir()
        (tmp_path / "scripts" / f"a{SCRIPT}").write_text("1")
        notebook = new_notebook(cells=[])
        finish(notebook, tmp_path, facts)
        asks, origin = (cell.source for cell in notebook.cells)
        assert asks.startswith("## Do not trust us: ask R")
        link = f"{{download}}`a{EXPECTED}, synthetic <scripts/a{EXPECTED}>`"
        assert "::::{ask-r}" in asks
        assert link in asks
        assert origin.startswith("## Where these numbers come from")

    def test_only_a_page_that_asks_may_open_a_frame(self, tmp_path):
        head = "<html><head><meta charset='utf-8'></head><body>{}</body></html>"
        plain = lighten(head.format("<main></main>"), Path("a.html"))
        asking = lighten(head.format("<div class='ask-r'></div>"), Path("b.html"))
        policies = [
            BeautifulSoup(html, "html.parser").select_one("meta[http-equiv]")["content"]
            for html in (plain, asking)
        ]
        assert policies == [policy_for([]), policy_for([], asks_r=True)]
        assert policies[1] == f"{policies[0]}; frame-src 'self'"
        (tmp_path / "a.html").write_text(plain.replace(*policies), encoding="utf-8")
        (tmp_path / "b.html").write_text(asking, encoding="utf-8")
        faults = missing_policies(tmp_path)
        assert [fault.partition(":")[0] for fault in faults] == ["a.html"]

    def test_the_page_with_r_may_ask_its_own_site_alone(self):
        html = (WEB / "ask_r.html").read_text(encoding="utf-8")
        soup = BeautifulSoup(html, "html.parser")
        policy = soup.select_one("meta[http-equiv]")["content"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules == {
            "default-src": "'none'",
            "script-src": "'self' 'unsafe-eval'",
            "worker-src": "blob:",
            "connect-src": "'self'",
        }
        first = soup.head.select_one("meta[http-equiv], script, link, style")
        assert first.name == "meta"
        assert soup.select("script:not([src])") == []

    def test_what_every_such_page_loads_is_small(self):
        html = panel("_static/ask-r", 21)
        loaded = re.findall(r'(?:src|href)="_static/ask-r/([\w.]+)"', html)
        assert sorted(loaded) == ["ask_r.css", "ask_r.js"]
        assert set(loaded) < set(FILES)
        assert sum((WEB / name).stat().st_size for name in loaded) < 20_000


def package(pin: webr.Pin, files: dict[str, bytes], place: Path) -> webr.Pin:
    """A package of some files, and its pin."""
    with tarfile.open(place, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    digest = b64encode(sha512(place.read_bytes()).digest()).decode()
    return webr.Pin(pin.name, pin.version, digest)


FILES_OF_R = {f"dist/{name}": b"x" * 100 for name in webr.PROGRAMS}
FILES_OF_R |= {"LICENSE.md": b"GPL", "dist/unneeded.map": b"x"}
FILES_OF_R |= {
    "package.json": json.dumps({"repository": {"url": "git+the-source"}}).encode()
}


class TestWebR:
    PIN = webr.Pin("webr", "9.9.9", "")

    @pytest.fixture
    def project(self, tmp_path, monkeypatch):
        """A project that pins a package, and an npm that brings it from beside it."""
        brought = tmp_path / "brought.tgz"
        pin = package(self.PIN, FILES_OF_R, brought)
        (tmp_path / webr.PIN).write_text(json.dumps(vars(pin)))
        monkeypatch.setattr(webr, "_npm", lambda root, place: ["npm"])

        def pack(command: list[str]) -> bool:
            assert command[:3] == ["npm", "pack", "webr@9.9.9"]
            shutil.copy(brought, Path(command[-1]) / "webr.tgz")
            return True

        monkeypatch.setattr(webr, "_done", pack)
        return tmp_path

    def test_it_brings_what_a_page_needs_with_licence_and_source(self, project):
        assert webr.copy_of_webr(project) is None
        assert "is here: webr 9.9.9" in webr.fetch(project)
        folder = webr.copy_of_webr(project)
        made = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert made == {*webr.PROGRAMS, "LICENSE.md", "SOURCE.txt", "webr.json"}
        told = (folder / "SOURCE.txt").read_text()
        assert "v9.9.9 of the-source" in " ".join(told.split())

    def test_it_is_fetched_once(self, project, monkeypatch):
        webr.fetch(project)
        monkeypatch.setattr(webr, "_npm", lambda root, place: pytest.fail("again"))
        assert "is here" in webr.fetch(project)

    def test_another_pin_is_fetched_anew(self, project):
        webr.fetch(project)
        pin = project / webr.PIN
        pin.write_text(pin.read_text() + "\n")
        assert webr.copy_of_webr(project) is None
        assert "is here" in webr.fetch(project)

    def test_another_file_than_the_one_pinned_is_refused(self, project):
        package(self.PIN, FILES_OF_R | {"dist/R.js": b"other"}, project / "brought.tgz")
        words = ("SHA-512", "Nothing of it was unpacked")
        refused(lambda: webr.fetch(project), tl.RunError, RuntimeError, *words)
        assert not (project / webr.FOLDER).exists()

    def test_a_package_without_what_is_needed_is_refused(self, project):
        files = {k: v for k, v in FILES_OF_R.items() if not k.endswith("R.wasm")}
        pin = package(self.PIN, files, project / "brought.tgz")
        (project / webr.PIN).write_text(json.dumps(vars(pin)))
        word = "no file dist/R.wasm"
        refused(lambda: webr.fetch(project), tl.RunError, RuntimeError, word)
        assert webr.copy_of_webr(project) is None

    @pytest.mark.parametrize("fails", ["_npm", "_done"])
    def test_without_npm_or_network_one_line_says_so(self, project, monkeypatch, fails):
        monkeypatch.setattr(webr, fails, lambda *given: None)
        told = webr.fetch(project)
        assert told == f"webr 9.9.9 could not be fetched. {webr.OTHERWISE}"
        assert len(told.splitlines()) == 1

    def test_the_npm_of_a_wheel_is_used_where_there_is_none(
        self, tmp_path, monkeypatch
    ):
        ran = []

        def install(command: list[str]) -> bool:
            ran.append(command)
            for part in webr.NPM_OF_WHEEL:
                path = Path(command[command.index("--target") + 1]) / part
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            return True

        monkeypatch.setattr(webr.shutil, "which", lambda name: None)
        monkeypatch.setattr(webr, "_done", install)
        node, npm = webr._npm(ROOT, tmp_path)
        assert Path(node).name == "node"
        assert Path(npm).name == "npm-cli.js"
        assert "--require-hashes" in ran[0]
        assert str(ROOT / webr.LOCK) in ran[0]

    def test_the_pin_names_a_version_and_a_hash_and_no_address(self):
        text = (ROOT / webr.PIN).read_text(encoding="utf-8")
        pin = webr.Pin.read(ROOT / webr.PIN)
        assert re.fullmatch(r"\d+\.\d+\.\d+", pin.version)
        assert re.fullmatch(r"[A-Za-z0-9+/]{86}==", pin.sha512)
        for part in (text, (ROOT / webr.LOCK).read_text(encoding="utf-8")):
            assert not re.findall(r"\w+://|--(?:index|extra-index|find-links)", part)
