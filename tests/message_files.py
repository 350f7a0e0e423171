"""Messages told while a file is read, each with what brings it and what it advises."""

from __future__ import annotations

import errno
import gzip
import os
import unicodedata
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat

from partner_steps import (
    Case,
    Step,
    after,
    drafted,
    in_order,
    mapping,
    people,
    within,
    workbook,
)

R_FILES = Path(__file__).parent / "rds"  # written by R
GOOD = people().to_csv(index=False)
LATIN = GOOD.replace("north", "Süd").encode("latin-1")
LINES = GOOD.splitlines()
ROWS = [line.split(",") for line in LINES]
NOTES = [["Notes", "none"], ["one", "two"]]


def checked(file: str, content: object, **parts: object) -> Step:
    """``trustlib validate`` of a file by the mapping of `people`."""
    files = {file: content, "m.yml": mapping(**parts)}
    return after(files, "validate", file, "--mapping", "m.yml")


def as_sav(path: Path) -> None:
    """A file of SPSS, whatever it is called."""
    made = path.with_suffix(".sav")
    pyreadstat.write_sav(people(), made)
    made.rename(path)


def as_xlsx(path: Path) -> None:
    workbook(Data=ROWS)(path)


def in_lists(path: Path) -> None:
    """A Parquet file that holds two answers in one place."""
    table = pa.table({"sex": ["m", "f"] * 40, "seen": [[1, 0]] * 80})
    pq.write_table(table, path)


def no_calamine():
    """A machine on which the reader of workbooks is not installed."""
    return mock.patch("trustlib.workbooks.find_spec", return_value=None)


def no_rdata():
    """A machine on which the reader of files of R is not installed."""
    return mock.patch("trustlib.files.find_spec", return_value=None)


def full_disk():
    """A disk that takes nothing any more."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return mock.patch("trustlib.writing.files.sync_open_file", side_effect=full)


def full_screen():
    """A pipe or file that takes nothing any more, into which a command prints."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.txt")
    return mock.patch("trustbook.commands.survey.write_document", side_effect=full)


# One name in two Unicode forms.
TWICE = people().assign(
    **{unicodedata.normalize(form, "Île"): 1 for form in ("NFC", "NFD")}
)
TITLED = "Export of May,,,,,\n" + GOOD
NAMED_ROWS = "\n".join(
    [LINES[0], *(f"{i},{line}" for i, line in enumerate(LINES[1:], 1)), ""]
)
NOTED = GOOD + "weighted by age and sex\n"
TOTALS = GOOD + "Total,,,160,,\nMean,,,2,,\n"
PRIVATE_ONLY = "name,mail\n" + "".join(
    f"Ann B{i},a{i}@example.org\n" for i in range(40)
)
WRITE = ("mapping-init", "people.csv", "--out", "m.yml")
FILES = (
    Case(
        "There is no survey file ….",
        after({}, "mapping-init", "x.csv"),
        drafted("x.csv", people()),
    ),
    Case(
        "There is no file ….",
        after({"people.csv": GOOD}, "validate", "people.csv", "--mapping", "m.yaml"),
        checked("people.csv", GOOD),
    ),
    Case(
        "… is a folder.",
        after({"in/people.csv": GOOD}, "mapping-init", "in"),
        after({"in/people.csv": GOOD}, "mapping-init", "in/people.csv"),
    ),
    Case(
        "… has an ending that is not known.",
        drafted("people.doc", GOOD),
        drafted("people.csv", GOOD),
    ),
    Case(
        "… is a file of SPSS.",
        drafted("people.csv", as_sav),
        drafted("people.sav", as_sav),
    ),
    Case(
        "… is a workbook of Excel.",
        drafted("people.csv", as_xlsx),
        drafted("people.xlsx", as_xlsx),
    ),
    Case(
        "… is a workbook, and the package that reads these is not installed.",
        within(no_calamine, drafted("people.xlsx", as_xlsx)),
        within(no_calamine, drafted("people.csv", GOOD)),
    ),
    Case(
        "… is a file of R, and the package that reads these is not installed.",
        within(no_rdata, drafted("people.rds", R_FILES / "people.rds")),
        within(no_rdata, drafted("people.csv", R_FILES / "people.csv")),
    ),
    Case(
        "… holds objects of R by their names, expected one data frame.",
        drafted("people.RData", R_FILES / "people.RData"),
        drafted("people.rds", R_FILES / "people.rds"),
    ),
    Case(
        "… has … sheets with tables: ….",
        drafted("people.xlsx", workbook(Data=ROWS, Notes=NOTES)),
        drafted("people.xlsx", workbook(Data=ROWS, Notes=NOTES), "--sheet", "Data"),
        then='sheet: "Data"',
    ),
    Case(
        "… has … sheets with tables: ….",
        checked("people.xlsx", workbook(Data=ROWS, Notes=NOTES)),
        checked("people.xlsx", workbook(Data=ROWS, Notes=NOTES), sheet="Data"),
        way="in the mapping",
    ),
    Case(
        "There is no sheet ….",
        drafted("people.xlsx", workbook(Data=ROWS, Notes=NOTES), "--sheet", "data"),
        drafted("people.xlsx", workbook(Data=ROWS, Notes=NOTES), "--sheet", "Data"),
    ),
    Case(
        "… has columns without a name: see columns ….",
        drafted(
            "people.xlsx",
            workbook(Data=[[*ROWS[0], ""], *([*row, "?"] for row in ROWS[1:])]),
        ),
        drafted(
            "people.xlsx",
            workbook(Data=[[*ROWS[0], "note"], *([*row, "?"] for row in ROWS[1:])]),
        ),
    ),
    Case(
        "… seems to be in UTF-16 and does not say so.",
        drafted("people.csv", GOOD.encode("utf-16-le")),
        drafted("people.csv", GOOD.encode("utf-16-le"), "--encoding", "utf-16-le"),
    ),
    Case(
        "… cannot be read: …",
        drafted("people.csv", LATIN),
        drafted("people.csv", LATIN, "--encoding", "latin-1"),
    ),
    Case(
        "… cannot be read: …",
        checked("people.csv", LATIN),
        checked("people.csv", LATIN, encoding="latin-1"),
        way="in the mapping",
    ),
    Case(
        "… cannot be read: …",
        drafted("people.csv.gz", gzip.compress(GOOD.encode())[:-20]),
        drafted("people.csv.gz", gzip.compress(GOOD.encode())),
        way="cut short",
    ),
    Case(
        "… cannot be read: …",
        drafted("people.rds", R_FILES / "no-list.rds"),
        drafted("people.rds", R_FILES / "people.rds"),
        way="a list of R",
    ),
    Case(
        "… holds no rows.",
        drafted("people.csv", LINES[0] + "\n"),
        drafted("people.csv", GOOD),
    ),
    Case("… is empty.", drafted("people.csv", ""), drafted("people.csv", GOOD)),
    Case(
        "… holds lists or structures in …, expected one answer in each place.",
        drafted("people.parquet", in_lists),
        drafted("people.parquet", people(seen_1=1, seen_2=0)),
    ),
    Case(
        "… is not divided evenly into columns by commas, semicolons, tabs or bars.",
        drafted(
            "people.csv", "".join(f'"{line.replace(",", ";")}"\n' for line in LINES)
        ),
        drafted("people.csv", GOOD),
    ),
    Case(
        "… gives a name to more than one column: see columns ….",
        drafted("people.csv", GOOD.replace("trust,sex", "sex,sex", 1)),
        drafted("people.csv", GOOD),
    ),
    Case(
        "… seems to have no names of columns: what stands in their place looks like the answers of a person.",
        drafted("people.csv", "\n".join(LINES[1:])),
        drafted("people.csv", GOOD),
    ),
    Case(
        "… has two columns named … (the index of pandas counts as a column, and two Unicode forms of a name are one).",
        drafted("people.parquet", TWICE),
        drafted("people.parquet", people(**{"Île": 1, "Île 2": 2})),
    ),
    Case(
        "… has one field more in every line than in the line of names.",
        drafted("people.csv", NAMED_ROWS),
        drafted("people.csv", GOOD),
    ),
    Case(
        "… has … lines with more or fewer than … fields, the first in line ….",
        drafted("people.csv", NOTED),
        drafted("people.csv", GOOD),
        way="a note below",
    ),
    Case(
        "… has … lines with more or fewer than … fields, the first in line ….",
        drafted("people.csv", "made in May, by us\n" + GOOD),
        checked("people.csv", TITLED),
        then="Not read as people: 1 title row",
        way="a title above",
    ),
    Case(
        "… ends in several rows of totals, and expected are people only.",
        drafted("people.csv", TOTALS),
        checked("people.csv", GOOD + "Total,,,160,,\n"),
        then="a row of totals",
    ),
    Case(
        "The file has no column of which … can be made.",
        after({"names.csv": PRIVATE_ONLY}, "start", "names.csv"),
        after({"names.csv": PRIVATE_ONLY}, "mapping-init", "names.csv"),
        then="may hold",
    ),
    Case(
        "… cannot be written: ….",
        in_order(after({"people.csv": GOOD}, *WRITE), after({}, *WRITE)),
        in_order(
            after({"people.csv": GOOD}, *WRITE), after({}, *WRITE[:-1], "m-2.yml")
        ),
        then="Written: m-2.yml",
        way="it is there already",
    ),
    Case(
        "… cannot be written: ….",
        within(full_disk, after({"people.csv": GOOD}, *WRITE)),
        in_order(after({"people.csv": GOOD}, *WRITE)),
        then="Written: m.yml",
        way="the disk is full",
    ),
    Case(
        "… cannot be read or written: ….",
        within(full_screen, drafted("people.csv", GOOD)),
        drafted("people.csv", GOOD),
    ),
)
