"""Rows of people go to a Dask cluster on this machine, or to one that somebody trusts by name."""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import trustlib as tl
from contract import refused
from trustbook.cli import app
from trustbook.engine import cluster
from trustlib.schedulers import TRUSTED, is_of_this_machine, require_this_machine

NEAR = (
    "tcp://127.0.0.1:8786",
    "tls://127.0.0.1:8786",
    "127.0.0.1:8786",
    "localhost:8786",
    "tcp://localhost:8786",
    "tcp://LOCALHOST:8786",
    "tcp://127.9.9.9:1",
    "tcp://[::1]:8786",
    "inproc://192.168.0.7/12/1",
)
# The last ones look as if they were near.
FAR = (
    "tcp://10.0.0.5:8786",
    "tcp://192.168.0.7:8786",
    "tcp://0.0.0.0:8786",
    "tcp://[2001:db8::1]:8786",
    "tcp://scheduler:8786",
    "scheduler.example.org:8786",
    "tcp://127.0.0.1.example.org:8786",
    "tcp://localhost.example.org:8786",
    "tcp://127.0.0.1@example.org:8786",
    "tcp://localhost@127.0.0.1:8786",
    "tcp://example.org/127.0.0.1",
    "tcp://example.org#127.0.0.1",
    "tcp://127.0.0.1/example.org",
    "ws://example.org?host=127.0.0.1",
    "tcp://[::1",
    "",
    "tcp://",
)


@pytest.mark.parametrize("address", NEAR)
def test_loopback_is_this_machine(address):
    assert is_of_this_machine(address)
    require_this_machine([address], "--trust-scheduler")


@pytest.mark.parametrize("address", FAR)
def test_whatever_else_is_another(address):
    assert not is_of_this_machine(address)
    told = refused(
        lambda: require_this_machine([NEAR[0], address], "--trust-scheduler"),
        tl.DisclosureError,
        PermissionError,
        "sent to another machine",
    )
    assert "--trust-scheduler" in told


@given(st.integers(0, 2**32 - 1), st.integers(1, 65_535))
def test_of_all_addresses_those_of_the_loopback_are_near(number, port):
    host = IPv4Address(number)
    assert is_of_this_machine(f"tcp://{host}:{port}") == (number >> 24 == 127)


def test_a_far_scheduler_is_not_even_called(monkeypatch):
    called = []
    module = SimpleNamespace(Client=lambda *a, **k: called.append(a))
    monkeypatch.setitem(sys.modules, "distributed", module)
    with pytest.raises(tl.DisclosureError), cluster("tcp://10.0.0.5:8786"):
        pass
    assert called == []


class FarClient:
    """A client of a scheduler with a worker."""

    def __init__(self, scheduler: str, worker: str) -> None:
        self.scheduler = SimpleNamespace(address=scheduler)
        self.worker = worker
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True

    def nthreads(self):
        return {self.worker: 1}

    def get_executor(self, pure):
        return "workers"


def test_a_near_scheduler_with_a_far_worker_is_refused_and_left(monkeypatch):
    """Such as the end of a tunnel."""
    client = FarClient("tcp://127.0.0.1:8786", "tcp://10.0.0.5:40000")
    module = SimpleNamespace(Client=lambda *a, **k: client)
    monkeypatch.setitem(sys.modules, "distributed", module)
    with pytest.raises(tl.DisclosureError, match=r"10\.0\.0\.5"), cluster(NEAR[0]):
        pass
    assert client.closed
    with cluster(NEAR[0], trusted=True) as workers:
        assert workers == "workers"


@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "runs.yml"
    path.write_text("runs: []\n")
    return path


def test_the_command_refuses_a_far_scheduler_unless_it_is_trusted(plan, monkeypatch):
    monkeypatch.setattr("trustbook.engine.PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["run", "--plan", str(plan), "--out", str(plan.parent / "out")]
    far = ["--scheduler", f"tcp://another.invalid:{port}"]
    done = CliRunner().invoke(app, [*words, *far])
    assert done.exit_code == 1
    assert "sent to another machine" in done.output
    assert "--trust-scheduler" in done.output
    assert "Traceback" not in done.output
    done = CliRunner().invoke(app, [*words, *far, "--trust-scheduler"])
    assert done.exit_code == 1
    assert "No Dask scheduler answers at" in done.output


@pytest.mark.filterwarnings("ignore:Dask support is moving:FutureWarning")
class TestFrames:
    @pytest.fixture
    def frame(self):
        dask = pytest.importorskip("dask.dataframe", reason="needs dask.dataframe")
        rows = pd.DataFrame({"y": [0.0, 1.0] * 30, "g": ["a", "b", "b"] * 20, "w": 1.0})
        return dask.from_pandas(rows, npartitions=2)

    def made(self, frame) -> tl.Cells:
        return tl.compress(tl.SurveyDesign(frame, weight="w"), "y", ["g"])

    def use(self, monkeypatch, scheduler: str, worker: str) -> None:
        """Say that Dask has this client, which is asked for nothing but addresses."""
        import distributed

        client = FarClient(scheduler, worker)
        monkeypatch.setattr(distributed, "default_client", lambda: client)

    @pytest.mark.parametrize(
        ("scheduler", "worker"),
        [
            ("tcp://10.0.0.5:8786", "tcp://10.0.0.6:40000"),
            ("tcp://127.0.0.1:8786", "tcp://10.0.0.6:40000"),
        ],
    )
    def test_a_frame_that_others_would_compute_is_refused(
        self, frame, monkeypatch, scheduler, worker
    ):
        self.use(monkeypatch, scheduler, worker)
        told = refused(
            lambda: self.made(frame),
            tl.DisclosureError,
            PermissionError,
            "sent to another machine",
        )
        assert f"{TRUSTED}={scheduler}" in told

    def test_a_client_that_came_after_the_design_is_seen(self, frame, monkeypatch):
        design = tl.SurveyDesign(frame, weight="w")
        self.use(monkeypatch, "tcp://10.0.0.5:8786", "tcp://10.0.0.6:40000")
        with pytest.raises(tl.DisclosureError, match="another machine"):
            tl.compress(design, "y", ["g"])

    def test_trust_is_in_one_scheduler_by_name(self, frame, monkeypatch):
        self.use(monkeypatch, "tcp://10.0.0.5:8786", "tcp://10.0.0.6:40000")
        monkeypatch.setenv(TRUSTED, "tcp://10.0.0.9:8786")
        with pytest.raises(tl.DisclosureError, match="another machine"):
            self.made(frame)
        monkeypatch.setenv(TRUSTED, "tcp://10.0.0.5:8786")
        assert len(self.made(frame)) == 2

    def test_other_frames_do_not_care(self, frame, monkeypatch):
        self.use(monkeypatch, "tcp://10.0.0.5:8786", "tcp://10.0.0.6:40000")
        assert len(self.made(frame.compute(scheduler="synchronous"))) == 2

    def test_a_cluster_on_this_machine_computes_the_same(self, frame):
        distributed = pytest.importorskip("distributed")
        alone = self.made(frame).frame
        options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
        with (
            distributed.LocalCluster(**options, processes=False) as local,
            distributed.Client(local),
        ):
            pd.testing.assert_frame_equal(self.made(frame).frame, alone)
