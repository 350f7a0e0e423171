"""Kill (-9) every command that writes, at random instants, and fill the disk under it: is the old or the new there?

    python benchmarks/kills.py [KILLS] [FULL_DISKS]        by default 500 and 50

On a small made-up project. Each command runs in a process that is forked from one that has imported everything, so
that the instants fall into its work. Half of the kills come at a random instant of its whole time, half within a few
milliseconds after its first temporary file or folder is there. Afterwards each target must be, byte by byte, what it
was or what an undisturbed command writes; a folder as a whole. A full disk is a file system in memory of a few
kilobytes where one may be mounted, else a limit on the size of files. The numbers stand in the last lines; exit 1 if
one target is neither.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook

import trustlib as tl

ROOT = Path(__file__).resolve().parents[1]
UNSTEADY = {"provenance.json", "status.md"}  # hold seconds
WHOLE = {"runs", "reproduce", "simulate"}  # commands whose targets are folders
# Targets below the folder of a case.
TARGETS = {
    "compress": ["cells/all.parquet", "cells/by-a.parquet", "cells/by-b.parquet"],
    "write": ["set.parquet"],
    "publish": ["tables/gaps.json", "tables/gaps.csv"],
    "mapping": ["m.yml"],
    "flow": ["flow.csv"],
    "freeze": ["frozen.csv"],
    "ledger": ["ledger.csv", "ledger.md"],
    "crate": ["ro-crate-metadata.json"],
    "draw": ["people.parquet"],
    "simulate": ["stand-in"],
    "runs": ["out/one", "out/two"],
    "reproduce": ["private"],
}


# -- the small project ------------------------------------------------------------------------------------------------


def people(seed: int, n: int = 4000) -> pd.DataFrame:
    """Made-up people."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": draw.choice(["x", "y", "z"], n),
            "b": draw.choice(["low", "high"], n),
            "y": draw.choice(["Yes", "No"], n),
            "w": draw.random(n) + 0.5,
        }
    )


def project(folder: Path) -> None:
    """Everything that the commands read, for the old and for the new state."""
    for number, state in enumerate(("old", "new")):
        people(number, 4000 + 100 * number).to_csv(folder / f"{state}.csv", index=False)
        plan = [
            {"id": i, "template": "tiny", "parameters": {"title": f"{state} {i}"}}
            for i in ("one", "two")
        ]
        (folder / f"{state}.runs.yml").write_text(json.dumps({"runs": plan}))
    levels = {"a": ["x", "y", "z"], "b": ["low", "high"]}
    variables = {
        name: {"column": name, "values": {v: v for v in of}}
        for name, of in levels.items()
    }
    variables["y"] = {"column": "y", "values": {"Yes": 1, "No": 0}}
    source = {"id": "made", "kind": "supplied", "label": "Made up"}
    mapping = {
        "source": source,
        "file": "old.csv",
        "variables": variables,
        "design": {"weight": "w"},
    }
    (folder / "mapping.yml").write_text(json.dumps(mapping))
    sets = {"all": [], "by-a": ["a"], "by-b": ["b"]}
    cells = {name: {"outcome": "y", "by": by} for name, by in sets.items()}
    (folder / "cells.yml").write_text(
        json.dumps({"mapping": "mapping.yml", "cells": cells})
    )
    (folder / "templates").mkdir()
    place = "os.environ['TRUSTLIB_RUN_FOLDER'] + '/lines.txt'"
    lines = "(f'{title} {i}\\n' for i in range(9000))"
    write = f"open({place}, 'w').writelines({lines})"
    code = [
        new_code_cell("title = ''", metadata={"tags": ["parameters"]}),
        new_code_cell(f"import os\n{write}"),
    ]
    about = {
        "kernelspec": {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
    }
    nbformat.write(
        new_notebook(cells=code, metadata=about), folder / "templates" / "tiny.ipynb"
    )


# -- the commands -----------------------------------------------------------------------------------------------------


def work(case: str, given: Path, folder: Path, state: str) -> None:
    """Run a command in this process; its files land in `folder`."""
    warnings.simplefilter("ignore")
    globals()[f"do_{case}"](given, folder, state)


def command(*words: object) -> None:
    from trustbook.cli import app

    os.chdir(ROOT)
    app([str(word) for word in words])


def beside(given: Path, folder: Path) -> None:
    """The plan of cells and its mapping, beside what is made from them."""
    for name in ("cells.yml", "mapping.yml"):
        if not (folder / name).exists():
            shutil.copy(given / name, folder)


def do_compress(given: Path, folder: Path, state: str) -> None:
    beside(given, folder)
    command("compress", folder / "cells.yml", "--file", given / f"{state}.csv")


def cells(given: Path, state: str) -> tl.Cells:
    frame = tl.read_survey(given / f"{state}.csv", given / "mapping.yml")
    return tl.compress(tl.SurveyDesign(frame, weight="weight"), "y", ["a", "b"])


def do_write(given: Path, folder: Path, state: str) -> None:
    cells(given, state).write(folder / "set.parquet")


def do_publish(given: Path, folder: Path, state: str) -> None:
    tl.publish(tl.cell_means(cells(given, state)), "gaps", folder / "tables")


def do_mapping(given: Path, folder: Path, state: str) -> None:
    if state == "new":
        command("mapping-init", given / "new.csv", "--out", folder / "m.yml")


def do_flow(given: Path, folder: Path, state: str) -> None:
    beside(given, folder)
    from trustbook import dossier

    # Which cells have a dossier is read from the runs of the book: here one has.
    dossier.load_plan = lambda runs: []
    dossier._dossiers = lambda runs, at: [(at / "by-a.parquet", {"trimmed": False})]
    dossier._main(str(folder / "cells.yml"), str(given / f"{state}.csv"))


def do_freeze(given: Path, folder: Path, state: str) -> None:
    from trustbook.findings import FROZEN, freeze

    columns = {name: [f"{state} {name} {i}" for i in range(3000)] for name in FROZEN}
    freeze(pd.DataFrame(columns), folder / "frozen.csv")


def do_ledger(given: Path, folder: Path, state: str) -> None:
    from trustbook.ledger import write_ledger

    row = {
        "claim": state,
        "run": "one",
        "verdict": "agrees",
        "n": 100.0,
        "published_low": 1.0,
        "published_high": 2.0,
        "published": 1.5,
        "ours": 1.4,
        "conf_low": 1.0,
        "conf_high": 2.0,
    }
    write_ledger(pd.DataFrame([row] * 2000), folder)


def do_crate(given: Path, folder: Path, state: str) -> None:
    from trustbook.release import write_crate

    (folder / "data").mkdir(exist_ok=True)
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "data" / "manifest.yml").write_text("files: []\n")
    cited = {
        "title": state,
        "abstract": state * 9000,
        "version": "1",
        "license": "MIT",
        "keywords": ["a"],
        "date-released": "2026-11-28",
        "authors": [{"name": "made up"}],
    }
    (folder / "CITATION.cff").write_text(json.dumps(cited))
    write_crate(folder, folder / "runs")


def stand_in(given: Path, state: str) -> pd.DataFrame:
    frame = pd.read_csv(given / f"{state}.csv").rename(columns={"w": "weight"})
    frame.attrs["source"] = {"id": "made", "kind": "synthetic", "label": "Made up"}
    return frame


def do_draw(given: Path, folder: Path, state: str) -> None:
    from trustlib.record.simulate import write_people

    write_people(stand_in(given, state), folder / "people.parquet")


def do_simulate(given: Path, folder: Path, state: str) -> None:
    from trustlib.record import simulate

    frame = stand_in(given, state)
    simulate.load_targets = lambda path: None
    simulate.true_model = lambda plan: {"model": [state] * 3000}
    simulate.simulate = lambda plan, model: frame
    simulate.calibration_table = lambda frame, plan: pd.DataFrame(
        {"achieved": [0.1] * 3000, "of": state}
    )
    simulate.write(folder / "stand-in")


def do_runs(given: Path, folder: Path, state: str) -> None:
    import trustbook.engine as engine

    engine.PRELOAD[:] = [
        "trustbook.runs",
        "trustbook.engine",
    ]  # these notebooks need no more
    command(
        "run", "--plan", given / f"{state}.runs.yml", "--out", folder / "out", "--force"
    )


def do_reproduce(given: Path, folder: Path, state: str) -> None:
    from trustbook import private_book

    def build(out: Path) -> None:
        site = out / "_build" / "html"
        shutil.copytree(out / "book", site)
        shutil.copy(site / "index.md", site / "index.html")

    private_book._build = build  # Sphinx alone would take a minute
    os.chdir(ROOT)
    people = given / f"{state}.csv"
    out = folder / "private"
    command(
        "reproduce",
        people,
        "--mapping",
        given / "mapping.yml",
        "--out",
        out,
        "--axis",
        "b",
    )


# -- what is there ----------------------------------------------------------------------------------------------------


def digest(path: Path) -> str:
    """What a file or a folder holds; an empty text if it is not there."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name not in UNSTEADY)
    held = [f"{p.relative_to(path)} {digest(p)}" for p in files]
    return hashlib.sha256("\n".join(held).encode()).hexdigest() if held else ""


def state_of(folder: Path, case: str) -> list[str]:
    return [digest(folder / name) for name in TARGETS[case]]


def begun(folder: Path) -> bool:
    """Whether something temporary is there."""
    return any(
        name.endswith(".new")
        for _, folders, files in os.walk(folder)
        for name in (*folders, *files)
    )


class Project:
    """The project, and for each command its two states and its time."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.given = base / "given"
        self.given.mkdir()
        project(self.given)
        self.random = random.Random(13)
        self.states: dict[str, list[list[str]]] = {}
        self.seconds: dict[str, float] = {}
        self.pages: dict[str, int] = {}

    def start(self, case: str, folder: Path, state: str, begin=None):
        process = get_context("forkserver").Process(
            target=begin or work, args=(case, self.given, folder, state)
        )
        process.start()
        return process

    def prepare(self, case: str) -> None:
        """Both states, undisturbed, and how long the second takes."""
        place = self.base / case
        place.mkdir()
        self.states[case] = []
        for state in ("old", "new"):
            began = time.monotonic()
            self.start(case, place, state).join()
            self.seconds[case] = time.monotonic() - began
            self.states[case].append(state_of(place, case))
            if state == "old":
                shutil.copytree(place, self.base / f"{case}.old", symlinks=True)
        targets = [place / name for name in TARGETS[case]]
        sizes = [
            p.stat().st_size for t in targets for p in (t, *t.rglob("*")) if p.is_file()
        ]
        self.pages[case] = sum(-(-size // PAGE) for size in sizes)
        assert all(self.states[case][1]), f"{case} writes nothing"
        assert self.states[case][0] != self.states[case][1], f"{case}: old is new"

    def reset(self, case: str) -> Path:
        place = self.base / case
        shutil.rmtree(place)
        shutil.copytree(self.base / f"{case}.old", place, symlinks=True)
        return place

    def kill(self, case: str, number: int) -> str:
        """One kill; says what was there afterwards."""
        place = self.reset(case)
        process = self.start(case, place, "new")
        if number % 2:
            time.sleep(self.seconds[case] * self.random.random())
        else:
            while process.is_alive() and not begun(place):
                time.sleep(0.0005)
            time.sleep(self.random.choice([0, 0, 0.001, 0.003, 0.01, 0.03]))
        process.kill()
        process.join()
        time.sleep(0.2 if case in ("runs", "reproduce") else 0)  # orphans end
        return self.found(case, place)

    def found(self, case: str, place: Path) -> str:
        states = self.states[case]
        now = state_of(place, case)
        verdicts = {
            "old" if n == old else "new" if n == new else "NEITHER"
            for n, old, new in zip(now, *states, strict=True)
        }
        return " and ".join(sorted(verdicts))

    def completes(self, case: str) -> bool:
        """Whether the next undisturbed call gives the new state and leaves nothing temporary."""
        place = self.base / case
        if case == "mapping":
            (place / "m.yml").unlink(missing_ok=True)
        self.start(case, place, "new").join()
        return self.found(case, place) == "new" and not begun(place)


# -- a full disk ------------------------------------------------------------------------------------------------------


def limited(case: str, given: Path, folder: Path, state: str) -> None:
    """A command that may write no file beyond some bytes, and says how it ended."""
    bytes_left = int(os.environ["KILLS_LIMIT"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, bytes_left))
    told(case, given, folder, state)


def told(case: str, given: Path, folder: Path, state: str) -> None:
    """A command whose ending is left as the exit status: 1 and one sentence, or 3 for a foreign error."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        work(case, given, folder, state)
    except tl.TrustlibError:
        os._exit(1)
    except SystemExit as ended:
        os._exit(ended.code or 0)
    except OSError as error:
        os._exit(1 if case in ("compress", "mapping", "runs") else 4 + bool(error))
    os._exit(0)


PAGE = 4096


def mounted(place: Path) -> bool:
    """A small disk in memory at a place; False where none may be mounted."""
    asked = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def fill(place: Path, pages: int) -> None:
    """Fill a disk until so many pages are left."""
    facts = os.statvfs(place)
    free = facts.f_bavail * facts.f_frsize
    (place / "filler").write_bytes(b"x" * (free - pages * PAGE))


def full_disk(small: Project, case: str) -> tuple[str, int]:
    """One command on a full disk: what was there afterwards, and its status."""
    place = small.base / case
    shutil.rmtree(place)
    place.mkdir()
    needed = small.pages[case]
    on_disk = mounted(place)
    try:
        shutil.copytree(small.base / f"{case}.old", place, dirs_exist_ok=True)
        if on_disk:
            fill(place, small.random.randrange(needed))
        os.environ["KILLS_LIMIT"] = str(small.random.randrange(PAGE))
        process = small.start(case, place, "new", told if on_disk else limited)
        process.join()
        return small.found(case, place), process.exitcode
    finally:
        if on_disk:
            subprocess.run(["umount", str(place)], check=True)


# -- the whole --------------------------------------------------------------------------------------------------------


def main(kills: int, disks: int, slow: int = 16) -> int:
    """Kill and fill, and say the numbers."""
    import trustbook.engine as engine

    context = get_context("forkserver")
    engine.PRELOAD[:] = [
        *engine.PRELOAD,
        "trustbook.cli",
        "trustbook.private_book",
        "trustlib.record.simulate",
        "kills",
    ]
    context.set_forkserver_preload(engine.PRELOAD)
    counts: Counter = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as base:
        small = Project(Path(base))
        for case in TARGETS:
            small.prepare(case)
            of = (
                slow
                if case == "reproduce"
                else -(-(kills - slow) // max(1, len(TARGETS) - 1))
            )
            for number in range(of):
                verdict = small.kill(case, number)
                counts[case, verdict] += 1
                if "NEITHER" in verdict:
                    wrong.append(f"{case}, kill {number}: {verdict}")
                if number % 12 == 11 and not small.completes(case):
                    wrong.append(f"{case}, call after kill {number}: not complete")
            print(
                case,
                f"{small.seconds[case]:.2f} s,",
                {v: n for (c, v), n in counts.items() if c == case},
                flush=True,
            )
        statuses: Counter = Counter()
        cases = list(TARGETS)
        for number in range(disks):
            case = cases[number % len(cases)]
            verdict, status = full_disk(small, case)
            statuses[verdict, status] += 1
            if "NEITHER" in verdict or status not in (0, 1):
                wrong.append(f"{case}, full disk {number}: {verdict}, status {status}")
        print("full disks (what is there, status):", dict(statuses))
    print("\n".join(wrong))
    print(f"{sum(counts.values())} kills, {disks} full disks, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import kills

    sys.exit(kills.main(*map(int, sys.argv[1:])))
