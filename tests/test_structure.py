"""The house rules that can be measured: import order, sizes, late imports, templates, contents, typed numbers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from modules import MODULES, ROOT, imports
from trustbook.runs import load_plan

ORDER = [
    {"trustlib.errors"},
    {"trustlib.escaping", "trustlib.stratified"},
    {
        "trustlib.variance",
        "trustlib.disclosure",
        "trustlib.answers",
        "trustlib.decimals",
        "trustlib.header_rows",
        "trustlib.expressions",
        "trustlib.scales",
        "trustlib.writing.disk",
        "trustlib.writing.refusals",
    },
    {"trustlib.sources", "trustlib.adjustment"},
    {"trustlib.rounding"},
    {
        "trustlib.yaml12",
        "trustlib.bands",
        "trustlib.missing_words",
        "trustlib.sheet_layout",
        "trustlib.ordering",
        "trustlib.personal",
        "trustlib.significance",
        "trustlib.newton",
        "trustlib.writing.files",
    },
    {
        "trustlib.writing.folders",
        "trustlib.masking",
        "trustlib.delimited",
        "trustlib.workbooks",
        "trustlib.r_reader",
    },
    {"trustlib.writing", "trustlib.keyed_noise"},
    {
        "trustlib.forms",
        "trustlib.intervals",
        "trustlib.drawing",
        "trustlib.grouping",
        "trustlib.formulas",
        "trustlib.values",
        "trustlib.glm",
        "trustlib.parts",
    },
    {"trustlib.random_intercepts", "trustlib.syntax", "trustlib.encoding"},
    {"trustlib.evaluation", "trustlib.between_strata"},
    {
        "trustlib.conditions",
        "trustlib.engines",
        "trustlib.opening",
        "trustlib.schedulers",
        "trustlib.strata",
        "trustlib.axes",
        "trustlib.merging",
        "trustlib.sealed_files",
    },
    {
        "trustlib.domains",
        "trustlib.weight_checks",
        "trustlib.meanings",
        "trustlib.files",
        "trustlib.labelled_reader",
    },
    {"trustlib.design_columns"},
    {"trustlib.schema"},
    {"trustlib.design"},
    {"trustlib.cells"},
    {"trustlib.compression", "trustlib.weighting", "trustlib.protection"},
    {"trustlib.terms"},
    {"trustlib.logit"},
    {"trustlib.estimates"},
    {
        "trustlib.margins",
        "trustlib.comparisons",
        "trustlib.precision",
        "trustlib.stacking",
    },
    {"trustlib.levels"},
    {
        "trustlib.interaction",
        "trustlib.tabulation",
        "trustlib.maihda",
        "trustlib.pooling",
    },
    {"trustlib.tables", "trustlib.letters"},
    {"trustlib.figures"},
    {
        "trustlib.review.links",
        "trustlib.review.imputation",
        "trustlib.review.residuals",
        "trustlib.review.curve",
        "trustlib.review.yes_saying",
    },
    {
        "trustlib.review.sensitivity",
        "trustlib.review.attrition",
        "trustlib.review.terms",
        "trustlib.review.outside",
        "trustlib.review.unadjusted",
        "trustlib.review.refusals",
    },
    {"trustlib.review.panel"},
    {"trustlib.review.diagnostics"},
    {
        "trustlib.record.programmes",
        "trustlib.record.printed",
        "trustlib.record.facts",
        "trustlib.record.targets",
        "trustlib.record.entropy",
    },
    {
        "trustlib.record.audit",
        "trustlib.record.arithmetic",
        "trustlib.record.true_model",
        "trustlib.record.people",
    },
    {
        "trustlib.record.questions",
        "trustlib.record.calibration",
        "trustlib.record.region",
    },
    {"trustlib.record.simulate"},
    {"trustbook.utf8"},
    {
        "trustbook.answer_order",
        "trustbook.known_designs",
        "trustbook.mathml",
        "trustbook.plans",
        "trustbook.policy",
        "trustbook.told",
        "trustbook.pages",
        "trustbook.resources",
        "trustbook.building",
        "trustbook.start",
        "trustbook.file_facts",
        "trustbook.puzzle",
        "trustbook.r_design",
        "trustbook.verdicts",
        "trustbook.differences",
        "trustbook.clear",
        "trustbook.participation",
        "trustbook.replicates",
        "trustbook.wizard.asking",
        "trustbook.speed",
    },
    {"trustbook.known_identities"},
    {"trustbook.survey_columns"},
    {"trustbook.rare_answers"},
    {
        "trustbook.engine",
        "trustbook.column_proposals",
        "trustbook.comparable",
        "trustbook.rows.spelling",
        "trustbook.rows.windows",
        "trustbook.survey_keys",
        "trustbook.wizard.answers",
    },
    {"trustbook.rows.records", "trustbook.rows.own"},
    {
        "trustbook.rows.parts",
        "trustbook.rows.matching",
        "trustbook.wizard.designs",
        "trustbook.wizard.mapping_text",
    },
    {
        "trustbook.rows.papers",
        "trustbook.rows.pictures",
        "trustbook.rows.tables",
    },
    {"trustbook.rows.unpacking"},
    {"trustbook.leaks", "trustbook.cells_json"},
    {"trustbook.sealing", "trustbook.runs.run"},
    {"trustbook.large_files"},
    {"trustbook.attacks.published"},
    {"trustbook.attacks.guesses"},
    {"trustbook.attacks.integers", "trustbook.attacks.differences"},
    {
        "trustbook.attacks.classes",
        "trustbook.attacks.clusters",
        "trustbook.attacks.constant",
        "trustbook.attacks.counts",
        "trustbook.attacks.covariance",
        "trustbook.attacks.dominance",
        "trustbook.attacks.margins",
        "trustbook.attacks.outcomes",
        "trustbook.attacks.pages",
        "trustbook.attacks.releases",
        "trustbook.attacks.shares",
        "trustbook.attacks.variants",
    },
    {"trustbook.attacks.registry"},
    {"trustbook.runs.plan", "trustbook.runs.freshness", "trustbook.runs.displays"},
    {"trustbook.runs.making"},
    {"trustbook.runs.worker", "trustbook.runs.execution"},
    {"trustbook.runs"},
    {
        "trustbook.findings",
        "trustbook.attack",
        "trustbook.families",
        "trustbook.record_answers",
        "trustbook.supplied",
    },
    {"trustbook.proposal"},
    {
        "trustbook.stand_in_answers",
        "trustbook.audit_lines",
        "trustbook.cards",
        "trustbook.explorer",
        "trustbook.headline",
        "trustbook.wizard.offers",
    },
    {
        "trustbook.ledger",
        "trustbook.release",
        "trustbook.refused",
        "trustbook.own_figures",
    },
    {
        "trustbook.bases",
        "trustbook.editions",
        "trustbook.run_tables",
        "trustbook.short_titles",
        "trustbook.wizard.menu",
        "trustbook.wizard.variables",
    },
    {"trustbook.choice", "trustbook.wizard.dialogue"},
    {"trustbook.run_order"},
    {"trustbook.forecast"},
    {
        "trustbook.calculation",
        "trustbook.lesson_forms",
        "trustbook.r_script_parts",
        "trustbook.pictures.style",
        "trustbook.pictures.belonging",
        "trustbook.pictures.loglog",
    },
    {"trustbook.exercises", "trustbook.lesson_numbers"},
    {"trustbook.lesson_texts"},
    {"trustbook.lessons"},
    {"trustbook.lesson_notebooks"},
    {"trustbook.pictures.rows"},
    {"trustbook.exercise_html"},
    {
        "trustbook.r_scripts",
        "trustbook.r_together",
        "trustbook.pictures.slide",
        "trustbook.pictures.together",
        "trustbook.pictures.several",
        "trustbook.pictures.upset",
    },
    {"trustbook.commands.console"},
    {"trustbook.dossier", "trustbook.webr"},
    {"trustbook.summary", "trustbook.replicate_file"},
    {"trustbook.judged", "trustbook.site", "trustbook.found"},
    {"trustbook.found_page", "trustbook.committee.content"},
    {
        "trustbook.committee.one_page",
        "trustbook.committee.word",
        "trustbook.committee.workbook",
    },
    {"trustbook.committee", "trustbook.private_pages"},
    {"trustbook.private_book"},
    {
        "trustbook.commands.survey",
        "trustbook.commands.cells",
        "trustbook.commands.record",
        "trustbook.commands.book",
    },
    {"trustbook.commands.beginning"},
    {"trustbook.cli"},
    {"trustbook.years", "trustbook.trials", "trustbook.twice", "trustbook.panels"},
    {
        "trustbook.sphinx.finding",
        "trustbook.sphinx.folds",
        "trustbook.sphinx.formulas",
        "trustbook.sphinx.heads",
        "trustbook.sphinx.icons",
        "trustbook.sphinx.leftbar",
        "trustbook.sphinx.not_found",
        "trustbook.sphinx.search_data",
        "trustbook.sphinx.stylesheet",
    },
    {"trustbook.sphinx.terms"},
    {"trustbook.sphinx.accessible"},
    {"trustbook.sphinx.directives"},
    {"trustbook.sphinx.record_pages"},
    {"trustbook.sphinx.ledger_numbers"},
    {"trustbook.sphinx.card_pages"},
    {"trustbook.sphinx.light"},
    {
        "trustbook.sphinx.gallery_pages",
        "trustbook.sphinx.codebook_pages",
        "trustbook.sphinx.protection_pages",
        "trustbook.sphinx.speed_pages",
        "trustbook.sphinx.stand_in_pages",
    },
    {
        "trustbook.sphinx.ask_r_pages",
        "trustbook.sphinx.audit_pages",
        "trustbook.sphinx.explorer_pages",
        "trustbook.sphinx.ledger_pages",
        "trustbook.sphinx.lesson_pages",
        "trustbook.sphinx.simulation_pages",
    },
    {"trustbook.sphinx.headline_pages"},
    {"trustbook.sphinx.evidence.arithmetic", "trustbook.sphinx.evidence.plan"},
    {"trustbook.sphinx.evidence.lookup", "trustbook.sphinx.panel_pages"},
    {"trustbook.sphinx.evidence.numbers", "trustbook.sphinx.panel_sliders"},
    {"trustbook.sphinx.evidence.page", "trustbook.sphinx.evidence.worked"},
    {
        "trustbook.sphinx.evidence.sections",
        "trustbook.sphinx.evidence.figure",
        "trustbook.sphinx.evidence.tables",
        "trustbook.sphinx.evidence.contrasts",
    },
    {"trustbook.sphinx.evidence.contents"},
    {"trustbook.sphinx.evidence_pages"},
]
PICTURES = {
    "trustlib.figures",
    "trustlib.review.curve",
    "trustbook.pictures.slide",
    "trustbook.pictures.style",
}
# One page of paper is drawn, and measured before it is.
DRAWN = PICTURES | {"trustlib.letters", "trustbook.committee.one_page"}
ONLY = {
    "great_tables": {"trustlib.tables"},
    "seaborn": PICTURES,
    "matplotlib": DRAWN,
    "docx": {"trustbook.committee.word"},
    "pypdf": {"trustbook.rows.papers"},
    "xlsxwriter": {"trustbook.committee.workbook"},
    "papermill": {"trustbook.runs.plan", "trustbook.engine"},
    "pandera": {"trustlib.record.printed"},
    "pydantic": {"trustlib.forms"},
    "pyreadstat": {
        "trustlib.labelled_reader",
        "trustbook.file_facts",
    },  # processes of their own
    "rdata": {"trustlib.r_reader"},  # in such a process too
    "statsmodels": {"trustlib.glm"},
    "formulaic": {"trustlib.encoding"},
    "firthmodels": {"trustlib.review.links"},
    "typer": {
        "trustbook.cli",
        "trustbook.wizard.asking",
        *(m for m in MODULES if m.startswith("trustbook.commands")),
    },
    "bs4": {
        "trustbook.site",
        "trustbook.sphinx.accessible",
        "trustbook.sphinx.card_pages",
        "trustbook.sphinx.folds",
        "trustbook.sphinx.heads",
        "trustbook.sphinx.leftbar",
        "trustbook.sphinx.terms",
        "trustbook.sphinx.icons",
        "trustbook.sphinx.light",
        "trustbook.sphinx.search_data",
    },
}
# What starts another program in Python names a module: a text is checked by nothing.
IN_A_STRING = re.compile(r"""["']-c["'],|\bexec\(|\beval\(""")
LATE = ("statsmodels", "matplotlib", "seaborn", "papermill", "pydantic", "pandera", "pyreadstat", "rdata", "great_tables", "formulaic", "firthmodels", "sklearn",
        "scipy.stats", "scipy.optimize", "IPython", "importlib.metadata", "email")  # fmt: skip
TEMPLATES = sorted((ROOT / "notebooks" / "templates").glob("*.ipynb"))


def test_modules_import_only_what_comes_before_them():
    place = {name: i for i, level in enumerate(ORDER) for name in level}
    assert set(MODULES) == set(place), (
        "a module was added or removed: give it its place in ORDER"
    )
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        for target in imports(path) & set(place)
        if place[target] >= place[name]
    ]
    assert not wrong, (
        "move what both need into a module further down in ORDER, or, if nothing is "
        "wrong with the import, the importing module further up"
    )


def of_other_tests(path: Path, modules: set[str]) -> set[str]:
    """The test modules that a file imports."""
    return {
        part for name in imports(path) for part in name.split(".") if part in modules
    }


TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
TEST_MODULES = {path.stem for path in TESTS}


def test_no_test_module_imports_another():
    wrong = {
        path.stem: sorted(others)
        for path in TESTS
        if (others := of_other_tests(path, TEST_MODULES))
    }
    assert not wrong, (
        "move what both need: frames, cells and designs into tests/samples.py, what a "
        "refusal is held to into tests/contract.py, a fixture into tests/conftest.py"
    )


@pytest.mark.parametrize(
    "line",
    [
        "from test_fuzz import made",
        "import test_fuzz as fuzz",
        "from tests.test_fuzz import made",
        "def late():\n    from test_fuzz import made",
    ],
)
def test_the_check_for_imports_between_tests_can_fail(line, tmp_path):
    path = tmp_path / "test_new.py"
    path.write_text(f"from samples import people\n{line}\n")
    assert of_other_tests(path, TEST_MODULES) == {"test_fuzz"}


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_heavy_library_has_one_home(library):
    users = {
        name
        for name, path in MODULES.items()
        if any(m.split(".")[0] == library for m in imports(path))
    }
    assert users <= ONLY[library], (
        f"call {library} by way of {', '.join(sorted(ONLY[library]))}, or give the "
        "module its place in ONLY if it is a second home on purpose"
    )


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_program_is_held_in_a_string(name):
    text = MODULES[name].read_text(encoding="utf-8")
    assert not IN_A_STRING.search(text), (
        "make it a module that is run with -m: then it is typed, linted and tested"
    )


def test_the_check_for_programs_in_strings_can_fail():
    assert IN_A_STRING.search('[sys.executable, "-c", CODE]')
    assert IN_A_STRING.search("exec(code)")
    assert not IN_A_STRING.search("process.exec_module(), execute(cell), evaluate(x)")


def test_importing_trustlib_imports_nothing_heavy():
    code = f"import sys, trustlib; print([m for m in {LATE} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]", (
        "import these inside the function that needs them: whoever imports trustlib "
        "does not wait for them"
    )


def test_everything_named_in_all_exists_and_is_documented():
    import trustlib

    assert sorted(trustlib.__all__) == sorted(set(trustlib.__all__)), (
        "a name stands twice in __all__ of trustlib: take one out"
    )
    for name in trustlib.__all__:
        assert (getattr(trustlib, name).__doc__ or "").strip(), (
            f"{name} is public: give it a docstring"
        )


def test_every_public_name_has_its_place_in_the_reference():
    import trustlib
    from trustlib import review
    from trustlib.review import panel

    pages = (ROOT / "book" / "library").glob("*.md")
    text = "\n".join(page.read_text() for page in pages)
    named = re.findall(r"^\.\. auto(?:function|class|exception):: (\S+)", text, re.M)
    assert len(named) == len(set(named)), "a name has two places: an anchor is one"
    wanted = {f"trustlib.{name}" for name in trustlib.__all__}
    wanted |= {f"trustlib.review.{name}" for name in review.__all__}
    wanted |= {f"trustlib.review.panel.{name}" for name in panel.__all__}
    wanted -= {"trustlib.review.panel"}
    lacking = sorted(wanted - set(named) - {"trustlib.review.Report"})
    assert not lacking, "name it on the page of its road in book/library/"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.stem)
def test_a_template_is_short_linear_and_empty(path):
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert len(code) <= 12, (
        f"{len(code)} code cells: at most 12, so move steps into a function of trustbook"
    )
    assert all(not c.outputs and c.execution_count is None for c in code), (
        "strip the outputs of templates"
    )
    tree = ast.parse("\n".join(c.source for c in code))
    loops = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda)
    assert not [n for n in ast.walk(tree) if isinstance(n, loops)], (
        "notebooks call, the library computes"
    )
    tagged = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1, "tag exactly one cell with 'parameters'"
    declared = {
        t.id
        for n in ast.parse(tagged[0].source).body
        if isinstance(n, ast.Assign)
        for t in n.targets
    }
    used = {
        m
        for c in notebook.cells
        if c.cell_type == "markdown"
        for m in re.findall(r"@\{(\w+)\}", c.source)
    }
    assert used <= declared | {
        f"{name}_{end}" for name in declared for end in ("plus", "1", "2")
    }, "declare what a text names as @{name} in the cell tagged 'parameters'"
    assert not any(".frame" in c.source for c in code), (
        "a page shows estimates through the gate, never their frame"
    )


# What is exact behind what is shown: for the analyst.
FOR_THE_ANALYST = {"counts", "frame", "missing", "people", "smallest", "vcov"}


def shown_to_no_reader(code: str) -> set[str]:
    """What code takes of a result that is for the analyst, by name or by a name in quotes."""
    tree = ast.parse(code)
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call)
        if called and getattr(node.func, "id", "") in ("getattr", "vars", "asdict"):
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
            names |= {"vars"} if node.func.id != "getattr" else set()
    return names & {*FOR_THE_ANALYST, "vars", "__dict__", "_frame"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.stem)
def test_a_template_shows_nothing_that_is_for_the_analyst(path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert not shown_to_no_reader(code), (
        "exact numbers of people, small ones too, stand in these: show the estimates "
        "with tl.table, or people with trustbook.supplied.shown_account"
    )


@pytest.mark.parametrize(
    "line",
    [
        "cells.missing",
        "display(cells.counts(axes))",
        "print(levels.smallest.min())",
        "getattr(cells, 'missing')",
        "fit.smallest",
        "cells.frame.head()",
        "vars(cells)",
        "cells.__dict__",
        "levels.people.count",
    ],
)
def test_the_check_of_what_is_for_the_analyst_can_fail(line):
    assert shown_to_no_reader(line)


def test_docstrings_say_what_is_for_the_analyst():
    import trustlib as tl
    from trustlib.significance import TestResult

    said = {
        "missing": attribute_in(tl.Cells, "missing"),
        "counts": tl.Cells.counts.__doc__,
        "smallest": attribute_in(tl.Estimates, "smallest"),
        "smallest of a model": tl.LogitFit.smallest.__doc__,
        "smallest of tests": attribute_in(TestResult, "smallest"),
        "frame": attribute_in(tl.Estimates, "frame"),
    }
    silent = {
        name
        for name, text in said.items()
        if "for the analyst, not for publication" not in " ".join(text.split())
    }
    assert not silent


def attribute_in(kind: type, name: str) -> str:
    """What the docstring of a class says of an attribute."""
    text = (kind.__doc__ or "").partition("Attributes\n")[2]
    return re.split(r"\n    (?=\w)", text.partition(f"\n    {name} : ")[2])[0]


def test_every_run_with_a_page_is_in_the_contents_once_and_no_other():
    ids = [run.id for run in load_plan(ROOT / "notebooks" / "runs.yml") if run.page]
    listed = re.findall(r"_runs/([\w-]+)/([\w-]+)", (ROOT / "_toc.yml").read_text())
    assert all(folder == page for folder, page in listed), (
        "_toc.yml names the page of a run as _runs/<run>/<run>"
    )
    folders = [folder for folder, _ in listed]
    lacking = sorted(set(ids) - set(folders))
    assert not lacking, "name them in _toc.yml, or give the run `page: false`"
    unknown = sorted(set(folders) - set(ids))
    assert not unknown, "no such run in notebooks/runs.yml: take them out of _toc.yml"
    assert sorted(folders) == sorted(ids), "a page stands twice in _toc.yml"


def pages() -> list[tuple[str, str]]:
    """The texts that readers meet: pages of the book and markdown of the templates."""
    own = (
        p
        for p in (ROOT / "book").rglob("*.md")
        if not {"_runs"} & set(p.relative_to(ROOT / "book").parts)
    )
    texts = [(p.name, p.read_text()) for p in sorted(own)]
    for path in TEMPLATES:
        cells = nbformat.read(path, as_version=4).cells
        texts.append(
            (
                path.name,
                "\n\n".join(c.source for c in cells if c.cell_type == "markdown"),
            )
        )
    return texts


TYPED = re.compile(r"\d[\d.,]*\s*(?:%|percent\b|percentage points?\b|points?\b)")
ALLOWED = re.compile(r"95 % interval|95 % confidence|0 and 100 percent")


@pytest.mark.parametrize(
    ("name", "text"), pages(), ids=lambda v: v if len(v) < 40 else "text"
)
def test_no_percentage_is_typed_into_prose(name, text):
    prose = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", "", text, flags=re.DOTALL)
    assert not TYPED.findall(ALLOWED.sub("", prose)), (
        "print it with {finding} or {record}"
    )


def test_the_check_for_typed_percentages_can_fail():
    assert TYPED.findall("82 % of people")
    assert TYPED.findall("a gap of 35 points")
    assert TYPED.findall("47 percent")


def test_every_finding_is_used_and_every_use_is_a_finding():
    known = yaml.safe_load((ROOT / "book" / "findings.yml").read_text())
    used = {m for _, text in pages() for m in re.findall(r"\{finding\}`([\w-]+)", text)}
    unknown = sorted(used - set(known))
    assert not unknown, "add these findings to book/findings.yml, or mend the {finding}"
    ours = {name for name, facts in known.items() if "published" not in facts}
    unused = sorted(ours - used)
    assert not unused, (
        "cite these with {finding}, or take them out of book/findings.yml"
    )
