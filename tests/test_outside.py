"""The wheel, outside the checkout: alone, with the lowest versions, and as the application.

`make env` makes `.venv-bare` (the dependencies of the wheel, as locked) and
`.venv-lowest` (their lowest versions). What runs in them lies in `tests/outside`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests" / "outside"
ENVIRONMENTS = (".venv-bare", ".venv-lowest")
# They need the oracle, the results of R and nothing else that is not in the wheel.
MODULES = ("test_variance", "test_interaction", "test_welch", "test_degenerate")
NOT_OURS = re.compile(r"pip3?\s+install\s[^\n`]*?(?<![\w./-])trustlib(?![\w./-])")


def run(
    python: Path | str, folder: Path, installed: Path, *words: object
) -> subprocess.CompletedProcess[str]:
    """A program in a folder outside the checkout, with the wheel and nothing else of ours."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "TRUSTLIB", "COVERAGE", "MPL"))
    }
    environment |= {
        "PYTHONPATH": str(installed),
        "OPENBLAS_NUM_THREADS": "1",
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        [str(python), *(str(word) for word in words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def passes(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed that ended well."""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def run_tests(python: Path, folder: Path, installed: Path, *names: str) -> None:
    """Test modules that lie in a folder pass there."""
    quiet = ("-q", "-p", "no:cacheprovider", "-W", "ignore")
    told = passes(run(python, folder, installed, "-m", "pytest", *quiet, *names))
    assert " passed" in told


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """A folder that holds what the wheel installs, without its dependencies."""
    made = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = made.glob("trustgap-*.whl")
    folder = made / "installed"
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(params=ENVIRONMENTS)
def python(request) -> Path:
    """The Python of an environment without the application."""
    path = ROOT / request.param / "bin" / "python"
    if not path.exists():
        pytest.skip(f"there is no {request.param}: `make env` makes it")
    return path


def ten_lines() -> str:
    """The library in ten lines, as the README shows it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## The library in ten lines")[2]
    return section.partition("```python\n")[2].partition("```")[0]


@pytest.mark.slow
class TestLibraryAlone:
    def test_the_ten_lines_of_the_readme(self, python, installed, tmp_path):
        passes(run(python, tmp_path, installed, OUTSIDE / "survey.py"))
        lines = ten_lines()
        assert lines.rstrip().endswith("tl.table(gaps)")
        (tmp_path / "lines.py").write_text(lines + "print(gaps.frame.to_csv())\n")
        told = passes(run(python, tmp_path, installed, "lines.py"))
        assert len(told.splitlines()) == 4 + 1

    def test_one_verb_of_each_kind(self, python, installed, tmp_path):
        for name in ("survey.py", "verbs.py"):
            shutil.copy(OUTSIDE / name, tmp_path)
        run_tests(python, tmp_path, installed, "verbs.py")

    @pytest.mark.parametrize("words", [["validate"], ["--help"], ["run", "--dry-run"]])
    def test_a_command_says_in_one_line_what_to_install(
        self, python, installed, tmp_path, words
    ):
        done = run(python, tmp_path, installed, "-m", "trustbook.start", *words)
        assert done.returncode == 1
        (line,) = (done.stdout + done.stderr).splitlines()
        assert 'extra "book"' in line
        (wheel,) = installed.parent.glob("*.whl")
        assert f'pip install "trustgap[book] @ file:///path/to/{wheel.name}"' in line
        assert not NOT_OURS.search(line)


@pytest.mark.slow
class TestOurTests:
    def test_they_pass_on_the_wheel(self, python, installed, tmp_path):
        names = [f"{name}.py" for name in MODULES]
        for name in (*names, "oracle.py", "conftest.py"):
            shutil.copy(ROOT / "tests" / name, tmp_path)
        shutil.copytree(ROOT / "tests" / "reference", tmp_path / "reference")
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: is slow\n")
        run_tests(python, tmp_path, installed, *names)


@pytest.mark.slow
class TestApplication:
    def test_the_version(self, installed, tmp_path):
        told = passes(
            run(
                sys.executable,
                tmp_path,
                installed,
                "-m",
                "trustbook.start",
                "--version",
            )
        )
        (wheel,) = installed.parent.glob("*.whl")
        name, version, *_ = wheel.name.split("-")
        assert told == f"{name} {version}\n"

    def test_the_practice_file_makes_a_private_book(self, installed, tmp_path):
        practice = installed / "trustbook" / "project" / "data" / "synthetic"
        words = ["reproduce", practice / "trust_polling_synthetic.parquet"]
        words += ["--mapping", practice / "mapping.yml"]
        words += ["--outcome", "trust_damaged_provider", "--axis", "gender"]
        told = passes(
            run(sys.executable, tmp_path, installed, "-m", "trustbook.start", *words)
        )
        assert "The private book: " in told
        page = tmp_path / "private" / "_build" / "html" / "index.html"
        assert "synthetic" in page.read_text(encoding="utf-8").lower()
        assert [path.name for path in tmp_path.iterdir()] == ["private"]


def documents() -> list[Path]:
    """What tells a reader how to install something."""
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages = (ROOT / "book").rglob("*.md")
    texts += [path for path in pages if "_runs" not in path.parts]
    return [*texts, *(ROOT / "notebooks").rglob("*.ipynb")]


def test_documents_install_no_package_of_somebody_else():
    """The name trustlib in the public index belongs to another package."""
    texts = {path: path.read_text(encoding="utf-8") for path in documents()}
    wrong = [path.name for path, text in texts.items() if NOT_OURS.search(text)]
    assert len(texts) > 50
    assert not wrong, 'install our wheel by its path: "trustgap[book] @ file:///..."'


@pytest.mark.parametrize(
    "line",
    [
        "pip install trustlib",
        "python -m pip install --upgrade trustlib",
        '%pip install "trustlib[book]"',
        "uv pip install numpy trustlib==1.0",
        "pip3 install 'trustlib>=2'",
    ],
)
def test_the_check_of_documents_can_fail(line):
    assert NOT_OURS.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "pip install dist/trustgap-2026.11.0-py3-none-any.whl",
        'pip install "trustgap[book] @ file:///path/to/trustgap-2026.11.0-py3-none-any.whl"',
        "pip install numpy` before `import trustlib",
        "pip install -e .\ntrustlib run",
    ],
)
def test_our_own_wheel_may_be_installed(line):
    assert not NOT_OURS.search(line)
