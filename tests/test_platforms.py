"""Where a partner is: Windows is refused with a recipe that works, macOS has other programs, the container is complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from trustbook import start

ROOT = Path(__file__).resolve().parents[1]
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def copied() -> list[str]:
    """What the Containerfile takes from the repository."""
    lines = re.findall(r"^COPY (.*)$", CONTAINERFILE, re.MULTILINE)
    return [path for line in lines for path in line.split()[:-1]]


def steps() -> str:
    """What it does, without its remarks and with one line for each step."""
    lines = [line for line in CONTAINERFILE.splitlines() if not line.startswith("#")]
    return re.sub(r" *\\\n *", " ", "\n".join(lines))


class TestWindows:
    @pytest.fixture(autouse=True)
    def on_windows(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(start, "_answer", lambda answer: {})

    @pytest.mark.parametrize("command", ["reproduce", "run"])
    def test_a_command_that_executes_notebooks_says_in_one_line_what_to_do(
        self, monkeypatch, command
    ):
        monkeypatch.setattr(sys, "argv", ["trustlib", command, "FILE"])
        with pytest.raises(SystemExit) as refused:
            start.main()
        told = str(refused.value)
        assert len(told.splitlines()) == 1
        assert told.startswith(f"trustlib {command} runs on Linux and macOS.")
        recipe = re.search(r"docker run [^.]* trustgap " + command, told)
        assert recipe
        assert "docker build -t trustgap -f Containerfile ." in told
        assert "${PWD}:/work" in recipe[0]

    @pytest.mark.parametrize(
        "words", [["validate", "a.csv"], ["mapping-init"], ["--help"], []]
    )
    def test_other_commands_are_not_refused(self, words):
        start._require_system(words)

    def test_the_recipe_names_what_the_container_has(self):
        told = start.CONTAINER.format(command="reproduce")
        mounted = re.findall(r"-v \S*?:(/\w+)\"? ", told)
        assert mounted == ["/work", "/keys"]
        for folder in mounted:
            assert re.search(rf"(?:WORKDIR|VOLUME) {folder}$", CONTAINERFILE, re.M)
        assert f"XDG_CONFIG_HOME={mounted[1]}" in CONTAINERFILE
        assert 'ENTRYPOINT ["trustlib"]' in CONTAINERFILE


def test_other_systems_are_not_refused(monkeypatch):
    for system in ("linux", "darwin"):
        monkeypatch.setattr(sys, "platform", system)
        start._require_system(["reproduce", "a.csv"])


class TestMacOS:
    """It has shasum in place of sha256sum."""

    def hashed(self, tmp_path: Path, *programs: str) -> str:
        """What the Makefile hashes, where only some programs are found."""
        found = tmp_path / "-".join(("bin", *programs))
        found.mkdir()
        for name in ("bash", "find", "sort", "xargs", "perl", *programs):
            path = shutil.which(name)
            if path is None:
                pytest.skip(f"there is no {name} here")
            (found / name).symlink_to(path)
        rule = tmp_path / "print.mk"
        rule.write_text("print-hash:\n\t@$(PAGES_REST_ON)\n")
        make = shutil.which("make")
        assert make is not None
        words = ["--no-print-directory", "-f", "Makefile", "-f", str(rule), "print-hash"]  # fmt: skip
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "TRUSTLIB"))}  # fmt: skip
        done = subprocess.run([make, *words], cwd=ROOT, env={**own, "PATH": str(found)},
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.split()[0]

    def test_the_book_is_known_by_the_same_hash(self, tmp_path):
        here = self.hashed(tmp_path, "sha256sum")
        assert re.fullmatch("[0-9a-f]{64}", here)
        assert self.hashed(tmp_path, "shasum") == here

    def test_no_recipe_names_a_program_that_only_linux_has(self):
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        named = [line for line in makefile.splitlines() if "sha256sum" in line]
        assert [line.split()[0] for line in named] == ["#", "SHA256"]


class TestContainer:
    def test_its_base_is_one_version(self):
        (base,) = re.findall(r"^FROM (\S+)$", CONTAINERFILE, re.MULTILINE)
        assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", base)

    def test_it_installs_nothing_without_its_hash(self):
        installs = re.findall(r"pip (?:install|sync)[^&\n]*", steps())
        ours = [line for line in installs if "--no-deps --no-build-isolation" in line]
        assert len(ours) == 1
        others = [line for line in installs if line not in ours]
        assert len(others) == 2
        assert all("--require-hashes" in line for line in others)
        assert not re.search(r"\b(?:curl|wget|apt-get|git clone|ADD)\b", steps())

    def test_what_it_copies_is_there_and_nothing_else_is_sent(self):
        assert all((ROOT / path).exists() for path in copied())
        sent = [line[1:] for line in IGNORED if line.startswith("!")]
        assert sorted(sent) == sorted(copied())
        assert IGNORED[1] == "*"

    def test_a_wheel_can_be_made_of_what_it_copies(self, tmp_path):
        for path in copied():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / path).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / path, target, ignore=ignored)
            else:
                shutil.copy(ROOT / path, target)
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        done = subprocess.run(build, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        (wheel,) = (tmp_path / "dist").glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        given = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
        for place in given.values():
            assert any(name.startswith(place) for name in names), place

    def test_the_workflow_of_the_repository_makes_it_and_a_book_without_a_network(self):
        path = ROOT / ".github" / "workflows" / "container.yml"
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        runs = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "run" in step]  # fmt: skip
        assert runs[0] == "docker build --tag trustgap --file Containerfile ."
        assert "--network none" in runs[1]
        assert "reproduce data/synthetic/trust_polling_synthetic.parquet" in runs[1]
        assert {"push", "pull_request"} <= set(workflow[True])
