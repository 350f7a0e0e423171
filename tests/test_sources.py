"""The source of the data: one type, frozen, still the mapping that callers have."""

from __future__ import annotations

import ast
import copy
import dataclasses
import json
import operator
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from trustbook.runs import source_kind
from trustlib.disclosure import EVIDENCE
from trustlib.figures import surround
from trustlib.forms import MappingForm, attempt
from trustlib.merging import joint_source
from trustlib.significance import FTest, TestResult
from trustlib.sources import LEAST_ROUNDING, MOST_ROUNDING, Source
from trustlib.tables import evidence
from trustlib.writing import write_whole

ROOT = Path(__file__).parents[1]
FACTS = {"id": "office", "kind": "supplied", "label": "An office", "rounding": 5}
PEOPLE = pd.DataFrame({"g": ["a", "b"] * 60, "y": [1.0, 0.0, 0.0, 1.0] * 30, "w": 1.0})

facts = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=8),
        "kind": st.sampled_from([None, *EVIDENCE]),
        "label": st.text(max_size=8) | st.integers(1900, 2100),
        "rounding": st.none() | st.integers(LEAST_ROUNDING, MOST_ROUNDING),
        "weights": st.sampled_from(["weighted", "unweighted", "trimmed"]),
        "fielded": st.dates() | st.lists(st.integers()),
    },
)


def design(**options):
    return tl.SurveyDesign(PEOPLE, "w", source=dict(FACTS), **options)


# -- a mapping, as before -------------------------------------------------------------


@given(facts)
def test_a_source_is_the_mapping_that_was_given(given_facts):
    source = Source(given_facts)
    assert source == given_facts
    assert given_facts == source
    assert dict(source) == given_facts
    assert {**source} == given_facts
    assert list(source.items()) == list(given_facts.items())
    assert json.dumps(source, default=str) == json.dumps(given_facts, default=str)
    assert repr(source) == repr(given_facts)


@given(facts)
def test_a_copy_is_a_source_that_is_equal(given_facts):
    source = Source(given_facts)
    copies = [copy.copy(source), copy.deepcopy(source), Source.of(source)]
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    copies += [pickle.loads(pickle.dumps(source, protocol)) for protocol in protocols]
    for other in copies:
        assert isinstance(other, Source)
        assert other == source
        assert hash(other) == hash(source)


@given(facts, facts)
def test_what_is_put_together_is_what_dicts_give(one, other):
    source = Source(one)
    joined = source | other
    assert isinstance(joined, Source)
    assert joined == one | other
    assert other | source == other | one
    assert source == one, "the first is as it was"


@pytest.mark.parametrize(("label", "text"), [("L", "L"), (2022, "2022"), (None, None)])
def test_names_say_what_the_keys_say(label, text):
    source = Source(FACTS | {"label": label})
    assert (source.id, source.kind, source.label) == ("office", "supplied", text)
    assert source.rounding == 5
    assert Source(address="https://example.org").address == "https://example.org"
    assert source.weights == "weighted"
    assert source.evidence == EVIDENCE["supplied"]
    assert not source.is_synthetic
    nothing = Source()
    assert {nothing.id, nothing.kind, nothing.label, nothing.rounding} == {None}
    assert nothing.evidence == evidence({})


# -- it never changes -----------------------------------------------------------------

CHANGES = {
    "an item": lambda s: operator.setitem(s, "kind", "real"),
    "a new item": lambda s: operator.setitem(s, "note", "x"),
    "no item": lambda s: operator.delitem(s, "kind"),
    "in place": lambda s: operator.ior(s, {"kind": "real"}),
    "update": lambda s: s.update(kind="real"),
    "setdefault": lambda s: s.setdefault("note", "x"),
    "pop": lambda s: s.pop("kind"),
    "popitem": lambda s: s.popitem(),
    "clear": lambda s: s.clear(),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("carrier", ["alone", "cells", "estimates", "design"])
def test_nothing_changes_a_source_that_results_carry(name, carrier):
    cells = tl.compress(design(), "y", ["g"])
    carriers = {
        "alone": Source(FACTS),
        "cells": cells.source,
        "estimates": tl.cell_means(cells).source,
        "design": design().source,
    }
    source = carriers[carrier]
    with pytest.raises(TypeError, match="A source never changes"):
        CHANGES[name](source)
    assert source == FACTS


@pytest.mark.parametrize("name", ["kind", "rounding", "note"])
def test_its_names_cannot_be_given_other_values(name):
    source = Source(FACTS)
    with pytest.raises(AttributeError):
        setattr(source, name, "real")
    assert source == FACTS


def test_the_field_of_a_result_cannot_be_replaced():
    cells = tl.compress(design(), "y", ["g"])
    for frozen in (design(), cells, tl.cell_means(cells)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            frozen.source = Source(kind="real")


def test_what_a_caller_does_to_his_dict_later_reaches_nothing():
    given_facts = dict(FACTS)
    cells = tl.compress(tl.SurveyDesign(PEOPLE, "w", source=given_facts), "y", ["g"])
    given_facts["kind"] = "real"
    assert cells.source == FACTS


# -- one check, wherever a source comes in --------------------------------------------

HINTS = "Give a dict with id, kind and label."
BAD = {
    "a text": ("hints", "source is 'hints', expected a mapping"),
    "people": (PEOPLE, "source is a DataFrame, expected a mapping"),
    "answers": (["yes, I was hurt"], "source is a list, expected a mapping"),
    "a number as name": ({1: "x"}, "a fact of the source is called 1"),
    "a kind that is none": ({"kind": "reel"}, "there is no kind of source 'reel'"),
    "answers as kind": ({"kind": PEOPLE["g"]}, "the kind of the source is a series"),
    "rounding to one": ({"rounding": 1}, "rounding is 1, expected a whole number"),
    "rounding to nothing": ({"rounding": 0}, "rounding is 0, expected a whole number"),
    "rounding below zero": ({"rounding": -5}, "rounding is -5, expected a whole"),
    "rounding to half": ({"rounding": 2.5}, "rounding is 2.5, expected a whole number"),
    "rounding to too much": ({"rounding": 101}, "rounding is 101, expected a whole"),
    "rounding to no number": ({"rounding": np.nan}, "rounding is nan, expected a"),
    "rounding without end": ({"rounding": np.inf}, "rounding is inf, expected a"),
    "rounding to a text": ({"rounding": "5"}, "rounding is '5', expected a whole"),
    "rounding to truth": ({"rounding": True}, "rounding is true, expected a whole"),
    "rounding to a list": ({"rounding": [5]}, "rounding is a list, expected a whole"),
}
CARRIERS = {
    "itself": Source.of,
    "a design": lambda bad: tl.SurveyDesign(PEOPLE, "w", source=bad),
    "a frame": lambda bad: tl.SurveyDesign(with_attrs(bad), "w"),
    "cells": lambda bad: dataclasses.replace(
        tl.compress(design(), "y", ["g"]), source=bad
    ),
    "estimates": lambda bad: dataclasses.replace(
        tl.cell_means(tl.compress(design(), "y", ["g"])), source=bad
    ),
    "a test": lambda bad: TestResult.of_rows([FTest("wald", "g", 1.0, 1, 9.0)], bad),
    "several": lambda bad: joint_source([FACTS, bad]),
    "the note of a table": evidence,
}


def with_attrs(source):
    frame = PEOPLE.copy()
    frame.attrs["source"] = source
    return frame


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", BAD)
def test_a_source_that_cannot_be_is_refused_in_words(name, carrier):
    bad, words = BAD[name]
    with pytest.raises(tl.TrustlibError) as caught:
        CARRIERS[carrier](bad)
    message = str(caught.value)
    assert words in message.lower() or words in message
    assert caught.value.hint
    assert "hurt" not in message


@pytest.mark.parametrize("name", [n for n in BAD if isinstance(BAD[n][0], (str, dict))])
def test_a_mapping_file_is_held_to_the_same(name):
    bad, words = BAD[name]
    variables = {"y": {"values": {"1": 1, "0": 0}}}
    form, faults = attempt(MappingForm, {"source": bad, "variables": variables})
    assert form is None
    assert len(faults) == 1
    assert faults[0].startswith("source")
    assert words in faults[0].lower() or words in faults[0]


@given(facts)
def test_a_mapping_file_says_what_a_dict_says(given_facts):
    variables = {"y": {"values": {"1": 1, "0": 0}}}
    form = MappingForm(source=given_facts, variables=variables)
    said = {name: fact for name, fact in given_facts.items() if fact is not None}
    assert form.source == said


@pytest.mark.parametrize("five", [5, 5.0, np.int64(5), np.float32(5), Fraction(5)])
def test_rounding_is_a_whole_number_of_python(five):
    source = Source(rounding=five)
    assert type(source.rounding) is int
    assert json.loads(json.dumps(source)) == {"rounding": 5}


# -- from the frame to the reader ------------------------------------------------------


def test_a_source_goes_from_the_frame_to_what_is_shown(tmp_path):
    path = tmp_path / "people.csv"
    PEOPLE.to_csv(path, index=False)
    values = {"a": "a", "b": "b"}
    mapping = {
        "source": FACTS | {"kind": "synthetic", "note": None},
        "variables": {
            "group": {"column": "g", "values": values},
            "hurt": {"column": "y", "values": {1: 1, 0: 0}},
        },
        "design": {"weight": "w"},
    }
    said = FACTS | {"kind": "synthetic"}
    frame = tl.read_survey(path, mapping)
    subset = pd.concat([frame[frame["group"] == "a"], frame[frame["group"] == "b"]])
    for people in (frame, frame.copy(), subset):
        assert people.attrs["source"] == said
        made = tl.SurveyDesign(people)
        assert made.source == said
        assert made.domain("group == 'a'").source == said
        cells = tl.compress(made, "hurt", ["group"])
        assert isinstance(cells.source, Source)
        with write_whole(tmp_path / "cells.parquet") as own:
            cells.write_to(own)  # rounded sources have no exact cells to pass on
        back = tl.Cells.read(tmp_path / "cells.parquet")
        fit = tl.fit_logit(back, "group")
        results = [
            tl.cell_means(back),
            tl.coefficients(fit),
            tl.comparisons(tl.cell_means(cells)),
            tl.joint_test(tl.comparisons(tl.cell_means(back))),
        ]
        for result in results:
            assert isinstance(result.source, Source)
            assert result.source == said
            assert "SYNTHETIC" in tl.table(result).as_raw_html()


def test_a_design_without_a_source_takes_that_of_its_frame_and_none_is_none():
    frame = with_attrs({"kind": "real"})
    assert tl.SurveyDesign(frame, "w").source.kind == "real"
    assert tl.SurveyDesign(frame, "w", source={}).source == {}
    assert tl.SurveyDesign(PEOPLE, "w").source == {}
    assert tl.SurveyDesign(pa.table({"w": [1.0, 1.0]}), "w").source == {}


def test_results_go_through_asdict_and_pickle():
    cells = tl.compress(design(), "y", ["g"])
    again = pickle.loads(pickle.dumps(cells))
    assert again.source == FACTS
    assert isinstance(again.source, Source)
    assert copy.deepcopy(design()).source == FACTS
    test = TestResult.of_rows([FTest("wald", "g", 1.0, 1, 9.0)], FACTS)
    assert dataclasses.asdict(test)["source"] == FACTS


@given(st.lists(facts, min_size=1, max_size=4))
def test_a_joint_source_is_as_careful_as_its_most_careful_part(parts):
    joint = joint_source(parts)
    kinds = {part.get("kind") for part in parts}
    roundings = [part["rounding"] for part in parts if part.get("rounding")]
    assert joint.is_synthetic == ("synthetic" in kinds)
    assert joint.kind in kinds | {None}
    assert joint.rounding == max(roundings, default=None)
    assert joint_source([joint, *parts]).rounding == joint.rounding
    if all(part == parts[0] for part in parts):
        assert joint == parts[0]


def test_a_dict_is_enough_where_a_source_is_shown():
    from matplotlib.figure import Figure

    figure = Figure()
    surround(figure, "Yes", {"kind": "synthetic"}, "n")
    assert [text.get_text() for text in figure.texts].count("SYNTHETIC") == 1


@pytest.mark.parametrize(
    ("notes", "kind"),
    [
        ({"source": '{"kind": "synthetic"}'}, "synthetic"),
        ({"trustlib": '{"source": {"kind": "real"}}'}, "real"),
        ({"source": "R, package arrow"}, None),
        ({"source": "[1, 2]"}, None),
        ({"source": '{"kind": "a shop"}'}, None),
        ({"trustlib": "[]"}, None),
        ({"trustlib": '{"source": "x"}'}, None),
        ({}, None),
    ],
)
def test_a_parquet_file_says_its_kind_and_notes_of_others_say_none(
    notes, kind, tmp_path
):
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"w": [1.0]}).replace_schema_metadata(notes), path)
    assert source_kind(path) == kind


# -- no module asks a source by string -------------------------------------------------

FACTS_BY_NAME = {"id", "kind", "label", "address", "rounding", "weights"}


def by_string(text: str) -> list[str]:
    """Where code asks what ends in `source` for a fact: ``x.source["kind"]``."""
    asked = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Subscript(value=whole, slice=ast.Constant(value=fact)):
                pass
            case ast.Call(
                func=ast.Attribute(value=whole, attr="get"),
                args=[ast.Constant(value=fact), *_],
            ):
                pass
            case _:
                continue
        if fact in FACTS_BY_NAME and is_source(whole):
            asked.append(ast.unparse(node))
    return asked


def is_source(node: ast.AST) -> bool:
    """Whether an expression is a source, by its name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "source"
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name == "source"
        case ast.BoolOp(values=[first, *_]):
            return is_source(first)
    return False


def test_no_module_asks_a_source_by_string():
    wrong = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        asked = by_string(path.read_text(encoding="utf-8"))
        if asked:
            wrong[path.name] = asked
    assert not wrong, "use the names of trustlib.sources.Source: source.kind"


@pytest.mark.parametrize(
    "line",
    [
        'design.source["kind"]',
        'source.get("rounding", 1)',
        'frame.attrs["source"].get("label")',
        '(design.source or {}).get("id")',
    ],
)
def test_the_check_for_facts_asked_by_string_can_fail(line):
    assert by_string(line) == [line.replace('"', "'")]
    assert not by_string("source.kind")
