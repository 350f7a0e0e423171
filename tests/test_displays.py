"""What a notebook may show: estimates through the gate, never people, exact sums or bare numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import trustlib as tl
from trustbook import private_book
from trustbook.editions import EDITIONS
from trustbook.private_book import reproduce
from trustbook.runs import load_plan, run_all

ROOT = Path(__file__).parents[1]
MARK = EDITIONS["private"].mark
pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
START = """import pandas as pd
import trustlib as tl

people = tl.read_survey(file, mapping)
cells = tl.compress(tl.SurveyDesign(people, **tl.declared_design(mapping)), "low_trust", ["gender", "disability"])
est = tl.cell_means(cells)"""
REFUSED = {
    "head": "people.head()",
    "sample": "people.sample(3)",
    "person": "people.iloc[0]",
    "column": 'people["weight"]',
    "people": "print(people.head().to_string())",
    "people-csv": "print(people.head().to_csv(index=False))",
    "people-json": 'print(people.head().to_json(orient="records"))',
    "person-printed": "print(people.iloc[0].to_string())",
    "person-dictionary": "people.iloc[0].to_dict()",
    "markdown": 'display({"text/markdown": people.head().to_csv(sep="|")}, raw=True)',
    "html": 'display({"text/html": people.head().to_html(classes=[]).replace("dataframe", "x")}, raw=True)',
    "json": 'display({"application/json": people.head().to_dict()}, raw=True)',
    "describe": "people.describe()",
    "describe-printed": "print(people.describe().to_string())",
    "largest": "people.weight.max()",
    "largest-printed": "print(people.weight.max())",
    "largest-in-words": 'print(f"the largest weight is {people.weight.max():.9f}")',
    "weights": "people.weight.to_numpy()[:5]",
    "cells": "cells.frame",
    "cells-printed": "print(cells.frame.to_string())",
    "cells-sum": 'cells.frame["sum_w"].tolist()',
    "counts": 'cells.counts(["gender"])',
    "counts-printed": 'print(cells.counts(["gender"]))',
    "missing": "cells.missing",
    "missing-printed": "print(cells.missing.to_string())",
    "estimates": "est.frame",
    "estimates-printed": "print(est.frame.to_string())",
    "covariance": "est.vcov",
}
SHOWN = {
    "table": "tl.table(est)",
    "picture": "tl.forest(est)",
    "words": 'print(f"{len(people):,} people are on this page.")',
    "nothing": "fit = tl.fit_logit(cells, 'gender')",
}


def respondents(rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame({
        "id": [f"R{i * 7919:07d}" for i in range(rows)],
        "trust": rng.choice(["a little", "a lot"], rows),
        "sex": rng.choice(["Male", "Female"], rows),
        "disabled": rng.choice(["no", "yes"], rows, p=[0.7, 0.3]),
        "weight": rng.lognormal(0, 0.4, rows),
    })  # fmt: skip


MAPPING = {
    "source": {"id": "made", "kind": "supplied", "label": "made-up people"},
    "variables": {
        "low_trust": {"column": "trust", "values": {"a little": 1, "a lot": 0}},
        "gender": {"column": "sex", "values": {"Male": "man", "Female": "woman"}},
        "disability": {"column": "disabled", "values": {"no": "not disabled", "yes": "disabled"}},
    },
    "design": {"weight": "weight"},
}  # fmt: skip


def survey(folder: Path, kind: str = "supplied") -> tuple[Path, Path]:
    file, mapping = folder / "people.csv", folder / "mapping.yml"
    respondents().to_csv(file, index=False)
    source = {**MAPPING["source"], "kind": kind}
    mapping.write_text(json.dumps({**MAPPING, "source": source}))
    return file, mapping


def template(path: Path, source: str) -> None:
    notebook = new_notebook(
        cells=[
            new_code_cell('file = ""\nmapping = ""', metadata={"tags": ["parameters"]}),
            new_code_cell(START),
            new_code_cell(source),
        ]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}  # fmt: skip
    nbformat.write(notebook, path)


@pytest.fixture(scope="module", params=["supplied", "real"])
def failed(request, tmp_path_factory):
    """One run of each kind; the messages of those that were refused, and where results lie."""
    folder = tmp_path_factory.mktemp(request.param)
    survey(folder, request.param)
    (folder / "templates").mkdir()
    given = {"file": "../people.csv", "mapping": "../mapping.yml"}
    sources = REFUSED | SHOWN
    if request.param == "real":  # the rules are the same: a few of each kind
        few = ("head", "cells", "largest-printed", "table")
        sources = {name: sources[name] for name in few}
    for name, source in sources.items():
        template(folder / "templates" / f"{name}.ipynb", source)
    entries = [
        {"id": name, "template": name, "parameters": given, "page": False}
        for name in sources
    ]
    (folder / "runs.yml").write_text(json.dumps({"runs": entries}))
    return run_all(load_plan(folder / "runs.yml"), folder / "out"), folder, sources


@pytest.mark.slow
def test_a_run_that_shows_people_or_sums_is_refused_in_two_sentences(failed):
    messages, folder, sources = failed
    refused = set(REFUSED) & set(sources)
    assert set(messages) == refused
    for name in refused:
        sentence, hint = messages[name].splitlines()
        begin = sources[name].splitlines()[0][:80]
        assert sentence.startswith(f"Run {name} shows what is not for a page")
        assert begin in sentence or repr(begin) in sentence
        assert "tl.table" in hint
        assert not (folder / "out" / name).exists()
    text = "\n".join(messages.values())
    people = respondents()
    assert not [value for value in people.id if value in text]
    assert not [value for value in people.weight.astype(str) if value[:8] in text]


@pytest.mark.slow
def test_a_run_that_shows_estimates_is_put_in_place(failed):
    _, folder, sources = failed
    for name in set(SHOWN) & set(sources):
        assert (folder / "out" / name / f"{name}.ipynb").is_file()


# -- reproduce -------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A copy of what `reproduce` needs of the project, whose templates may be changed."""
    root = tmp_path / "root"
    for part in (
        "notebooks/templates",
        "book/_static",
        "data/published",
    ):
        shutil.copytree(ROOT / part, root / part)
    for name in ("_config.yml", "requirements.lock", "data/codebook.yml"):
        shutil.copy(ROOT / name, root / name)
    return root


def plant(path: Path, source: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell(source, metadata={"tags": ["hide-input"]}))
    nbformat.write(notebook, path)


@pytest.fixture
def old_book(tmp_path):
    out = tmp_path / "private"
    out.mkdir()
    (out / MARK).write_text("kept")
    return out


def require_as_it_was(out: Path) -> None:
    assert [path.name for path in out.iterdir()] == [MARK]
    assert (out / MARK).read_text() == "kept"


@pytest.mark.slow
def test_a_template_that_shows_cells_leaves_the_old_book(
    project, old_book, tmp_path, monkeypatch
):
    monkeypatch.setattr(private_book, "_build", lambda out: None)
    file, mapping = survey(tmp_path)
    for path in (project / "notebooks" / "templates").glob("*.ipynb"):
        plant(path, "cells.frame")
    with pytest.raises(tl.DisclosureError) as caught:
        reproduce(file, mapping, old_book, project, axes=["gender"])
    told = str(caught.value)
    assert "Templates show what is not for a page" in told
    assert "The former book, if there was one, is as it was." in told
    require_as_it_was(old_book)


WAYS = {
    "a page": lambda out, rows: (out / "_build" / "html" / "x.html").write_text(rows.to_html()),
    "a file beside": lambda out, rows: rows.to_parquet(out / "book" / "people.parquet"),
    "a run": lambda out, rows: rows.to_csv(out / "book" / "_runs" / "one.csv"),
    "recoded cells": lambda out, rows: rows[["sex", "weight"]].replace({"Male": "man", "Female": "woman"}).to_csv(out / "cells" / "x.csv"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_rows_in_the_new_book_leave_the_old_one(way, old_book, tmp_path, monkeypatch):
    def built(out):
        (out / "_build" / "html").mkdir(parents=True)
        WAYS[way](out, respondents().iloc[[7]])

    monkeypatch.setattr(private_book, "run_all", lambda *args, **more: {})
    monkeypatch.setattr(private_book, "_build", built)
    file, mapping = survey(tmp_path)
    with pytest.raises(tl.DisclosureError, match="stand in the new book") as caught:
        reproduce(file, mapping, old_book, ROOT)
    told = str(caught.value)
    row = respondents().iloc[7]
    assert row.id not in told
    assert str(row.weight)[:8] not in told
    require_as_it_was(old_book)


def test_a_new_book_without_rows_takes_its_place(old_book, tmp_path, monkeypatch):
    monkeypatch.setattr(private_book, "run_all", lambda *args, **more: {})
    monkeypatch.setattr(private_book, "_build", lambda out: None)
    file, mapping = survey(tmp_path)
    reproduce(file, mapping, old_book, ROOT)
    assert (old_book / "book" / "index.md").is_file()
