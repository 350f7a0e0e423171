"""How a notebook is executed: by which engine, in which process, with steady outputs.

``kernel`` is papermill's standard engine. A kernel costs about two seconds for each
notebook: a process, its imports, a protocol over sockets. ``fast`` is a papermill
engine that runs the notebook in this process, by the same shell
(`ipykernel.inprocess`), with the same outputs. It takes the place of ``__main__`` and of the standard streams, so it
belongs in a process made for one notebook; `own_process` forks one from a process in
which everything is imported already. Nothing that one notebook sets can reach the next.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import connection, get_context, parent_process, resource_tracker
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import papermill
from ipykernel.inprocess.manager import InProcessKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat.v4 import new_output
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from trustlib import errors
from trustlib.errors import RunError, one_line
from trustlib.masking import told_of
from trustlib.schedulers import addresses_of, require_this_machine

ENGINES = {"fast": "trustbook-fast", "kernel": None}  # our names, papermill's names
AT_WORK: set[int] = set()  # processes of notebooks, which are waited for
PATIENCE = 10  # seconds until a scheduler answers
MESSAGE_PATIENCE = 60  # seconds until a cell that has ended has said all
FORK = sys.platform == "linux"  # elsewhere system libraries may not survive a fork
# What is imported in the process that is forked. No data: reading a file would leave
# threads behind.
PRELOAD = [
    "trustbook.runs",
    "trustbook.engine",
    "trustlib.review",
    "typer",
    "rich.progress",
    "pydantic",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pandas.io.formats.style",
    "scipy.stats",
    "scipy.optimize",
    "formulaic",
    "firthmodels",
    "seaborn",
    "great_tables",
    "PIL.PngImagePlugin",
    "IPython.core.magics",
    "matplotlib_inline.backend_inline",
    "ipykernel.inprocess.ipkernel",
    "ipykernel.debugger",
]
# What differs between two executions: where an address lies, and the file of a cell
# (its folders stand before).
ADDRESS = re.compile(r" at 0x[0-9a-f]{6,16}\b")
CELL_FILE = re.compile(r"ipykernel_\d+/\d+\.py")
ENDS_OF_PATHS = re.compile(r"[\s\"']")
LEAVES = "leaves the notebook half way, in the cell that begins"


class FastEngine(Engine):
    """Runs the cells in a shell of this process; see `papermill.engines.Engine`."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **kwargs: Any
    ) -> None:
        """Execute the cells in order, up to the first that fails."""
        shell = _Shell(nb_man.nb)
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            is_good = True
            if _is_run(cell):
                kwargs["on_cell_start"](cell, index)
                reply = shell.run(cell, index)
                kwargs["on_cell_executed"](cell, index, {"content": reply})
                is_good = reply["status"] == "ok"
            if not is_good:
                nb_man.cell_exception(cell, cell_index=index)
            nb_man.cell_complete(cell, cell_index=index)
            if not is_good:
                break


papermill_engines.register(ENGINES["fast"], FastEngine)


class _Shell:
    """The shell of this process, which takes its standard streams."""

    def __init__(self, notebook: Any) -> None:
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        config = Config({"HistoryManager": {"enabled": False}})
        manager: Any = InProcessKernelManager(config=config)
        manager.start_kernel()
        sys.stdout = manager.kernel.stdout
        sys.stderr = manager.kernel.stderr
        manager.kernel.shell.enable_matplotlib("inline")
        self.client = manager.client()
        self.client.start_channels()
        self.reader = NotebookClient(notebook, record_timing=False)
        self.reader.reset_execution_trackers()

    def run(self, cell: Any, index: int) -> Any:
        """Run one cell, store its outputs as nbclient does; what the shell answers."""
        self.reader.clear_before_next_output = False
        try:
            request = self.client.execute(cell.source, allow_stdin=False)
        except Empty:
            begin = one_line(cell.source, 80)
            raise RunError(
                "has a cell for a kernel only, perhaps with `await` outside of a "
                f"function: {begin!r}.",
                "Use --engine kernel.",
            ) from None
        self._store_outputs(request, cell, index)
        return self.client.get_shell_msg(timeout=MESSAGE_PATIENCE)["content"]

    def _store_outputs(self, request: str, cell: Any, index: int) -> None:
        """Take the messages of a cell that has ended: they are on their way."""
        with suppress(CellExecutionComplete):
            while True:
                message = self.client.get_iopub_msg(timeout=MESSAGE_PATIENCE)
                if message["parent_header"].get("msg_id") == request:
                    self.reader.process_message(message, cell, index)


def _is_run(cell: Any) -> bool:
    """Whether this is a cell that an engine runs."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in cell.metadata.get("tags", [])


class _Progress:
    """Which cells were begun, and which of them ended as cells should."""

    def __init__(self, begins: Callable[[str], object]) -> None:
        self.begins = begins
        self.done: set[int] = set()
        self.last = ""

    def start(self, cell: Any, cell_index: int) -> None:
        """Note the cell that is begun."""
        if _is_run(cell):
            self.last = beginning(cell.source)
            self.begins(self.last)

    def end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """Note a cell that was executed to its end, and did not ask to leave."""
        reply = execute_reply["content"]
        wishes = [wish.get("source") for wish in reply.get("payload", [])]
        if reply["status"] == "ok" and "ask_exit" not in wishes:
            self.done.add(cell_index)


def beginning(source: str) -> str:
    r"""The first line of a cell, as messages name it.

    Examples
    --------
    >>> beginning("import time\ntime.sleep(1)")
    'import time'
    """
    return one_line(source.strip().splitlines()[0], 80)


def _unheard(cell: str) -> None:
    """Tell nobody which cell is begun."""


def execute_notebook(
    notebook: Any,
    parameters: dict[str, Any],
    folder: Path,
    engine: str,
    begins: Callable[[str], object] = _unheard,
) -> Any:
    """Execute a notebook in this process or a kernel; its outputs are steady.

    Parameters
    ----------
    notebook : NotebookNode
    parameters : dict
    folder : Path
        The current one while the notebook runs.
    engine : {"fast", "kernel"}
    begins : callable
        Called with the first line of each cell before it is run.

    Returns
    -------
    NotebookNode

    Raises
    ------
    RunError
        A cell failed, or left the notebook before its end; the message names the cell.

    Examples
    --------
    ::

        notebook = nbformat.read("notebooks/templates/levels.ipynb", as_version=4)
        done = execute_notebook(notebook, parameters, Path("notebooks"), "kernel")
    """
    progress = _Progress(begins)
    try:
        done = _executed(notebook, parameters, folder, engine, progress)
    except DeadKernelError:
        raise _left(progress.last) from None
    except PapermillExecutionError as error:
        begin = beginning(error.source)
        ours = hasattr(errors, error.ename)
        reason = told_of(error.ename, error.evalue, ours)
        raise RunError(
            f"failed in the cell that begins {begin!r}: {reason}",
            "Open its template with these parameters to see it.",
        ) from None
    for index, cell in enumerate(done.cells):
        if _is_run(cell) and index not in progress.done:
            raise _left(beginning(cell.source))
        if cell.cell_type == "code":
            cell["outputs"] = _steady(cell.outputs)
    return done


def _executed(
    notebook: Any,
    parameters: dict[str, Any],
    folder: Path,
    engine: str,
    progress: _Progress,
) -> Any:
    """The notebook as papermill leaves it.

    A kernel has local sockets of its own: no ports, no clash between runs. It calls its
    own shutdown an error, and is not listened to.
    """
    with TemporaryDirectory(prefix="tl") as sockets:
        manager = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        return papermill.execute_notebook(
            notebook,
            None,
            engine_name=ENGINES[engine],
            parameters=parameters,
            cwd=str(folder),
            kernel_name="python3",
            progress_bar=False,
            on_cell_start=progress.start,
            on_cell_executed=progress.end,
            extra_arguments=["--IPKernelApp.log_level=50"],
            config=Config({"KernelManager": manager}),
        )


def _left(begin: str) -> RunError:
    return RunError(
        f"{LEAVES} {begin!r}.",
        "Take exit(), sys.exit() and their like out of it: every cell is to be "
        "executed to its end.",
    )


def _steady(outputs: Iterable[Any]) -> list[Any]:
    """Outputs without what differs between two executions.

    These are how streams are split, process ids and addresses.
    """
    steady: list[Any] = []
    for is_stream, group in itertools.groupby(outputs, _is_stream):
        together = list(group)
        if is_stream:
            together = _joined_streams(together)
        for output in together:
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = cleaned(output.data["text/plain"])
        steady += together
    return steady


def _is_stream(output: Any) -> bool:
    return output.output_type == "stream"


def _joined_streams(outputs: list[Any]) -> list[Any]:
    """One text for each stream, however it was split."""
    joined = []
    for name in ("stdout", "stderr"):
        text = "".join(output.text for output in outputs if output.name == name)
        if text:
            joined.append(new_output("stream", name=name, text=cleaned(text)))
    return joined


def cleaned(text: str) -> str:
    """A text without addresses, and with the file of a cell called cell.

    Examples
    --------
    >>> cleaned("<A at 0x7f0123456789> in /a/b/ipykernel_12/345.py:2")
    '<A> in cell:2'
    """
    return ADDRESS.sub("", _without_paths_of_cells(text))


def _without_paths_of_cells(text: str) -> str:
    """A text in which the file of a cell, with its folders, is called cell.

    It is one walk, however long a line is.
    """
    parts = []
    end = 0
    for file in CELL_FILE.finditer(text):
        before = text[end : file.start()]
        ends = [mark.end() for mark in ENDS_OF_PATHS.finditer(before)]
        begin = ends[-1] if ends else 0
        parts += [before[:begin], "cell"]
        end = file.end()
    parts.append(text[end:])
    return "".join(parts)


def own_process(work: Callable[..., None], *given: Any) -> None:
    """Call `work` in a new process, and wait for it.

    It is forked, where forking is at home, from one that has imported `PRELOAD`. It
    ends when this one does, however this one ends, and what it has started ends with
    it.

    Parameters
    ----------
    work : callable
        A function of a module.
    given
        What it is called with; things that can be pickled.

    Examples
    --------
    ::

        own_process(work, job, folder)
    """
    # No advice about debuggers.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    context: Any = get_context("forkserver" if FORK else "spawn")
    if FORK:
        context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=_call, args=(work, *given))
    resource_tracker.ensure_running()  # which lets signals through again
    with _interrupts_held():
        process.start()
    AT_WORK.add(process.pid)
    try:
        process.join()
    finally:
        AT_WORK.discard(process.pid)
        _end_group(process.pid)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, here and in what is started: it would leave a trace there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_processes() -> None:
    """End the processes that `own_process` waits for, with what they have started.

    Examples
    --------
    >>> end_processes()  # none is at work
    """
    for pid in list(AT_WORK):
        _end_group(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _end_group(pid: int) -> None:
    """End what is left of the processes of one notebook, which are a group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _apart() -> None:
    """Make this process a group of its own, without input and output of the command.

    A process that a cell starts and leaves behind would hold the output of the command
    open.
    """
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _call(work: Callable[..., None], *given: Any) -> None:
    """What the process of a notebook does."""
    try:
        _apart()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        # The collector would copy what is shared with the process that was forked.
        gc.freeze()
        Thread(target=_end_with_parent, daemon=True).start()
        work(*given)
    except (KeyboardInterrupt, OSError):  # a full disk: the runner finds no result
        os._exit(1)


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one, and end too."""
    parent: Any = parent_process()
    connection.wait([parent.sentinel])
    os._exit(1)


@contextmanager
def cluster(address: str, trusted: bool = False) -> Iterator[Executor]:
    """The workers of an existing Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://127.0.0.1:8786``.
    trusted : bool
        The cluster may be on other machines, which get the survey's rows.

    Yields
    ------
    Executor

    Raises
    ------
    RunError
        The package distributed is not installed, or no scheduler answers.
    DisclosureError
        The scheduler or a worker is on another machine, and is not trusted. A scheduler
        elsewhere is not called.

    Examples
    --------
    ::

        with cluster("tcp://127.0.0.1:8786") as workers:
            result = workers.submit(on_worker, job).result()
    """
    trust = "--trust-scheduler"
    if not trusted:
        require_this_machine([address], trust)
    try:
        client = import_module("distributed").Client(address, timeout=PATIENCE)
    except ImportError:
        raise RunError(
            "--scheduler needs the package distributed.",
            "Install the extra dask: trustgap[dask].",
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(
            f"No Dask scheduler answers at {address}: {one_line(error)}",
            "Start one, or leave --scheduler out.",
        ) from None
    with client:
        if not trusted:
            require_this_machine(addresses_of(client), trust)
        yield client.get_executor(pure=False)
