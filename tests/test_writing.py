"""Files and folders are written whole: after a kill, a full disk or a refusal the old one is there, or the new."""

from __future__ import annotations

import ast
import errno
import fcntl
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

import trustlib as tl
from trustlib.writing import (
    first_refusal,
    recover,
    write_folder,
    write_set,
    write_text,
    write_together,
    write_whole,
)

ROOT = Path(__file__).parents[1]
FORKED = get_context("forkserver")
OLD = b"old " * 1000
NEW = b"new " * 50_000


def left_over(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


def refused(act: Callable[[], object], *words: str) -> str:
    """The sentence with which something is refused."""
    with pytest.raises(tl.SurveyFileError) as caught:
        act()
    told = str(caught.value)
    assert all(word in told for word in words), told
    assert len(told.splitlines()) == 2
    return told


def half_written(writing, error: type[BaseException] = ZeroDivisionError) -> None:
    """Write a part of what was to be written, and fail."""
    with writing as given:
        first = given[0] if isinstance(given, list) else given
        if first.is_dir():
            first = first / "page"
        first.write_bytes(b"half")
        raise error("as asked")


class TestFile:
    def test_the_old_file_is_there_until_the_block_ends(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes(OLD)
        with write_whole(path) as temporary:
            temporary.write_bytes(NEW)
            assert path.read_bytes() == OLD
            assert temporary.parent == path.parent
        assert path.read_bytes() == NEW
        assert left_over(tmp_path) == []

    def test_an_error_in_the_block_leaves_everything_as_it_was(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes(OLD)
        for error in (ZeroDivisionError, KeyboardInterrupt, tl.DesignError):
            with pytest.raises(error):
                half_written(write_whole(path), error)
        assert path.read_bytes() == OLD
        assert left_over(tmp_path) == []

    def test_missing_folders_are_made_and_text_is_written_as_it_is(self, tmp_path):
        path = write_text(tmp_path / "x" / "y" / "é.md", "ä\n日本\n")
        assert path.read_bytes() == "ä\n日本\n".encode()

    def test_permissions_are_kept_and_new_files_follow_the_mask(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(OLD)
        path.chmod(0o640)
        write_text(path, "new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        before = os.umask(0o027)
        try:
            write_text(tmp_path / "b", "new")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o640

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "there").mkdir()
        target = tmp_path / "there" / "a"
        link = tmp_path / "link"
        link.symlink_to(target)
        write_text(link, "first")
        write_text(link, "second")
        assert link.is_symlink()
        assert target.read_text() == "second"
        assert left_over(tmp_path) == left_over(target.parent) == []

    def test_what_is_no_file_is_refused(self, tmp_path):
        refused(lambda: write_text(tmp_path, "x"), "Is a directory")
        ring = tmp_path / "ring"
        ring.symlink_to(ring)
        refused(lambda: write_text(ring, "x"), "ring cannot be written")
        refused(lambda: write_text(os.devnull, "x"), "device")
        assert Path(os.devnull).is_char_device()
        (tmp_path / "file").write_text("mine")
        refused(lambda: write_text(tmp_path / "file" / "x", "x"), "Not a directory")
        refused(lambda: write_text(tmp_path / "a\0b", "x"), "null")
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_long_name_is_written_and_one_that_is_too_long_is_refused(self, tmp_path):
        longest = "n" * 255
        write_text(tmp_path / longest, "x")
        assert os.listdir(tmp_path) == [longest]
        told = refused(lambda: write_text(tmp_path / ("n" * 256), "x"), "too long")
        assert len(told) < 400

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_protected_file_and_folder_are_refused(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(OLD)
        path.chmod(0o444)
        refused(lambda: write_text(path, "x"), "Permission denied")
        tmp_path.chmod(0o555)
        refused(lambda: write_text(tmp_path / "b", "x"), "Permission denied")
        tmp_path.chmod(0o755)
        assert path.read_bytes() == OLD

    def test_nothing_is_written_over_where_that_is_asked_for(self, tmp_path):
        path = tmp_path / "m.yml"
        write_text(path, "mine", new=True)
        refused(lambda: write_text(path, "theirs", new=True), "File exists")
        with pytest.raises(tl.SurveyFileError), write_whole(path.with_name("b"), True):
            path.with_name("b").write_text("somebody was quicker")
        assert path.read_text() == "mine"
        assert path.with_name("b").read_text() == "somebody was quicker"
        assert left_over(tmp_path) == []

    def test_what_a_killed_writer_left_goes_and_what_another_writes_stays(
        self, tmp_path
    ):
        left = tmp_path / ".a.0123abcd.new"
        left.write_text("half")
        other = tmp_path / ".b.0123abcd.new"
        other.write_text("of another file")
        with write_whole(tmp_path / "a") as first:
            assert not left.exists()
            first.write_text("first")
            write_text(tmp_path / "a", "second, in between")
            assert first.exists()
        assert (tmp_path / "a").read_text() == "first"
        assert left_over(tmp_path) == [other.name]


class TestTogether:
    def test_all_are_written_before_the_first_takes_its_place(self, tmp_path):
        paths = [tmp_path / name for name in ("a", "b", "c")]
        for path in paths:
            path.write_bytes(OLD)
        with pytest.raises(ZeroDivisionError):
            half_written(write_together(paths))
        assert [path.read_bytes() for path in paths] == [OLD] * 3
        with write_together(paths) as temporary:
            for path in temporary:
                path.write_bytes(NEW)
        assert [path.read_bytes() for path in paths] == [NEW] * 3
        assert left_over(tmp_path) == []

    def test_the_message_names_what_is_there_already(self, tmp_path, monkeypatch):
        replace = os.replace

        def second_fails(source, target):
            if Path(target).name == "b":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            replace(source, target)

        monkeypatch.setattr(os, "replace", second_fails)
        told = refused(lambda: both(tmp_path), "b cannot be written", "before it: a.")
        assert "Input/output error" in told
        assert left_over(tmp_path) == []


def both(folder: Path) -> None:
    with write_together([folder / "a", folder / "b"]) as temporary:
        for path in temporary:
            path.write_bytes(NEW)


class TestFullDisk:
    @pytest.mark.parametrize("call", ["fsync", "replace", "open", "link"])
    def test_a_full_disk_at_any_call_is_one_sentence(self, tmp_path, monkeypatch, call):
        path = tmp_path / "a"
        if call != "link":
            path.write_bytes(OLD)

        def full(*args, **more):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            refused(lambda: write_text(path, "x", call == "link"), "No space left")
        assert [p.read_bytes() for p in tmp_path.iterdir()] == [OLD] * (call != "link")

    @pytest.mark.parametrize("limit", [0, 1, 4095, 100_000])
    def test_a_file_that_finds_no_room_leaves_the_old_one(self, tmp_path, limit):
        path = tmp_path / "a"
        path.write_bytes(OLD)
        process = FORKED.Process(target=write_with_limit, args=(path, limit))
        process.start()
        process.join()
        assert process.exitcode == 7
        assert path.read_bytes() == OLD
        assert left_over(tmp_path) == []


def write_with_limit(path: Path, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        with write_whole(path) as temporary:
            temporary.write_bytes(NEW)
    except tl.SurveyFileError as error:
        os._exit(7 if "File too large" in str(error) else 8)


class TestFolder:
    def test_it_is_exchanged_as_a_whole(self, tmp_path):
        final = tmp_path / "book"
        for text in ("first", "second"):
            with write_folder(final) as new:
                assert not any(new.iterdir())
                (new / "page").write_text(text)
                (new / text).mkdir()
        assert (final / "page").read_text() == "second"
        assert not (final / "first").exists()
        assert os.listdir(tmp_path) == ["book"]

    def test_an_error_leaves_the_old_one_and_may_leave_work_to_go_on_with(
        self, tmp_path
    ):
        final = tmp_path / "book"
        final.mkdir(mode=0o700)
        (final / "page").write_text("old")
        for resume in (False, True):
            with pytest.raises(ZeroDivisionError):
                half_written(write_folder(final, resume))
            assert (final / "page").read_text() == "old"
            assert (tmp_path / ".book.new").exists() == resume
        with write_folder(final, resume=True) as new:
            assert (new / "page").read_text() == "half"
            assert stat.S_IMODE(new.stat().st_mode) == 0o700
        assert (final / "page").read_text() == "half"

    def test_two_at_once_are_refused(self, tmp_path):
        with (
            write_folder(tmp_path / "book"),
            pytest.raises(tl.RunError, match="at work"),
            write_folder(tmp_path / "book"),
        ):
            pass
        held = os.open(tmp_path / "book", os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            pytest.raises(tl.RunError, match="at work"),
            write_folder(tmp_path / "book"),
        ):
            pass
        os.close(held)

    def test_where_folders_cannot_be_exchanged_the_old_one_comes_back(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(
            "trustlib.writing.folders._exchanged", lambda one, other: False
        )
        final = tmp_path / "book"
        with write_folder(final) as new:
            (new / "page").write_text("old")
        final.rename(tmp_path / ".book.old")  # as a kill between two moves leaves it
        with write_folder(final) as new:
            assert (final / "page").read_text() == "old"
            (new / "page").write_text("new")
        assert (final / "page").read_text() == "new"
        assert os.listdir(tmp_path) == ["book"]

    def test_recover_leaves_what_is_being_written(self, tmp_path):
        with write_whole(tmp_path / "ledger.csv") as temporary:
            (tmp_path / ".one.0123456789ab.new").mkdir()
            recover(tmp_path)
            assert os.listdir(tmp_path) == [temporary.name]

    def test_a_set_of_files_spares_what_lies_beside_it(self, tmp_path):
        folder = tmp_path / "stand-in"
        for text in ("first", "second"):
            with write_set(folder, ["a", "b"]) as places:
                for place in places:
                    place.write_text(text)
        (folder / "mine").write_text("mine")
        with write_set(folder, ["a", "b"]) as places:
            for place in places:
                place.write_text("third")
        found = {path.name: path.read_text() for path in folder.iterdir()}
        assert found == {"a": "third", "b": "third", "mine": "mine"}

    def test_a_file_in_its_place_is_refused(self, tmp_path):
        (tmp_path / "book").write_text("mine")
        with (
            pytest.raises(tl.SurveyFileError, match="Not a directory"),
            write_folder(tmp_path / "book"),
        ):
            pass
        assert (tmp_path / "book").read_text() == "mine"


# -- kills ------------------------------------------------------------------------------------------------------------


def rewrite(path: Path, content: bytes) -> None:
    with write_whole(path) as temporary, temporary.open("wb", buffering=0) as stream:
        for start in range(0, len(content), 2000):
            stream.write(content[start : start + 2000])


def rebuild(final: Path, text: str) -> None:
    with write_folder(final) as new:
        for number in range(40):
            (new / f"{number}").write_text(text * 100)


def compress(folder: Path, file: str) -> None:
    from trustbook.cli import app

    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    app(["compress", str(folder / "cells.yml"), "--file", str(folder / file)])


def kill_in_its_work(target: Callable, given: tuple, folder: Path, wait: float) -> None:
    """Kill a process some time after its first temporary file or folder is there."""
    process = FORKED.Process(target=target, args=given)
    process.start()
    while process.is_alive() and not left_over(folder):
        time.sleep(0.0002)
    time.sleep(wait)
    process.kill()
    process.join()


def test_a_killed_writer_of_a_file_leaves_the_old_or_the_new(tmp_path):
    path = tmp_path / "a"
    instants = random.Random(1)
    unfinished = 0
    for _ in range(30):
        path.write_bytes(OLD)
        kill_in_its_work(rewrite, (path, NEW), tmp_path, 0.006 * instants.random())
        assert path.read_bytes() in (OLD, NEW)
        unfinished += bool(left_over(tmp_path))
    assert unfinished, "some kill hit a writer in its work"
    rewrite(path, NEW)
    assert os.listdir(tmp_path) == ["a"]


def test_a_killed_builder_of_a_folder_leaves_the_old_or_the_new(tmp_path):
    final = tmp_path / "book"
    instants = random.Random(2)
    for number in range(20):
        kill_in_its_work(
            rebuild, (final, f"{number}"), tmp_path, 0.03 * instants.random()
        )
        if final.exists():
            assert len({path.read_text() for path in final.iterdir()}) == 1
            assert len(os.listdir(final)) == 40
    rebuild(final, "last")
    assert os.listdir(tmp_path) == ["book"]


def test_a_killed_compress_leaves_cells_that_can_be_read(tmp_path):
    rows = "".join(f"{g},{y},1.5\n" for g in "ab" for y in "01" for _ in range(30))
    for name, more in (("old.csv", ""), ("new.csv", "a,1,2.5\n")):
        (tmp_path / name).write_text("g,y,w\n" + rows + more)
    (tmp_path / "m.yml").write_text(
        "source: {id: made, kind: synthetic, label: Made up}\nfile: old.csv\n"
        "variables:\n  y: {column: y, values: {'1': 1, '0': 0}}\n"
        "  g: {column: g, values: {a: a, b: b}}\ndesign: {weight: w}\n"
    )
    (tmp_path / "cells.yml").write_text(
        "mapping: m.yml\ncells:\n  all: {outcome: y, by: []}\n  g: {outcome: y, by: [g]}\n"
    )
    (tmp_path / "cells").mkdir()
    process = FORKED.Process(target=compress, args=(tmp_path, "old.csv"))
    process.start()
    process.join()
    paths = [tmp_path / "cells" / f"{name}.parquet" for name in ("all", "g")]
    assert {tl.Cells.read(path).frame["n"].sum() for path in paths} == {120}
    instants = random.Random(3)
    for _ in range(10):
        given = (tmp_path, "new.csv")
        kill_in_its_work(compress, given, paths[0].parent, 0.02 * instants.random())
        for path in paths:
            assert tl.Cells.read(path).frame["n"].sum() in (120, 121)


# -- signals and streams ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_while_imports_run_ends_in_one_sentence(number, status):
    started = subprocess.Popen(
        [sys.executable, "-m", "trustbook.cli", "run", "--dry-run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=default_signals,
    )
    while "_multiarray_umath" not in Path(f"/proc/{started.pid}/maps").read_text():
        assert started.poll() is None
        time.sleep(0.002)
    started.send_signal(number)
    told, _ = started.communicate(timeout=60)
    assert told == "Stopped. Run it again: finished runs are kept.\n"
    assert started.returncode == status


def default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("place", ["/dev/full", "a pipe that is closed"])
def test_an_output_that_takes_nothing_ends_without_a_trace(place):
    if place == "/dev/full":
        if not Path(place).exists():
            pytest.skip("this system has no /dev/full")
        output = os.open(place, os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    words = [sys.executable, "-m", "trustbook.cli", "audit"]
    done = subprocess.run(
        words, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(output)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# -- no other way -----------------------------------------------------------------------------------------------------

WRITES = {"write_text", "write_bytes", "to_csv", "to_parquet", "to_excel", "to_json", "write_table", "savefig", "copy",
          "copy2", "copyfile", "copytree", "save", "savetxt"}  # fmt: skip
# Which functions write another way, and why they may: into a folder that is exchanged as a whole, or a temporary file.
NAMED = {
    "trustbook.pages._keep_picture": "folder of a run",
    "trustbook.runs.making.make": "folder of a run",
    "trustbook.runs.making._leave_error": "folder of a run",
    "trustbook.runs.execution._folder_of": "folder of a run",
    "trustlib.sealed_files.write_content": "temporary file",
    "trustbook.private_book._run": "private book that is being built",
    "trustbook.private_book._lay_out": "private book that is being built",
    "trustbook.private_pages.write_pages": "private book that is being built",
    "trustbook.private_pages._write_ledger": "private book that is being built",
    "trustbook.private_pages._write_own": "private book that is being built",
    "trustbook.committee.one_page.write_page": "private book that is being built",
    "trustbook.committee.word.write_word": "private book that is being built",
    "trustbook.private_book._take_over_runs": "private book that is being built",
    "trustbook.private_book._take_over_files_of_others": "private book that is being built",
    "trustlib.record.simulate._write_arrow": "temporary file",
    "trustlib.figures.png": "in memory",
    "trustbook.sphinx.accessible._repair_page": "book that is being built",
    "trustbook.sphinx.light.lighten_pages": "book that is being built",
    "trustbook.sphinx.light._lighten_page": "book that is being built",
    "trustbook.sphinx.evidence.figure.write_numbers": "book that is being built",
}


def writes_of(path: Path) -> set[str]:
    """Functions of a module in which something is written, but to what `trustlib.writing` gave them."""
    found = set()
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for function in [n for n in ast.walk(tree) if isinstance(n, functions)]:
        given = temporary_names(function)
        if any(writes(node, given) for node in ast.walk(function)):
            found.add(function.name)
    return found


def temporary_names(function: ast.AST) -> set[str]:
    """Names that a `with write_...(...) as` gives in a function, and those that loops take from them."""
    blocks = [
        item for n in ast.walk(function) if isinstance(n, ast.With) for item in n.items
    ]
    given = {
        name.id
        for item in blocks
        if "write_" in ast.unparse(item.context_expr) and item.optional_vars is not None
        for name in ast.walk(item.optional_vars)
        if isinstance(name, ast.Name)
    }
    for loop in [n for n in ast.walk(function) if isinstance(n, ast.For)]:
        if given & {n.id for n in ast.walk(loop.iter) if isinstance(n, ast.Name)}:
            given |= {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    return given


def writes(node: ast.AST, given: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else getattr(node.func, "id", "")
    )
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    if name == "open":
        modes = [v.value for v in values if isinstance(v, ast.Constant)]
        return any(isinstance(m, str) and set(m) & set("wax+") for m in modes)
    owner = (
        node.func.value.id
        if isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        else ""
    )
    if name == "write" and owner == "nbformat":
        return True
    if name == "dump":
        return True
    if name == "write_text" and isinstance(node.func, ast.Name):
        return False  # ours
    if name not in WRITES or (name in ("copy", "save") and owner != "shutil"):
        return False
    if name.startswith("to_") and not node.args:
        return False  # gives a text
    used = {
        owner,
        *(n.id for v in values for n in ast.walk(v) if isinstance(n, ast.Name)),
    }
    return not used & given


def test_nothing_is_written_by_another_way():
    source = ROOT / "src"
    writers = {
        ".".join((*path.relative_to(source).with_suffix("").parts, function))
        for path in source.rglob("*.py")
        for function in writes_of(path)
    }
    found = {name for name in writers if not name.startswith("trustlib.writing.")}
    assert found == set(NAMED), "write it with trustlib.writing"


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "frame.to_csv(path)",
        "open(path, 'w')",
        "path.open('x')",
        "nbformat.write(notebook, path)",
        "json.dump(facts, stream)",
        "shutil.copy(a, b)",
        "pq.write_table(table, path)",
    ],
)
def test_the_check_for_other_ways_can_fail(tmp_path, line):
    path = tmp_path / "module.py"
    path.write_text(f"def f():\n    {line}\n")
    assert writes_of(path) == {"f"}
    path.write_text(
        "def f():\n    with write_whole(a) as t:\n        t.write_text('x')\n        frame.to_csv(t)\n"
    )
    assert writes_of(path) == set()


def test_a_folder_that_cannot_be_copied_is_refused_by_its_first_file():
    """What `shutil.copytree` raises is a list of triples: no sentence for a reader."""
    triple = ("a/b.png", "c/b.png", "[Errno 28] No space left on device: 'a/b.png'")
    error = shutil.Error([triple, ("a/d.js", *triple[1:])])
    assert first_refusal(error) == ("c/b.png", "No space left on device")
    assert first_refusal(shutil.Error("one and the same")) == ("", "one and the same")
    assert first_refusal(OSError(13, "Permission denied", "x")) == (
        "x",
        "Permission denied",
    )
