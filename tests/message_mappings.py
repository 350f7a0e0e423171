"""Messages of a mapping, by itself and with its file and design, each with what it advises."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat

from partner_steps import Case, after, first, mapped, mapping, people, planned

GOOD = people().to_csv(index=False)
GENDER = {"column": "sex", "values": {"m": "man", "f": "woman"}}
TRUST = {"column": "trust", "values": {"little": 1, "much": 0}}
AGE = {"young": [20, 39], "old": [40, 80]}


def text(content: str | bytes, **more: Any) -> Any:
    """``trustlib validate`` by a mapping that is written like this."""
    files = {"people.csv": GOOD, "m.yml": content, **more}
    return after(files, "validate", "people.csv", "--mapping", "m.yml")


def cut(bands: Any) -> Any:
    """The same with bands of age."""
    return mapped({"age_band": {"column": "age", "cut": bands}})


def gender(**rule: Any) -> Any:
    return mapped({"gender": {"column": "sex", **rule}})


def trust(**rule: Any) -> Any:
    return mapped({"low_trust": {"column": "trust", **rule}})


def with_codebook(variables: dict, made: dict | None = None) -> Any:
    """The same by a mapping with a codebook beside it."""
    files = {
        "people.csv": GOOD,
        "m.yml": mapping(made, codebook="codebook.yml"),
        "codebook.yml": {"variables": variables},
    }
    return after(files, "validate", "people.csv", "--mapping", "m.yml")


BOOK = {"low_trust": {"type": "binary"}, "gender": {"levels": ["man", "woman"]}}
BY_ROWS = {"any_of": [{"column": "trust", "values": {"little": 1, "much": 0}}]}
FORMS = (
    Case(
        "… is not valid YAML: …",
        text(mapping().replace("column: sex", "column: 'sex")),
        text(mapping()),
    ),
    Case(
        "… is a survey file, expected a mapping in YAML.",
        after({"people.csv": GOOD, "m.yml": mapping()}, "validate", "m.yml", "--mapping", "people.csv"),
        text(mapping()),
    ),
    Case(
        "… is not text in UTF-8.",
        text(mapping({"gender": {**GENDER, "label": "Geschlächt"}}).encode("latin-1")),
        text(mapping({"gender": {**GENDER, "label": "Geschlächt"}})),
    ),
    Case(
        "… is not a mapping of a survey file, … faults:",
        text("source: {kind: synthetic}\n# variables: {gender: {column: sex}}\n"),
        text("source: {kind: synthetic}\nvariables: {gender: {column: sex}}\n"),
    ),
    Case(
        "… is not a codebook, … faults:",
        text(mapping(codebook="codebook.yml"), **{"codebook.yml": "gender: [man, woman]\n"}),
        with_codebook(BOOK),
    ),
    Case("There is no key ….", gender(vales={"m": "man"}), gender(values=GENDER["values"])),
    Case(
        "There is no kind of source ….",
        mapped(source={"kind": "mine"}),
        mapped(source={"kind": "supplied"}),
    ),
    Case(
        "There is no codebook variable ….",
        with_codebook(BOOK, {"gendre": GENDER}),
        with_codebook(BOOK),
    ),
    Case(
        "There is no codebook variable ….",
        with_codebook(BOOK, {"town": {"column": "region"}}),
        text(mapping({"town": {"column": "region"}})),
        way="the line codebook taken out",
    ),
    Case(
        "a level is there twice in …",
        gender(**{**GENDER, "levels": ["man", "woman", "man"]}),
        gender(**{**GENDER, "levels": ["woman", "man"]}),
    ),
    Case(
        "answers declared more than once: …",
        gender(values=GENDER["values"], missing={"m": "refused"}),
        gender(values=GENDER["values"], missing={"x": "refused"}),
    ),
    Case(
        "answers declared more than once: …",
        gender(values=GENDER["values"], blank="man", missing={"": "no answer"}),
        gender(values=GENDER["values"], missing={"": "no answer"}),
        way="blank",
    ),
    Case(
        "no value is given for …; answers that mean missing stand in missing",
        gender(values={"m": "man", "f": None}),
        gender(values={"m": "man"}, missing={"f": "not asked"}),
    ),
    Case(
        "any_of lists columns with their values; column, values and missing stand within it",
        mapped({"low_trust": {**BY_ROWS, "missing": {"x": "refused"}}}),
        mapped({"low_trust": {"any_of": [{**BY_ROWS["any_of"][0], "missing": {"x": "refused"}}]}}),
    ),
    Case(
        "each entry of any_of has a column and values",
        mapped({"low_trust": {"any_of": [{"column": "trust"}]}}),
        mapped({"low_trust": BY_ROWS}),
    ),
    Case(
        "… stand in one variable; keep one of them",
        trust(values={"little": 1, "much": 0}, yes=["little"]),
        trust(yes=["little"]),
    ),
    Case(
        "no has answers and yes has none; give both",
        trust(no=["much"]),
        trust(no=["much"], yes=["little"]),
    ),
    Case(
        "chosen names an option, and between the mark between two",
        trust(chosen=" "),
        trust(chosen="little"),
    ),
    Case(
        "cut has … bands, expected two or more; …",
        cut({"all": [20, 80]}),
        cut(AGE),
    ),
    Case("band … is no list of its ends; …", cut({"young": "20-39", "old": [40]}), cut(AGE)),
    Case("band … has ends that are no numbers; …", cut({"young": ["x", 39], "old": [40]}), cut(AGE)),
    Case(
        "band … ends at …, before it begins at …",
        cut({"young": [39, 20], "old": [40, 80]}),
        cut(AGE),
    ),
    Case(
        "cut leaves a gap between … and …: after … comes …, got …",
        cut({"young": [20, 39], "old": [41, 80]}),
        cut(AGE),
        way="the next begins there",
    ),
    Case(
        "cut leaves a gap between … and …: after … comes …, got …",
        cut({"young": [20, 29], "old": [50, 80]}),
        cut({"young": [20, 29], "between": [30, 49], "old": [50, 80]}),
        way="a band of what lies between",
    ),
    Case(
        "cut has bands that overlap, or do not stand from low to high: … and …; both ends belong to a band, so after … comes …",
        cut({"18-34": [18, 34], "35-54": [34, 54], "55+": [55]}),
        cut({"18-34": [18, 34], "35-54": [35, 54], "55+": [55]}),
    ),
    Case(
        "cut has bands that overlap: … and …; only the first may have no lowest number, and only the last no highest",
        cut({"young": [20], "old": [40, 80]}),
        cut({"young": [20, 39], "old": [40]}),
    ),
    Case(
        "replicate_weights is …, expected a list or {prefix: WT, count: 50}",
        mapped(design={"weight": "wt", "replicate_weights": {"prefix": "r"}}),
        mapped(
            design={"weight": "wt", "replicate_weights": {"prefix": "r", "count": 2}, "replicate_method": "JK1"},
            columns={"r1": 1.0, "r2": 2.0},
        ),
        then="2 replicate weights",
    ),
)  # fmt: skip

# -- with the file ----------------------------------------------------------------------

CODES = {1.0: "2", 2.0: "1"}


def sav(rule: dict, labels: dict | None = None, answers: list | None = None) -> Any:
    """``trustlib validate`` of a file of SPSS, of which one column has codes and labels."""
    frame = people(q=answers or [float(1 + i % 2) for i in range(80)])

    def write(path: Any) -> None:
        pyreadstat.write_sav(frame, path, variable_value_labels={"q": labels or CODES})

    files = {"people.sav": write, "m.yml": mapping({"gender": {"column": "q", **rule}})}
    return after(files, "validate", "people.sav", "--mapping", "m.yml")


def own(names: dict, columns: dict | None = None) -> Any:
    """The same of people, with a variable of another name."""
    return mapped(names, columns)


def large(variable: str) -> Any:
    """``trustlib compress --engine duckdb`` by an identity of this name."""
    frame = people(y=[i // 2 % 2 for i in range(80)]).rename(columns={"sex": variable})
    plan = {
        "file": "people.parquet",
        "source": {"kind": "synthetic"},
        "design": {"weight": "wt"},
        "cells": {"trust": {"outcome": "y", "by": [variable]}},
    }
    files = {"people.parquet": frame, "cells.yml": plan}
    return after(files, "compress", "cells.yml", "--engine", "duckdb")


def kind_in_file(kind: str) -> Any:
    """``trustlib reproduce`` of a Parquet file that says that its people are made up."""

    def write(path: Any) -> None:
        table = pa.Table.from_pandas(people(), preserve_index=False)
        facts = {b"source": json.dumps({"kind": "synthetic"}).encode()}
        pq.write_table(table.replace_schema_metadata(facts), path)

    files = {
        "people.parquet": write,
        "m.yml": mapping(source={"kind": kind, "label": "Made up"}),
    }
    return after(files, "reproduce", "people.parquet", "--mapping", "m.yml", "--plan")


def parquet(values: dict) -> Any:
    """``trustlib validate`` of a Parquet file, of which one column has codes."""
    frame = people(q=[float(1 + i % 2) for i in range(80)])
    m = mapping({"gender": {"column": "q", "values": values}})
    files = {"people.parquet": frame, "m.yml": m}
    return after(files, "validate", "people.parquet", "--mapping", "m.yml")


RARE = {"sex": ["x", *first(40, "m", "f", 79)]}
MANY = {"sex": first(40, "m", "f", 60) + ["other"] * 20}
SPELT = {"q": [("01", "1", "2", "2")[i % 4] for i in range(80)]}
TOGETHER = (
    Case(
        "… does not fit its mapping, … faults:",
        gender(values={"m": "man"}),
        gender(values={"m": "man", "f": "woman"}),
    ),
    Case(
        "… with … cannot be used, … faults:",
        planned({"gender": None}),
        planned(),
    ),
    Case(
        "variable …: There is no column ….",
        mapped({"gender": {**GENDER, "column": "Sex"}}),
        mapped(),
    ),
    Case(
        "variable …: column … has answers that are not declared: …",
        mapped(columns=MANY),
        mapped({"gender": {**GENDER, "missing": {"other": "other"}}}, MANY),
        then="missing: other: 20",
    ),
    Case(
        "variable …: column … has answers that are not declared: …",
        mapped(columns=RARE),
        mapped({"gender": {**GENDER, "rare": "too few to show"}}, RARE),
        way="rare ones",
    ),
    Case(
        "rare gives …, and only an outcome of 1 and 0 counts rare answers; write a text, which keeps them apart",
        mapped({"gender": {**GENDER, "rare": 1}}, RARE),
        mapped({"gender": {**GENDER, "rare": "too few to show"}}, RARE),
    ),
    Case(
        "variable …: column … has numbers outside of all bands: …",
        mapped({"age_band": {"column": "age", "cut": AGE}}, {"age": first(20, 999, 30)}),
        mapped(
            {"age_band": {"column": "age", "cut": AGE, "missing": {"999": "refused"}}},
            {"age": first(20, 999, 30)},
        ),
        way="codes",
    ),
    Case(
        "variable …: column … has numbers outside of all bands: …",
        mapped({"age_band": {"column": "age", "cut": AGE}}, {"age": first(20, 90, 30)}),
        mapped({"age_band": {"column": "age", "cut": {**AGE, "older": [81]}}}, {"age": first(20, 90, 30)}),
        way="another band",
    ),
    Case(
        "variable …: column … has answers that may mean missing beside yes: …; declare each under missing or no",
        mapped({"low_trust": {"column": "trust", "yes": ["little"]}}, {"trust": first(60, "little", "Don't know")}),
        mapped(
            {"low_trust": {"column": "trust", "yes": ["little"], "missing": {"Don't know": "do not know"}}},
            {"trust": [("little", "much", "Don't know", "much")[i % 4] for i in range(80)]},
        ),
        way="under missing",
    ),
    Case(
        "variable …: column … has answers that may mean missing beside yes: …; declare each under missing or no",
        mapped({"low_trust": {"column": "trust", "yes": ["little"]}}, {"trust": first(60, "little", "Don't know")}),
        mapped(
            {"low_trust": {"column": "trust", "yes": ["little"], "no": ["Don't know"]}},
            {"trust": first(60, "little", "Don't know")},
        ),
        way="under no",
    ),
    Case(
        "variable …: … are not levels; the levels are …",
        gender(values=GENDER["values"], levels=["man", "women"]),
        gender(values=GENDER["values"], levels=["man", "woman"]),
    ),
    Case(
        "variable …: has answers that are not levels: …; …",
        gender(levels=["man", "woman"]),
        gender(levels=["man", "woman"], values=GENDER["values"]),
    ),
    Case(
        "variable …: any_of needs two levels in order, the second for 'any'; got …",
        mapped({"disability": {"any_of": [{"column": "sex", "values": {"m": "deaf", "f": "not"}}]}}),
        mapped(
            {
                "disability": {
                    "levels": ["not disabled", "disabled"],
                    "any_of": [{"column": "sex", "values": {"m": "disabled", "f": "not disabled"}}],
                }
            }
        ),
    ),
    Case(
        "variable …: has answers that are not numbers: …",
        with_codebook({**BOOK, "age": {"type": "number"}}, {"age": {"column": "sex"}}),
        with_codebook({**BOOK, "age": {"type": "number"}}, {"age": {"column": "age"}}),
    ),
    Case(
        "variable …: holds numbers other than 0 and 1; give values",
        mapped({"low_trust": {"column": "q"}}, {"q": [(1, 2, 8, 2)[i % 4] for i in range(80)]}),
        mapped(
            {"low_trust": {"column": "q", "values": {"1": 1, "2": 0}, "missing": {"8": "do not know"}}},
            {"q": [(1, 2, 8, 2)[i % 4] for i in range(80)]},
        ),
    ),
    Case(
        "variable …: results or formulas cannot have a column of this name; choose another",
        own({"estimate": {"column": "region"}}),
        own({"region": {"column": "region"}}),
    ),
    Case(
        "'…' is the code of one answer and the label of another; write '[code] label'",
        sav({"values": {"1": "man", "2": "woman"}}),
        sav({"values": {"[2] 1": "man", "[1] 2": "woman"}}),
    ),
    Case(
        "'…' may mean … spellings, which are …; declare each as it is written in the file",
        mapped({"gender": {"column": "q", "values": {"1": "man", "2": "woman"}}}, SPELT),
        mapped({"gender": {"column": "q", "values": {"1": "man", "01": "man", "2": "woman"}}}, SPELT),
    ),
    Case(
        "… are one answer, with different meanings",
        parquet({"1": "man", "1.0": "woman", "2": "woman"}),
        parquet({"1": "man", "2": "woman"}),
    ),
    Case(
        "'…' is declared as an answer and as missing",
        sav({"values": {"Man": "man", "Woman": "woman"}, "missing": {"1": "refused"}}, {1.0: "Man", 2.0: "Woman"}),
        sav({"values": {"Man": "man", "Woman": "woman"}}, {1.0: "Man", 2.0: "Woman"}),
    ),
    Case(
        "values gives numbers beside texts that spell numbers (…); write all with quotes, or none",
        trust(values={"little": "1", "much": 0}),
        trust(values={"little": 1, "much": 0}),
    ),
    Case(
        "variable …: a column of the design has this name; choose another",
        own({"weight": {"column": "region"}}),
        own({"heaviness": {"column": "region"}}),
    ),
    Case(
        "variable …: the kind of missing of another variable has this name; choose another",
        own({"gender": {**GENDER, "missing": {"x": "refused"}}, "gender_missing": {"column": "region"}}, {"sex": first(20, "x", "m", 40) + ["f"] * 40}),
        own({"gender": {**GENDER, "missing": {"x": "refused"}}, "gender_told": {"column": "region"}}, {"sex": first(20, "x", "m", 40) + ["f"] * 40}),
    ),
    Case(
        "The name of column … is not a text, or would clash with the columns of results.",
        large("estimate"),
        large("gender"),
        then="written: trust",
    ),
    Case(
        "variables: no outcome; give one the values 1 and 0",
        planned({"low_trust": {"column": "trust"}}),
        planned(),
    ),
    Case(
        "variables: no outcome; give one the values 1 and 0",
        planned({"low_trust": {"column": "q", "values": {"x": 1}, "missing_as": 0}}, {"q": first(40, "x", "")}),
        planned({"low_trust": {"column": "q", "values": {"x": 1}, "blank": 0}}, {"q": first(40, "x", "")}),
        way="missing_as",
    ),
    Case(
        "variables: no identity; give one texts as values, its reference first",
        planned({"gender": {"column": "sex", "values": {"m": 1, "f": 0}}}),
        planned(),
    ),
    Case(
        "source: kind is …, expected …",
        planned(source={"label": "No kind is told"}),
        planned(source={"kind": "supplied"}),
    ),
    Case(
        "source: kind is …, but the file itself says that its data are …",
        kind_in_file("real"),
        kind_in_file("synthetic"),
    ),
)  # fmt: skip

# -- the design -------------------------------------------------------------------------


def drawn(columns: dict | None = None, **design: Any) -> Any:
    """``trustlib validate`` of people with this design."""
    return mapped(columns=columns, design={"weight": "wt", **design})


def counted(columns: dict | None = None, **design: Any) -> Any:
    """``trustlib compress --engine duckdb`` of people in Parquet with this design."""
    frame = people(y=[i // 2 % 2 for i in range(80)]).assign(**(columns or {}))
    plan = {
        "file": "people.parquet",
        "source": {"kind": "synthetic"},
        "design": {"weight": "wt", **design},
        "cells": {"trust": {"outcome": "y", "by": ["sex"]}},
    }
    files = {"people.parquet": frame, "cells.yml": plan}
    return after(files, "compress", "cells.yml", "--engine", "duckdb")


def dta(strata: list) -> Any:
    """``trustlib validate`` of a file of Stata, in which a stratum may be a letter for missing."""
    frame = people(stratum=strata)

    def write(path: Any) -> None:
        pyreadstat.write_dta(frame, path, missing_user_values={"stratum": ["a"]})

    design = {"weight": "wt", "strata": "stratum"}
    files = {"people.dta": write, "m.yml": mapping(design=design)}
    return after(files, "validate", "people.dta", "--mapping", "m.yml")


REPLICATES = {
    "r1": [1.0 + i % 2 for i in range(80)],
    "r2": [2.0 - i % 2 for i in range(80)],
}
JK1 = {"replicate_weights": ["r1", "r2"], "replicate_method": "JK1"}
DESIGNS = (
    Case("design: There is no column ….", drawn(strata="Region"), drawn(strata="region")),
    Case(
        "design: … people have no value in column … (…), or one that means missing, …",
        drawn({"region": first(12, "NA", "north")}, strata="region"),
        drawn(strata="region"),
    ),
    Case(
        "design: column … (…) mixes …",
        dta(first(12, "a", 2)),
        dta(first(12, 1, 2)),
    ),
    Case(
        "design: … values of … (…) are declared missing, …",
        mapped(columns={"wt": first(12, 99, 1)}, missing={"99": "refused"}),
        mapped(columns={"wt": first(12, 2, 1)}, missing={"99": "refused"}),
    ),
    Case(
        "design: … values of … are blank or not numbers, …",
        drawn({"wt": first(12, "heavy", 1)}),
        drawn(),
    ),
    Case(
        "design: … values of … are blank or not numbers, …",
        drawn({"wt": first(12, "1,5", 1)}),
        drawn({"wt": first(12, "1.5", 1)}),
        way="a decimal comma",
    ),
    Case(
        "design: … values of … (…) are negative or absurd; weights are 0 or more (…)",
        drawn({"wt": first(12, -1, 1)}),
        drawn(weight="age"),
    ),
    Case(
        "Weights are zero or more, finite and not all zero, but those in column … are ….",
        counted({"wt": first(12, -1.0, 1.0)}),
        counted(),
    ),
    Case(
        "Some people (…) have no value in column … (…), or a text that means missing, such as NA.",
        counted({"region": first(12, "NA", "north")}, strata="region"),
        counted(strata="region"),
    ),
    Case("The values of column … are not numbers.", counted({"wt": "1"}), counted()),
    Case(
        "A PSU of column … lies in more than one stratum.",
        drawn({"psu": [i % 4 for i in range(80)]}, strata="region", psu="psu"),
        drawn({"psu": [i % 4 for i in range(80)]}, strata="region", psu="psu", nest=True),
    ),
    Case(
        "… of … strata have only one PSU, so their variance is unknown.",
        drawn({"psu": [1 if i < 40 else i for i in range(80)]}, strata="region", psu="psu"),
        drawn({"psu": [1 if i < 40 else i for i in range(80)]}, strata="region", psu="psu", lonely_psu="adjust"),
        then="lonely PSUs: adjust",
    ),
    Case(
        "Column … (fpc) is missing, not positive, or not constant within a stratum.",
        drawn({"fpc": list(range(80))}, strata="region", fpc="fpc"),
        drawn({"fpc": 500}, strata="region", fpc="fpc"),
        way="one number",
    ),
    Case(
        "Column … (fpc) is missing, not positive, or not constant within a stratum.",
        drawn({"fpc": list(range(80))}, strata="region", fpc="fpc"),
        drawn(strata="region"),
        way="left out",
    ),
    Case(
        "Column … (fpc) gives some stratum fewer PSUs in the population than in the sample.",
        drawn({"fpc": 30}, strata="region", fpc="fpc"),
        drawn({"fpc": 3000}, strata="region", fpc="fpc"),
        then="finite population correction",
    ),
    Case(
        "There is no lonely-PSU rule ….",
        drawn(strata="region", lonely_psu="adjusted"),
        drawn(strata="region", lonely_psu="adjust"),
    ),
    Case(
        "There is no replicate method ….",
        drawn(REPLICATES, **{**JK1, "replicate_method": "JK"}),
        drawn(REPLICATES, **JK1),
    ),
    Case(
        "Replicate weights are two or more different columns, and none is the weight itself.",
        planned(columns=REPLICATES, design={"weight": "wt", **JK1, "replicate_weights": ["r1"]}),
        drawn(REPLICATES, **JK1),
    ),
    Case(
        "Options of replicates are given, but no replicate_weights.",
        counted(replicate_method="JK1"),
        counted(),
        way="taken out",
    ),
    Case(
        "Options of replicates are given, but no replicate_weights.",
        counted(replicate_method="JK1"),
        counted(REPLICATES, **JK1),
        way="columns named",
    ),
    Case(
        "replicate_method=… does not determine the scale of the replicates.",
        drawn(REPLICATES, **{**JK1, "replicate_method": "Fay"}),
        drawn(REPLICATES, **{**JK1, "replicate_method": "Fay"}, replicate_scale=0.5),
    ),
    Case(
        "replicate_scale is one number or … numbers, none negative or infinite and not all zero; got ….",
        drawn(REPLICATES, **JK1, replicate_scale=-1),
        drawn(REPLICATES, **JK1, replicate_scale=0.5),
    ),
    Case(
        "replicate_df is a number above zero, got ….",
        drawn(REPLICATES, **JK1, replicate_df=0),
        drawn(REPLICATES, **JK1),
    ),
)  # fmt: skip
