"""The rules of the house: the lock, the commands, the continuous check, the contents of the book."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trustbook.runs import load_plan

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# Each of these compiles a grammar whenever a notebook is read, which makes every run slower.
UNWANTED = {
    "jupyter-server",
    "jupyterlab",
    "notebook",
    "jupyterlite",
    "jupyterlite-core",
    "jupyterlite-sphinx",
}
PYTHONS = ("3.11", "3.12", "3.13")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, also where these tests were themselves started by make."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "TRUSTLIB_"))
    }
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=own, capture_output=True, text=True, check=False
    )


# The extra with a lock and an environment of its own.
APART = "engines"
ENGINES_LOCK = (ROOT / "tests" / "outside" / "engines.lock").read_text(encoding="utf-8")


def locked(text: str = LOCK) -> list[Requirement]:
    lines = [line.removesuffix("\\").strip() for line in text.splitlines()]
    return [
        Requirement(line)
        for line in lines
        if re.match(r"^[a-z0-9]", line, re.IGNORECASE)
    ]


def wanted() -> list[Requirement]:
    extras = [
        group
        for name, group in PROJECT["optional-dependencies"].items()
        if name != APART
    ]
    return [
        Requirement(line)
        for group in [PROJECT["dependencies"], *extras]
        for line in group
    ]


def environment(python: str) -> dict[str, str]:
    linux = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
    }
    return {
        **default_environment(),
        **linux,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }


class TestLock:
    @pytest.mark.parametrize("python", PYTHONS)
    def test_it_satisfies_the_project(self, python: str) -> None:
        here = environment(python)
        versions: dict[str, list[str]] = {}
        for pin in locked():
            if pin.marker is None or pin.marker.evaluate(here):
                versions.setdefault(canonicalize_name(pin.name), []).append(
                    next(iter(pin.specifier)).version
                )
        faults = []
        for need in wanted():
            found = versions.get(canonicalize_name(need.name), [])
            if len(found) != 1 or not need.specifier.contains(
                found[0], prereleases=True
            ):
                faults.append(f"{need} is wanted, the lock has {found or 'nothing'}")
        assert not faults, "make lock writes the lock again\n  " + "\n  ".join(faults)

    def test_it_is_exact_and_hashed(self) -> None:
        loose = [
            str(pin)
            for pin in locked()
            if [s.operator for s in pin.specifier] != ["=="]
        ]
        assert not loose, "make lock pins each version exactly"
        blocks = re.split(r"\n(?=[a-z0-9])", LOCK, flags=re.IGNORECASE)[1:]
        assert len(blocks) == len(locked())
        assert [
            block.split()[0] for block in blocks if "--hash=sha256:" not in block
        ] == []

    def test_it_holds_no_address(self) -> None:
        assert (
            re.findall(
                r"\w+://\S*|--(?:index-url|extra-index-url|find-links)\S*|\S+ @ \S+",
                LOCK,
            )
            == []
        )

    def test_it_stays_lean(self) -> None:
        heavy = UNWANTED & {canonicalize_name(pin.name) for pin in locked()}
        assert not heavy, "take out what needs these, and make lock again"


class TestEngines:
    """What Spark and Dask are tried with is pinned and hashed, and apart from the rest."""

    def test_it_satisfies_its_extra(self) -> None:
        pins = {
            canonicalize_name(pin.name): next(iter(pin.specifier)).version
            for pin in locked(ENGINES_LOCK)
        }
        extras = PROJECT["optional-dependencies"]
        lines = [*extras[APART], *extras["book"], "setuptools>=80"]
        for need in map(Requirement, lines):
            version = pins.get(canonicalize_name(need.name))
            assert version is not None, f"{need} is not locked: make lock"
            assert need.specifier.contains(version), f"{need}: make lock"
        assert "pyspark" not in {pin.name for pin in locked()}

    def test_it_is_hashed_and_holds_no_address(self) -> None:
        blocks = re.split(r"\n(?=[a-z0-9])", ENGINES_LOCK, flags=re.IGNORECASE)[1:]
        assert len(blocks) == len(locked(ENGINES_LOCK)) > 100
        assert [b.split()[0] for b in blocks if "--hash=sha256:" not in b] == []
        assert not re.findall(
            r"\w+://|--(?:index|extra-index|find-links)| @ ", ENGINES_LOCK
        )

    def test_the_workflow_runs_it(self) -> None:
        workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
        assert "make test-engines" in workflow
        assert "test-engines" not in make("-n", "env").stdout


class TestInstaller:
    """What installs everything else is pinned and hashed too."""

    TEXT = (ROOT / "installer.lock").read_text(encoding="utf-8")

    def test_it_is_one_package_exact_and_hashed_for_every_platform(self) -> None:
        pins = re.findall(r"^([a-z0-9-]+)==([\d.]+) ", self.TEXT, re.MULTILINE)
        assert [name for name, _ in pins] == ["uv"]
        lines = self.TEXT.replace("\\\n", "").splitlines()
        stray = [line for line in lines if not line.startswith(("#", "uv=="))]
        assert stray == [], "make lock writes it"
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", self.TEXT)
        assert len(set(hashes)) >= 15, "make lock takes the wheels of all platforms"

    def test_it_holds_no_address(self) -> None:
        assert not re.findall(
            r"\w+://|--(?:index|extra-index|find-links)| @ ", self.TEXT
        )

    def test_nothing_is_installed_without_its_hash(self) -> None:
        lines = [
            line.strip()
            for line in MAKEFILE.splitlines()
            if re.search(r"pip (?:install|sync)", line)
        ]
        own = [line for line in lines if "--no-deps --no-build-isolation -e ." in line]
        others = [line for line in lines if line not in own and "echo" not in line]
        assert len(own) == 1
        assert len(others) >= 3
        assert [line for line in others if "--require-hashes" not in line] == []

    def test_the_command_that_locks_writes_it(self) -> None:
        done = make("-n", "lock")
        assert done.returncode == 0, done.stderr
        written = re.findall(r"--output-file (\S+)", done.stdout)
        assert {"installer.lock", "requirements.lock"} <= set(written)
        assert done.stdout.count("--generate-hashes") == len(written)
        assert done.stdout.count("--no-emit-index-url") == len(written)


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# What a job may do to the repository's pages, beside reading the repository.
PUBLISHING = {"pages": "write", "id-token": "write"}


def jobs_of(path: Path) -> dict[str, dict]:
    """Job -> what stands of it in a workflow, with the permissions it has."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    default = workflow.get("permissions", "write-all")
    return {
        name: {"permissions": default, **job} for name, job in workflow["jobs"].items()
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
class TestWorkflows:
    def test_a_job_that_runs_code_may_read_the_repository_and_nothing_else(
        self, path: Path
    ) -> None:
        for name, job in jobs_of(path).items():
            if any("run" in step for step in job["steps"]):
                assert job["permissions"] == {"contents": "read"}, name

    def test_a_job_that_may_write_runs_no_code_of_ours(self, path: Path) -> None:
        for name, job in jobs_of(path).items():
            if job["permissions"] == {"contents": "read"}:
                continue
            assert job["permissions"] == PUBLISHING, name
            actions = [step.get("uses", "").split("@")[0] for step in job["steps"]]
            assert actions == ["actions/deploy-pages"], name

    def test_no_job_is_given_a_secret_or_keeps_the_token(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"secrets\.|secrets\[|github\.token|GITHUB_TOKEN", text)
        for job in jobs_of(path).values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False

    def test_every_action_is_pinned_by_its_hash(self, path: Path) -> None:
        used = [
            step["uses"]
            for job in jobs_of(path).values()
            for step in job["steps"]
            if "uses" in step
        ]
        assert used
        assert [
            use for use in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", use)
        ] == []


def test_the_book_is_built_in_one_job_and_published_in_another() -> None:
    jobs = jobs_of(ROOT / ".github" / "workflows" / "pages.yml")
    publishing = {n for n, job in jobs.items() if job["permissions"] == PUBLISHING}
    assert len(publishing) == 1
    (name,) = publishing
    assert jobs[name]["needs"] in set(jobs) - publishing


@pytest.mark.parametrize(("name", "when"), [("nightly", "schedule"), ("pages", "push")])
def test_the_whole_book_is_opened_every_night_and_before_it_is_published(
    name: str, when: str
) -> None:
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert when in workflow[True]  # YAML reads the key "on" as true
    runs = [step.get("run") for job in jobs_of(path).values() for step in job["steps"]]
    assert runs.index("make book") < runs.index("make browser")


class TestCommands:
    def test_every_command_explains_itself(self) -> None:
        rules = re.findall(r"^([a-z][a-z-]*):(?!=)(.*)$", MAKEFILE, re.MULTILINE)
        silent = [name for name, rest in rules if not re.search(r" ## \S", rest)]
        assert rules
        assert silent == [], "say what each does, after ##, in its line of the Makefile"

    def test_help_lists_every_command(self) -> None:
        rules = set(re.findall(r"^([a-z][a-z-]*):.* ## ", MAKEFILE, re.MULTILINE))
        done = subprocess.run(
            ["make", "--no-print-directory"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert rules == set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))

    def test_a_data_folder_that_is_missing_is_refused(self) -> None:
        done = make("help", "TRUSTLIB_DATA=no/such/folder")
        assert done.returncode != 0
        assert "'no/such/folder', which is not a folder" in done.stderr

    def test_the_continuous_check_is_the_two_commands(self) -> None:
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        assert re.findall(r"^\s*(make .*)$", script, re.MULTILINE) == [
            "make test",
            "make book",
        ]
        assert "set -euo pipefail" in script
        assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


class TestBook:
    def test_every_page_of_the_contents_exists(self) -> None:
        toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
        absent = [page for page in toc_files(toc) if not page_exists(page)]
        assert not absent, "write these pages, or take them out of _toc.yml"

    def test_every_page_that_exists_is_in_the_contents(self) -> None:
        toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
        book = ROOT / "book"
        written = {
            p.relative_to(book).with_suffix("").as_posix()
            for p in book.rglob("*.md")
            if own_page(p)
        }
        lacking = written - {page.removesuffix(".md") for page in toc_files(toc)}
        assert not lacking, "name these pages in _toc.yml"

    def test_the_contents_stay_readable(self) -> None:
        """Every run that has a page is named in the contents (test_structure), so these are all pages, grids included."""
        text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
        assert "glob:" not in text, (
            "pages of a pattern cannot be counted here: name them"
        )
        named = toc_files(yaml.safe_load(text))
        assert len(named) == len(set(named)), "a page stands twice in _toc.yml"
        assert len(named) <= 230, (
            "what goes beyond stays in tables: set `page: false` for the run"
        )

    def test_versions_agree(self) -> None:
        version = PROJECT["version"]
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        assert str(citation["version"]) == version, (
            "CITATION.cff has the version of pyproject.toml"
        )
        changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        assert f"## {version}" in changes, (
            f"tell in CHANGELOG.md what {version} brought"
        )
        assert re.fullmatch(r"20\d\d\.(?:[1-9]|1[0-2])\.\d+", version)


def toc_files(node: object) -> list[str]:
    """Return every page the contents name, globs left out."""
    if isinstance(node, list):
        return [page for item in node for page in toc_files(item)]
    if isinstance(node, dict):
        here = [node[key] for key in ("root", "file") if key in node]
        return here + [page for value in node.values() for page in toc_files(value)]
    return []


def page_exists(page: str) -> bool:
    """Tell whether a page is in the book, or is a run that notebooks/runs.yml makes."""
    book = ROOT / "book"
    if page.startswith("_runs/"):
        name = Path(page).name.removesuffix(".ipynb")
        names = {
            run.id for run in load_plan(ROOT / "notebooks" / "runs.yml") if run.page
        }
        return page.removesuffix(".ipynb") == f"_runs/{name}/{name}" and name in names
    return any((book / f"{page}{end}").is_file() for end in ("", ".md", ".ipynb"))


def own_page(path: Path) -> bool:
    parts = path.relative_to(ROOT / "book").parts
    return not {"_runs", "_ext", "_static"} & set(parts)


def manifest() -> list[dict]:
    return yaml.safe_load((ROOT / "data" / "manifest.yml").read_text())["files"]


@pytest.mark.parametrize("entry", manifest(), ids=lambda e: e["path"])
def test_the_manifest_describes_what_is_there(entry):
    assert {"path", "where", "what", "source", "terms"} <= set(entry)
    if entry["where"] == "committed":
        assert (ROOT / entry["path"]).exists()
        if "sha256" in entry:
            assert (
                hashlib.sha256((ROOT / entry["path"]).read_bytes()).hexdigest()
                == entry["sha256"]
            )
    else:
        path = ROOT / os.environ.get("TRUSTLIB_DATA", "data/external") / entry["path"]
        if not path.is_file():
            pytest.skip(
                f"needs {entry['path']} below TRUSTLIB_DATA (default data/external)"
            )
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]


def test_every_published_file_is_in_the_manifest():
    named = {Path(entry["path"]).name for entry in manifest()}
    lacking = {p.name for p in (ROOT / "data" / "published").iterdir()} - named
    assert not lacking, "give these an entry in data/manifest.yml"
