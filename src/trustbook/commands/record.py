"""Commands for the printed record: audit and simulate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trustbook.commands.console import PUBLISHED, PublishedFolder, say_lines
from trustlib.errors import require_names

Questions = Annotated[
    list[str] | None,
    typer.Argument(help="Questions whose key begins so; by default all."),
]
SyntheticFolder = Annotated[
    Path, typer.Option(help="Where targets and true model lie.")
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="SEED", help="Fresh people, without calibration."),
]
SyntheticOut = Annotated[
    Path | None,
    typer.Option(help="Parquet file of a draw, or folder of the stand-in."),
]


def audit(keys: Questions = None, published: PublishedFolder = PUBLISHED) -> None:
    """Ask whether the printed figures can all be true, and what they imply for groups that nobody printed."""
    from trustlib.record.printed import load_figures
    from trustlib.record.questions import answers, in_one_line
    from trustlib.schema import load_yaml

    asked = load_yaml(published / "questions.yml")
    chosen = _beginning_with(asked["questions"], keys or ())
    figures = load_figures(published / "figures.csv")
    for key, question in chosen.items():
        alone = {**asked, "questions": {key: question}}
        say_lines([in_one_line(key, answers(figures, alone))])


def _beginning_with(
    questions: Mapping[str, Any], keys: Sequence[str]
) -> Mapping[str, Any]:
    """The questions whose key begins so; by default all."""
    if not keys:
        return questions
    begin = tuple(keys)
    chosen = {key: asked for key, asked in questions.items() if key.startswith(begin)}
    if not chosen:
        require_names("question", keys, questions)
    return chosen


def simulate(
    folder: SyntheticFolder = Path("data/synthetic"),
    draw: Seed = None,
    out: SyntheticOut = None,
) -> None:
    """Write the synthetic stand-in from its targets, or draw fresh people from its stored true model."""
    from trustlib.record import simulate as stand_in

    if draw is None:
        written = stand_in.write(out or folder, folder / "targets.yml")
        say_lines(f"{digest}  {name}" for name, digest in written.items())
        return
    path = out or Path(f"draw-{draw}-synthetic.parquet")
    people = stand_in.draw(draw, model=folder / "true_model.json")
    stand_in.write_people(people, path)
    say_lines([f"{len(people):,} synthetic people: {path}"])
