"""Long proofs: each is of the present state of its subject, none is lost, and what is recorded is what passed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

import proofs
from modules import MODULES, ROOT
from proofs import HERE, Outcomes, Proof

PROOFS = {proof.test: proof for proof in proofs.read(proofs.RECORD)}


def marked() -> set[str]:
    """The tests and classes with the mark, below ``tests/``."""
    found = set()
    for path in HERE.rglob("test_*.py"):
        name = path.relative_to(HERE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {f"{name}::{place}" for place in _marked_in(tree)}
    return found


def _marked_in(tree: ast.AST) -> Iterator[str]:
    """The places of what is marked in a module or class."""
    for part in ast.iter_child_nodes(tree):
        if not isinstance(part, ast.FunctionDef | ast.ClassDef):
            continue
        if "pytest.mark.proof" in map(ast.unparse, part.decorator_list):
            yield part.name
        yield from (f"{part.name}::{within}" for within in _marked_in(part))


@pytest.mark.parametrize("test", PROOFS)
def test_a_proof_is_of_the_present_state(test):
    if PROOFS[test].is_due:
        pytest.fail(
            f"What {test} proves has changed since it was proved: run make proof and "
            "commit tests/proofs.yml.",
            pytrace=False,
        )


def test_every_proof_is_recorded_and_every_record_is_of_a_proof():
    assert marked() == set(PROOFS), "give it its entry in tests/proofs.yml"


def test_the_workflow_proves_again_what_was_recorded():
    text = (ROOT / ".github" / "workflows" / "proof.yml").read_text(encoding="utf-8")
    assert text.count("paths: [tests/proofs.yml]") == 2  # of a push and of a proposal
    assert "make proof ALL=1" in text


def test_the_state_is_of_all_that_is_imported():
    errors = MODULES["trustlib.errors"]
    found = proofs.within(MODULES, [MODULES["trustlib.pooling"]])
    assert {MODULES["trustlib.cells"], errors} < found
    assert proofs.within(MODULES, [errors]) < found


def test_any_change_of_the_subject_is_seen(tmp_path, monkeypatch):
    module = tmp_path / "one.py"
    module.write_text("VALUE = 1\n")
    (tmp_path / "test_one.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("a\n")
    monkeypatch.setattr(proofs, "MODULES", {"one": module})
    monkeypatch.setattr(proofs, "HERE", tmp_path)
    monkeypatch.setattr(proofs, "ROOT", tmp_path)
    proof = Proof("test_one.py::test_it", ["one", "data/"], "")
    states = [proof.state()]
    for path in ("one.py", "helper.py", "test_one.py", "data/rows.csv"):
        (tmp_path / path).write_text("VALUE = 2\n")
        states.append(proof.state())
    assert len(set(states)) == 5
    assert not replace(proof, proved=states[-1]).is_due


def test_a_subject_that_does_not_exist_is_refused():
    proof = Proof("test_proofs.py::test_it", ["trustlib.eror"], "")
    with pytest.raises(ValueError, match=r"'trustlib\.eror' is no module"):
        proof.state()


@pytest.mark.parametrize(
    ("reports", "proves"),
    [
        ([("[a]", "call", True), ("[b]", "call", True)], True),
        ([("", "setup", True), ("", "call", True)], True),
        ([("[a]", "call", True), ("[b]", "call", False)], False),
        ([("[a]", "call", True), ("[b]", "setup", False)], False),  # also if skipped
        ([("_too", "call", True)], False),
        ([], False),
    ],
)
def test_only_what_passed_is_proved(reports, proves):
    proof = Proof("test_one.py::test_it", [], "")
    heard = Outcomes()
    for ending, when, passed in reports:
        name = f"tests/test_one.py::test_it{ending}"
        report = SimpleNamespace(nodeid=name, when=when, passed=passed)
        heard.pytest_runtest_logreport(report)
    assert heard.prove(proof) == proves


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "proofs.yml"
    proofs.write(list(PROOFS.values()), path)
    assert proofs.read(path) == list(PROOFS.values())
    assert path.read_text(encoding="utf-8") == proofs.RECORD.read_text(encoding="utf-8")


@pytest.mark.parametrize("passes", [True, False])
def test_the_program_records_what_it_proved(tmp_path, monkeypatch, capsys, passes):
    record = tmp_path / "proofs.yml"
    [before, *_] = PROOFS.values()
    stale = replace(before, proved="of another state")
    proofs.write([stale], record)

    def run(arguments, plugins):
        assert arguments == ["-m", "proof", stale.id]
        report = SimpleNamespace(nodeid=stale.id, when="call", passed=passes)
        plugins[0].pytest_runtest_logreport(report)

    monkeypatch.setattr(pytest, "main", run)
    said = proofs.main(record=record)
    [after] = proofs.read(record)
    assert after.is_due != passes
    assert said.startswith("Not proved") != passes
    assert f"To be proved: {stale.test}" in capsys.readouterr().out
    if passes:
        assert proofs.main(record=record) == ""
        assert "All 1 proofs" in capsys.readouterr().out
