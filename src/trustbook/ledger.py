"""The ledger: every published figure, what answers it, and a verdict by a rule that was fixed before.

Published are the record of the polling (``data/published/figures.csv``), what follows from it by arithmetic
(``questions.yml``, answered by `trustlib.record.questions`), and every other CSV file of that folder, whose figures
come with an interval. A figure is answered by

* other printed figures, if it is a difference, a ratio, a total or a repetition of them
  (see `trustlib.record.arithmetic`);
* the run that a finding names (``published: file/id`` in ``findings.yml``): real people, or synthetic ones;
* the synthetic stand-in, on the base that the figure names;
* a file that somebody supplies (see `answer_record` and `trustbook.supplied`).

**Tolerance** is what the printed rounding leaves open: half a unit of the last printed digit, and more where the source
says "about" or where a difference of two rounded figures is printed. A `match` rounds to what was printed. An end of a
printed interval may have been rounded up to three times (the number, half the length, the end): if the number matches
and its ends are no farther away than that, the verdict is `within rounding`. Synthetic people never match: they are
`calibrated (synthetic)` where they were made to meet a figure and do, and everywhere else a figure `needs microdata`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.findings import FORMATS, published_figure, resolve
from trustbook.plans import Finding
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    DisclosureError,
    FindingError,
    MissingRowsWarning,
    TrustlibError,
    one_line,
    raise_faults,
)
from trustlib.escaping import csv_cells
from trustlib.estimates import cell_means, comparisons
from trustlib.record.arithmetic import HOLDS, INCONSISTENT, arithmetic
from trustlib.record.printed import load_figures, parse_group
from trustlib.record.questions import answers, flat
from trustlib.schema import declared_design, load_codebook, load_yaml, read_survey
from trustlib.writing import write_together

VERDICTS = ("match", "within rounding", "differs", "calibrated (synthetic)", HOLDS, INCONSISTENT,
            "needs microdata", "not releasable")  # fmt: skip
MATCH, WITHIN, DIFFERS, CALIBRATED, _, _, NEEDS, WITHHELD = VERDICTS
COLUMNS = ("id", "file", "claim", "source", "place", "wave", "countries", "item", "outcome", "group", "conditioning",
           "base", "statistic", "comparison", "published", "published_low", "published_high", "tolerance", "evidence",
           "run", "table", "row", "calculation", "reading", "ours", "std_error", "conf_low", "conf_high", "n", "df",
           "df_rule", "range_low", "range_high", "verdict", "cause")  # fmt: skip
_VARIABLE = re.compile(r"(\w+) [!=]= ")  # in a group of the record
_NUMBERS = {
    "ours": "estimate",
    "std_error": "std_error",
    "conf_low": "conf_low",
    "conf_high": "conf_high",
}
_ITEMS = {item: f"trust_damaged_{item}" for item in ("provider", "system", "any")}
AUDIT = "Calculation from printed figures"
_AGREE = 0.01  # points: by how much two programs may differ on the stand-in

# -- what a survey file answers ---------------------------------------------------------------------------------------


def answer_record(
    design: SurveyDesign, figures: pd.DataFrame, codebook: Mapping[str, Any]
) -> pd.DataFrame:
    """Answer the lines of the published record that a file can answer.

    Parameters
    ----------
    design : SurveyDesign
        Of a frame with the names and levels of the codebook.
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.
    codebook : mapping

    Returns
    -------
    DataFrame
        Columns id, claim, verdict, reading (the variable that is counted), statistic, published, ours, std_error,
        conf_low, conf_high (in the printed unit), tolerance (half the printed rounding) and cause. A figure that does
        not say which question it counts has a line for each that the file has. Synthetic data never match. Our numbers
        are rounded where their source asks for it; the verdict is of the number before.
    """
    rows = []
    questions = [q for q in _ITEMS.values() if q in design.frame]
    for figure in figures.itertuples():
        unsaid = questions and figure.outcome == "trust_damaged" not in design.frame
        for reading in questions if unsaid else [figure.outcome]:
            numbers, verdict, cause = _answered(design, figure, reading, codebook)
            if numbers:
                verdict = _verdict(
                    figure, numbers["ours"], (design.source or {}).get("kind")
                )
                cause = (
                    "the printed base is not known"
                    if figure.conditioning == "not known"
                    else ""
                )
            cause = f"this file cannot answer: {cause}" if verdict == NEEDS else cause
            digits = 2 if figure.statistic == "ratio" else 1
            shown = {
                name: round(value, digits)
                for name, value in numbers.get("shown", {}).items()
            }
            row = {
                "id": figure.id,
                "claim": figure.claim,
                "reading": reading,
                "published": figure.value,
            }
            row |= {
                "statistic": figure.statistic,
                "tolerance": figure.half_width,
                "verdict": verdict,
                "cause": cause,
            }
            rows.append(row | shown)
    columns = [
        "id",
        "claim",
        "verdict",
        "reading",
        "statistic",
        "published",
        *_NUMBERS,
        "tolerance",
        "cause",
    ]
    return pd.DataFrame(rows, columns=columns)


def _answered(
    design: SurveyDesign, figure: Any, outcome: str, codebook: Mapping[str, Any]
) -> tuple[dict, str, str]:
    """Our numbers for one figure; or none, with a verdict and the reason."""
    if cause := _lacking(figure, outcome, design.frame):
        return {}, NEEDS, cause
    try:
        return (
            _answer(design, figure, outcome, parse_group(figure.group, codebook)),
            "",
            "",
        )
    except DisclosureError:
        return {}, WITHHELD, f"fewer than {MINIMUM} people with or without the outcome"
    except TrustlibError as error:
        return {}, NEEDS, one_line(error.message)


def _lacking(figure: Any, outcome: str, frame: pd.DataFrame) -> str:
    """Why a file cannot answer a figure; empty if it can."""
    if figure.item == "context" or figure.statistic not in (
        "percent",
        "points",
        "ratio",
        "count",
    ):
        return "no number of the survey is printed"
    polling = figure.survey == "polling"
    places = (
        {"wave": figure.wave.split(), "country": figure.countries.split()}
        if polling
        else {}
    )
    needed = [
        *places,
        *_VARIABLE.findall(figure.group),
        *([outcome] if outcome != "n" else []),
    ]
    needed += (
        ["trust_damaged_any"]
        if polling and figure.conditioning == "of those with an experience"
        else []
    )
    if absent := [
        n
        for n in [*needed, *([] if polling else ["au_trust_damaged"])]
        if n not in frame
    ]:
        return f"the file has no {', '.join(dict.fromkeys(absent))}"
    lost = [
        f"{name} {v}"
        for name, values in places.items()
        for v in values
        if not (frame[name] == v).any()
    ]
    return f"the file has nobody of {', '.join(lost)}" if lost else ""


def _answer(
    design: SurveyDesign, figure: Any, outcome: str, groups: Sequence[str]
) -> dict[str, Any]:
    """Our number for one figure, with its standard error and interval, in the printed unit; through the gate."""
    frame = design.frame
    inside = frame[_VARIABLE.findall(figure.group)].notna().all(axis=1)
    if figure.survey == "polling":
        inside &= frame["wave"].isin(figure.wave.split()) & frame["country"].isin(
            figure.countries.split()
        )
        if figure.conditioning == "of those with an experience":
            inside &= frame["trust_damaged_any"] == 1
    members = [
        inside if g == "all" else inside & design.domain(g).frame[DOMAIN]
        for g in groups
    ]
    others = members[1] if len(members) > 1 else inside & ~members[0]
    if figure.statistic == "count":
        if members[0].sum() < MINIMUM or 0 < others.sum() < MINIMUM:
            raise DisclosureError(f"Fewer than {MINIMUM} people.")
        people, base = int(members[0].sum()), (design.source or {}).get("rounding", 1)
        return {
            "ours": float(people),
            "n": people,
            "shown": {"ours": float(base * round(people / base))},
        }
    group = (
        pd.Series("others", frame.index)
        .mask(members[0], "group")
        .where(members[0] | others)
    )
    with_group = frame.assign(printed_group=pd.Categorical(group, ["others", "group"]))
    cells = compress(replace(design, frame=with_group), outcome, ["printed_group"])
    cells.seal()  # the gate, for the group and for all others
    found, scale = (
        cell_means(cells),
        {"points": "difference", "ratio": "ratio"}.get(figure.statistic),
    )
    found = comparisons(found, {"printed_group": "others"}, scale) if scale else found
    exact, shown = (
        e.where("printed_group == 'group'").frame.iloc[0]
        for e in (found, found.showable())
    )
    numbers = [
        {k: float(r[c]) * (1 if scale == "ratio" else 100) for k, c in _NUMBERS.items()}
        for r in (exact, shown)
    ]
    more = {
        "n": int(exact["n"]),
        "df": float(exact["df"]),
        "df_rule": found.convention,
        "shown": numbers[1],
    }
    return numbers[0] | more


def _verdict(figure: Any, ours: float, kind: str | None) -> str:
    """The verdict on a figure that is answered; synthetic data cannot match."""
    if kind == "synthetic":
        return CALIBRATED
    gap = ours - figure.value
    if figure.comparison in (">", "<", ">="):
        return (
            MATCH
            if {">": gap > 0, "<": gap < 0, ">=": gap >= 0}[figure.comparison]
            else DIFFERS
        )
    if abs(gap) > figure.half_width + 1e-9:
        return DIFFERS
    return (
        MATCH
        if abs(gap) <= (0.05 if figure.statistic == "ratio" else 0.5) + 1e-9
        else WITHIN
    )


# -- the ledger of the book -------------------------------------------------------------------------------------------


def make_ledger(
    findings: Mapping[str, Finding], runs: str | Path, published: str | Path
) -> pd.DataFrame:
    """Answer every published figure, and give each a verdict.

    Parameters
    ----------
    findings : mapping
        From `trustbook.findings.load_findings`; those with ``published`` answer a figure.
    runs : path
        Folder of the executed runs.
    published : path
        Folder of the published figures. The codebook and the stand-in are in the folder above.

    Returns
    -------
    DataFrame
        One row for each published figure and for each question of the audit, with the columns `COLUMNS`. Numbers are in
        the printed unit; `range_low` and `range_high` are what other printed figures allow.

    Raises
    ------
    FindingError
        A figure is answered by nothing or by two findings, a finding cannot be resolved, or two figures have one id.
    """
    published = Path(published)
    declared = _declared(findings, Path(runs), published)
    paths = [
        path for path in sorted(published.glob("*.csv")) if path.name != "figures.csv"
    ]
    rows = [row for path in paths for row in _with_intervals(path, declared)]
    if (published / "figures.csv").is_file():
        rows += _of_the_record(published, declared)
    faults = [
        f"{name}: no figure of this name is in the ledger"
        for name in declared.keys() - {_name(r) for r in rows}
    ]
    ids = [row["id"] for row in rows]
    faults += [
        f"{name}: stands there more than once"
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]
    raise_faults(
        FindingError,
        "The ledger is ambiguous",
        faults,
        "Each figure has one id, and one finding at most.",
    )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['file']}/{row['id']}"


def _declared(
    findings: Mapping[str, Finding], runs: Path, published: Path
) -> dict[str, dict[str, Any]]:
    """The figures that a finding answers: name of the figure -> our numbers, and where they stand."""
    named = {name: finding for name, finding in findings.items() if finding.published}
    out: dict[str, dict[str, Any]] = {}
    for name, finding in named.items():
        if (figure := str(finding.published)) in out:
            others = [n for n, f in named.items() if f.published == figure]
            raise FindingError(
                f"{figure} is ambiguous: findings {others} all answer it.",
                "Keep one of them.",
            )
        published_figure(figure, published)
        row, factor = resolve(finding, runs), FORMATS[finding.format][0]
        facts = json.loads(
            (runs / finding.run / "provenance.json").read_text(encoding="utf-8")
        )
        where = " and ".join(f"{k} = {v}" for k, v in finding.row.items())
        out[figure] = {k: float(row[c]) * factor for k, c in _NUMBERS.items()}
        out[figure] |= {
            "n": int(row["n"]),
            "df": float(row["df"]),
            "df_rule": facts["conventions"][finding.table],
        }
        out[figure] |= {
            "run": finding.run,
            "table": finding.table,
            "row": where,
            "evidence": " ".join(facts["kinds"]),
        }
        out[figure] |= {"calculation": f"finding {name}"}
    return out


def verdict(ours: Sequence[float], printed: Sequence[float], half: float) -> str:
    """``match``, ``within rounding`` or ``differs``, of a number and the two ends of its interval.

    Parameters
    ----------
    ours, printed : sequence of three numbers
    half : float
        Half a unit of the last printed digit.
    """
    number, *ends = (abs(a - b) - 1e-9 for a, b in zip(ours, printed, strict=True))
    if number > half or max(ends) > 3 * half:
        return DIFFERS
    return MATCH if max(ends) <= half else WITHIN


def _with_intervals(
    path: Path, declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Figures with intervals, each of which a finding has to answer."""
    table = pd.read_csv(path)
    lost = [
        f"{path.stem}/{i}" for i in table["id"] if f"{path.stem}/{i}" not in declared
    ]
    raise_faults(
        FindingError,
        "Published figures are unresolved",
        lost,
        "Name each in findings.yml, under published.",
    )
    for figure in table.itertuples():
        found, half = declared[f"{path.stem}/{figure.id}"], 0.5 * 10.0**-figure.decimals
        ours = [found[c] for c in ("ours", "conf_low", "conf_high")]
        told = verdict(ours, (figure.value, figure.conf_low, figure.conf_high), half)
        cause = {
            MATCH: "",
            WITHIN: "an end of the interval differs in its last digit",
        }.get(told, "not reproduced")
        if found["evidence"] == "synthetic":
            told, cause = NEEDS, "the run that answers it is synthetic"
        yield {"id": figure.id, "file": path.stem, "claim": figure.claim, "source": figure.source, "base": figure.base,
               "statistic": "percent", "comparison": "=", "published": figure.value, "tolerance": half,
               "published_low": figure.conf_low, "published_high": figure.conf_high, **found, "verdict": told,
               "cause": cause}  # fmt: skip


def _of_the_record(
    published: Path, declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Every line of the record of the polling, then every question of the audit."""
    figures = load_figures(published / "figures.csv")
    asked = load_yaml(published / "questions.yml")
    audited = answers(figures, asked).set_index("key")
    free = [
        k
        for k, q in asked["questions"].items()
        if not {"assume", "margins", "group", "sum", "exact"} & set(q)
    ]
    conflicts = {
        k: audited.loc[f"{k} conflict", "text"].split("; ")
        for k in free
        if audited.loc[k, "text"] == "no"
    }
    torn = {i: key for key, ids in conflicts.items() for i in ids}
    derived = arithmetic(figures, load_codebook(published.parent / "codebook.yml"))
    stand_in = _stand_in(
        published.parent / "synthetic", published.parent / "codebook.yml"
    )
    shared = ("id", "claim", "source", "wave", "countries", "item", "outcome", "group", "conditioning", "base",
              "statistic", "comparison")  # fmt: skip
    for figure in figures.itertuples():
        row = {c: getattr(figure, c) for c in shared} | {
            "file": "figures",
            "place": figure.address,
        }
        row |= {"published": figure.value, "tolerance": figure.half_width}
        found, run = derived.get(figure.id, {}), declared.get(f"figures/{figure.id}")
        if run and run["evidence"] != "synthetic":
            hint = "Findings of the public book answer figures of the polling with the stand-in only."
            raise FindingError(
                f"{run['calculation']}: {run['run']} is not of the polling.", hint
            )
        if figure.id in torn or found.get("verdict") == INCONSISTENT:
            against = (
                " ".join(conflicts.get(torn.get(figure.id, ""), ()))
                or f"{figure.id} {found['calculation']}"
            )
            row |= {
                "evidence": "published",
                "calculation": torn.get(figure.id, against),
                "verdict": INCONSISTENT,
            }
            yield row | {
                "cause": f"cannot all be true: {against}; the figures do not say which of them is wrong"
            }
        elif found:
            yield row | found
        else:
            yield row | stand_in(figure, run)
    yield from _questions(asked["questions"], audited, figures)


def _stand_in(
    folder: Path, codebook: Path
) -> Callable[[Any, Mapping[str, Any] | None], dict[str, Any]]:
    """How the synthetic stand-in answers a figure of the polling, on the figure's own base."""
    mapping, known = folder / "mapping.yml", load_codebook(codebook)
    frame = read_survey(folder / "trust_polling_synthetic.parquet", mapping)
    design = SurveyDesign(frame, **declared_design(mapping))
    held = pd.read_csv(folder / "calibration.csv", keep_default_na=False)

    def answer(figure: Any, run: Mapping[str, Any] | None) -> dict[str, Any]:
        lines = held[held["id"] == figure.id]
        if lines.empty:
            apart = {
                "context": "a background fact that the report cites, not a figure of the polling"
            }
            other = "a survey apart, whose answers are not public; the stand-in has nothing of it"
            return {"verdict": NEEDS, "cause": apart.get(figure.item, other)}
        alike = lines[lines["statistic"] == figure.statistic]
        line = (lines if alike.empty else alike).sort_values("achieved").iloc[0]
        item = {**_ITEMS, "people": "n"}.get(line["item"], line["item"])
        told = set(_VARIABLE.findall(line["group"]))
        read = figure._replace(
            statistic=line["statistic"],
            group=line["group"] if told <= set(known) else figure.group,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MissingRowsWarning)
            numbers, found, cause = _answered(design, read, item, known)
        if numbers and abs(numbers["ours"] - float(line["achieved"])) > _AGREE:
            hint = "The calibration is of another file: run `make data`."
            raise FindingError(
                f"{figure.id}: the stand-in says {numbers['ours']}, not {line['achieved']}.",
                hint,
            )
        reading = "; ".join(
            filter(None, ("" if item == "n" else item, line["reading"]))
        )
        row = {
            "evidence": "synthetic",
            "calculation": "stand-in",
            "reading": reading,
            **numbers,
            **(run or {}),
        }
        if found == WITHHELD:
            return row | {"evidence": "", "verdict": WITHHELD, "cause": cause}
        missed = [v for v in lines["verdict"] if not v.startswith("met")]
        if run and _verdict(figure, run["ours"], None) == DIFFERS:
            missed.append("the synthetic run does not meet it: its base is another")
        if missed:
            return row | {"verdict": NEEDS, "cause": missed[0]}
        unknown = (
            "; the printed base is not known"
            if figure.conditioning == "not known"
            else ""
        )
        return row | {
            "verdict": CALIBRATED,
            "cause": f"of synthetic people, made to meet it{unknown}",
        }

    return answer


def _questions(
    asked: Mapping[str, Any], audited: pd.DataFrame, figures: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Each question of the audit that is more than one printed figure again."""
    table = figures.set_index("id")
    for key, question in asked.items():
        ids, sizes = (
            list(flat(question["figures"])),
            list(flat(question.get("margins", {"figures": []})["figures"])),
        )
        if question.get("sum") and len(ids) == 1:
            continue
        named = [
            a if isinstance(a, str) else a["id"] for a in question.get("assume", [])
        ]
        given = [
            f"{word}: {', '.join(g)}"
            for word, g in (("assumed", named), ("with the group sizes of", sizes))
            if g
        ]
        row = {"id": key, "file": "questions", "claim": question["question"], "source": AUDIT,
               "wave": " ".join(sorted({w for i in ids for w in table.loc[i, "wave"].split()})),
               "countries": " ".join(sorted({c for i in ids for c in table.loc[i, "countries"].split()})),
               "group": question.get("group", ""), "evidence": "published", "calculation": " ".join(ids),
               "item": question.get("item", ""), "verdict": HOLDS, "cause": "; ".join(given)}  # fmt: skip
        if f"{key} low" in audited.index:
            count = question.get("kind") == "count"
            low, high = (
                float(audited.loc[f"{key} {end}", "value"]) * (1 if count else 100)
                for end in ("low", "high")
            )
            unit = (
                "count"
                if count
                else "points"
                if question.get("kind") == "gap"
                else "percent"
            )
            row |= {"statistic": unit, "range_low": low, "range_high": high}
            row |= {"ours": low} if abs(high - low) < 1e-6 else {}
        elif question.get("sum"):
            row |= {"statistic": "count", "ours": float(audited.loc[key, "value"])}
        elif audited.loc[key, "text"] == "no":
            conflict = f"cannot all be true: {audited.loc[f'{key} conflict', 'text']}"
            row |= {
                "statistic": "statement",
                "verdict": INCONSISTENT,
                "cause": "; ".join([conflict, *given]),
            }
        else:
            row |= {
                "statistic": "statement",
                "cause": "; ".join(["all of it can be true together", *given]),
            }
        yield row


def frozen_rows(ledger: pd.DataFrame) -> pd.DataFrame:
    """The ledger as `trustbook.findings.drift` compares it: the number, its interval or range, and the verdict."""
    low, high = (
        ledger[f"conf_{end}"].fillna(ledger[f"range_{end}"]) for end in ("low", "high")
    )
    facts = {
        "kind": "ledger",
        "id": ledger["id"],
        "value": ledger["ours"],
        "low": low,
        "high": high,
    }
    return pd.DataFrame(facts | {"text": ledger["verdict"]})


def write_ledger(ledger: pd.DataFrame, runs: str | Path) -> Path:
    """Write the ledger for the book: ``ledger.csv``, and the figures with intervals as the table ``ledger.md``."""
    runs = Path(runs)
    lines = [
        "| What was published | Published | Ours | People | Verdict |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [
        f"| {{doc}}`{r.claim} </_runs/{r.run}/{r.run}>` | {r.published:.1f} ({r.published_low:.1f} to "
        f"{r.published_high:.1f}) | {r.ours:.2f} ({r.conf_low:.2f} to {r.conf_high:.2f}) | {r.n:,.0f} | {r.verdict} |"
        for r in ledger[ledger["published_low"].notna()].itertuples()
    ]
    path = runs / "ledger.md"
    with write_together([runs / "ledger.csv", path]) as (numbers, page):
        csv_cells(ledger).to_csv(
            numbers, index=False, lineterminator="\n", float_format="%.10g"
        )
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
