"""How a notebook is executed: by which engine, in which process, and so that its outputs are the same each time.

``kernel`` is papermill's standard engine. A kernel costs about two seconds for each notebook: a process, its imports,
a protocol over sockets. ``fast`` is a papermill engine that runs the notebook in this process, by the same shell
(`ipykernel.inprocess`), with the same outputs. It takes the place of ``__main__`` and of the standard streams, so it
belongs in a process made for one notebook; `own_process` forks one from a process in which everything is imported
already. Nothing that one notebook sets can reach the next.
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

from trustlib.errors import RunError, one_line

ENGINES = {"fast": "trustbook-fast", "kernel": None}  # our names, papermill's names
AT_WORK: set[int] = set()  # processes of notebooks, which are waited for
PATIENCE = 10  # seconds until a scheduler answers
FORK = sys.platform == "linux"  # elsewhere system libraries may not survive a fork
# What is imported in the process that is forked. No data: reading a file would leave threads behind.
PRELOAD = ["trustbook.runs", "trustbook.engine", "trustlib.review", "typer", "rich.progress", "pydantic",
           "pyarrow.dataset",
           "pyarrow.parquet", "pandas.io.formats.style", "scipy.stats", "scipy.optimize", "statsmodels.api",
           "formulaic", "firthmodels", "seaborn", "great_tables", "PIL.PngImagePlugin", "IPython.core.magics",
           "matplotlib_inline.backend_inline", "ipykernel.inprocess.ipkernel", "ipykernel.debugger"]  # fmt: skip
# What differs between two executions: where an address lies, and the file of a cell (its folders stand before).
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
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        manager: Any = InProcessKernelManager(
            config=Config({"HistoryManager": {"enabled": False}})
        )
        manager.start_kernel()
        sys.stdout, sys.stderr = manager.kernel.stdout, manager.kernel.stderr
        manager.kernel.shell.enable_matplotlib("inline")
        client = manager.client()
        client.start_channels()
        reader = NotebookClient(nb_man.nb, record_timing=False)
        on_cell_start = kwargs["on_cell_start"]
        on_cell_executed = kwargs["on_cell_executed"]
        reader.reset_execution_trackers()
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            good = True
            if _is_run(cell):
                on_cell_start(cell, index)
                reply = _reply(client, reader, cell, index)
                on_cell_executed(cell, index, {"content": reply})
                good = reply["status"] == "ok"
            if not good:
                nb_man.cell_exception(cell, cell_index=index)
            nb_man.cell_complete(cell, cell_index=index)
            if not good:
                break


papermill_engines.register(ENGINES["fast"], FastEngine)


def _is_run(cell: Any) -> bool:
    """Whether this is a cell that an engine runs."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in cell.metadata.get("tags", [])


def _reply(client: Any, reader: NotebookClient, cell: Any, index: int) -> Any:
    """Run one cell and store its outputs, as nbclient does; what the shell answers."""
    reader.clear_before_next_output = False
    try:
        request = client.execute(cell.source, allow_stdin=False)
    except Empty:
        begin = one_line(cell.source, 80)
        what = (
            "has a cell for a kernel only, perhaps with `await` outside of a function: "
            f"{begin!r}."
        )
        raise RunError(what, "Use --engine kernel.") from None
    try:
        while True:
            message = client.get_iopub_msg(
                timeout=60
            )  # the cell has ended: its messages are on their way
            if message["parent_header"].get("msg_id") == request:
                reader.process_message(message, cell, index)
    except CellExecutionComplete:
        pass
    return client.get_shell_msg(timeout=60)["content"]


class _Progress:
    """Which cells were begun, and which of them ended as cells should."""

    def __init__(self, begins: Callable[[str], object]) -> None:
        self.begins = begins
        self.done: set[int] = set()
        self.last = ""

    def start(self, cell: Any, cell_index: int) -> None:
        """Note the cell that is begun."""
        if _is_run(cell):
            self.last = beginning(cell)
            self.begins(self.last)

    def end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """Note a cell that was executed to its end, and did not ask to leave."""
        reply = execute_reply["content"]
        leaves = any(p.get("source") == "ask_exit" for p in reply.get("payload", []))
        if reply["status"] == "ok" and not leaves:
            self.done.add(cell_index)


def beginning(cell: Any) -> str:
    """The first line of a cell, as messages name it."""
    return one_line(cell.source.strip().splitlines()[0], 80)


def execute_notebook(
    notebook: Any,
    parameters: dict[str, Any],
    folder: Path,
    engine: str,
    begins: Callable[[str], object] = lambda cell: None,
) -> Any:
    """Execute a notebook in this process or a kernel, `folder` being the current one; its outputs are steady.

    `begins` is called with the first line of each cell before it is run.

    Raises
    ------
    RunError
        A cell failed, or left the notebook before its end; the message names the cell.
    """
    progress = _Progress(begins)
    try:
        with TemporaryDirectory(
            prefix="tl"
        ) as sockets:  # local sockets of its own: no ports, no clash between runs
            done = papermill.execute_notebook(
                notebook,
                None,
                engine_name=ENGINES[engine],
                parameters=parameters,
                cwd=str(folder),
                kernel_name="python3",
                progress_bar=False,
                on_cell_start=progress.start,
                on_cell_executed=progress.end,
                extra_arguments=[
                    "--IPKernelApp.log_level=50"
                ],  # it calls its own shutdown an error
                config=Config(
                    {"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}
                ),
            )
    except DeadKernelError:
        raise _left(progress.last) from None
    except PapermillExecutionError as error:
        begin = one_line(error.source.strip().splitlines()[0], 80)
        what = f"failed in the cell that begins {begin!r}: {error.ename}: {one_line(error.evalue, 300)}"
        raise RunError(
            what, "Open its template with these parameters to see it."
        ) from None
    for index, cell in enumerate(done.cells):
        if _is_run(cell) and index not in progress.done:
            raise _left(beginning(cell))
        if cell.cell_type == "code":
            cell["outputs"] = _steady(cell.outputs)
    return done


def _left(begin: str) -> RunError:
    return RunError(
        f"{LEAVES} {begin!r}.",
        "Take exit(), sys.exit() and their like out of it: every cell is to be executed to its end.",
    )


def _steady(outputs: Iterable[Any]) -> list[Any]:
    """Outputs without what differs between two executions: how streams are split, process ids, addresses."""
    steady: list[Any] = []
    for is_stream, group in itertools.groupby(
        outputs, lambda output: output.output_type == "stream"
    ):
        together = list(group)
        if is_stream:
            texts = {
                name: "".join(o.text for o in together if o.name == name)
                for name in ("stdout", "stderr")
            }
            together = [
                new_output("stream", name=name, text=_cleaned(text))
                for name, text in texts.items()
                if text
            ]
        for output in together:
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = _cleaned(output.data["text/plain"])
        steady += together
    return steady


def _cleaned(text: str) -> str:
    return ADDRESS.sub("", _without_paths_of_cells(text))


def _without_paths_of_cells(text: str) -> str:
    """A text in which the file of a cell, with its folders, is called cell; in one walk, however long a line is."""
    parts = []
    end = 0
    for found in CELL_FILE.finditer(text):
        before = text[end : found.start()]
        *_, begin = [0, *(mark.end() for mark in ENDS_OF_PATHS.finditer(before))]
        parts += [before[:begin], "cell"]
        end = found.end()
    return "".join([*parts, text[end:]])


def own_process(work: Callable[..., None], *given: Any) -> None:
    """Call `work` in a new process, forked from one that has imported `PRELOAD` where forking is at home; wait for it.

    The process ends when this one does, however this one ends, and what it has started ends with it.
    """
    os.environ.setdefault(
        "PYDEVD_DISABLE_FILE_VALIDATION", "1"
    )  # no advice about debuggers
    context: Any = get_context("forkserver" if FORK else "spawn")
    if FORK:
        context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=_call, args=(work, *given))
    resource_tracker.ensure_running()  # which lets signals through again
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT}
    )  # inherited: no trace of processes that are starting
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    AT_WORK.add(process.pid)
    try:
        process.join()
    finally:
        AT_WORK.discard(process.pid)
        _end_group(process.pid)


def end_processes() -> None:
    """End the processes that `own_process` waits for, with what they have started."""
    for pid in list(AT_WORK):
        _end_group(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _end_group(pid: int) -> None:
    """End what is left of the processes of one notebook, which are a group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _apart() -> None:
    """Make this process a group of its own, without the input and output of the command.

    A process that a cell starts and leaves behind would hold the output of the command open.
    """
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _call(work: Callable[..., None], *given: Any) -> None:
    try:
        _apart()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        gc.freeze()  # the collector would copy what is shared with the process that was forked
        parent: Any = parent_process()
        Thread(
            target=lambda: connection.wait([parent.sentinel]) and os._exit(1),
            daemon=True,
        ).start()
        work(*given)
    except (KeyboardInterrupt, OSError):  # a full disk: the runner finds no result
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of an existing Dask cluster."""
    try:
        client = import_module("distributed").Client(address, timeout=PATIENCE)
    except ImportError:
        raise RunError(
            "--scheduler needs the package distributed.",
            "Install the extra dask: trustgap[dask].",
        ) from None
    except (OSError, ValueError) as error:
        what = f"No Dask scheduler answers at {address}: {one_line(error)}"
        raise RunError(what, "Start one, or leave --scheduler out.") from None
    with client:
        yield client.get_executor(pure=False)
