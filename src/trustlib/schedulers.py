"""Where a cluster of Dask or Spark is: on this machine, or where somebody trusts it to be.

Whoever computes with a scheduler sends rows of people to it and to its workers. So an
address has to be of this machine, which no network can reach (``127.0.0.1``, ``::1``,
``localhost``), unless somebody says that it is trusted: ``trustlib run`` by the option
``--trust-scheduler``, Python by the variable `TRUSTED` of the environment, which names
the address.
"""

from __future__ import annotations

import os
import re
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from trustlib.errors import DesignError, DisclosureError, one_line

TRUSTED = "TRUSTLIB_TRUST_SCHEDULER"
WITHIN = "inproc://"  # threads of this process
_LOCAL_SPARK = re.compile(r"local(-cluster)?(\[[^\]]*\])?")
# Settings by which Spark leaves out what it cannot read, without a word.
LEFT_OUT = (
    "spark.sql.files.ignoreCorruptFiles",
    "spark.sql.files.ignoreMissingFiles",
)


def is_of_this_machine(address: str) -> bool:
    """Whether an address can only be reached on this machine.

    A name is one of another machine, whatever it may stand for today, but for localhost.

    Parameters
    ----------
    address : str
        Such as ``tcp://127.0.0.1:8786``, or without the protocol; of Spark a master,
        such as ``local[4]``.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_of_this_machine("tcp://127.0.0.1:8786"), is_of_this_machine("tcp://[::1]:1")
    (True, True)
    >>> is_of_this_machine("tcp://10.0.0.5:8786"), is_of_this_machine("127.0.0.1.example")
    (False, False)
    """
    if address.startswith(WITHIN) or _LOCAL_SPARK.fullmatch(address):
        return True
    given = address
    if "://" not in address:
        given = f"tcp://{address}"
    try:
        parts = urlsplit(given)
        host = parts.hostname or ""
        is_plain = parts.username is None and not parts.path.strip("/")
        if host == "localhost":
            return is_plain
        return is_plain and ip_address(host).is_loopback
    except ValueError:
        return False


def require_this_machine(addresses: list[str], trust: str) -> None:
    """Refuse a cluster of which a part is elsewhere.

    Parameters
    ----------
    addresses : list of str
        Of the scheduler, and of workers.
    trust : str
        How to say that they are trusted, for the hint.

    Raises
    ------
    DisclosureError
        An address is not of this machine.

    Examples
    --------
    >>> require_this_machine(["tcp://127.0.0.1:8786"], "--trust-scheduler")
    """
    for address in addresses:
        if not is_of_this_machine(address):
            raise DisclosureError(
                "Rows of people would be sent to another machine: expected a cluster "
                "at a loopback address such as tcp://127.0.0.1:8786, got "
                f"{one_line(address)}.",
                f"Use a scheduler on this machine, or, if that one may hold the answers "
                f"of these people, say so: {trust}.",
            )


def addresses_of(client: Any) -> list[str]:
    """The addresses of the scheduler of a Dask client and of its workers.

    Parameters
    ----------
    client : distributed.Client

    Returns
    -------
    list of str

    Examples
    --------
    ::

        addresses_of(distributed.Client("tcp://127.0.0.1:8786"))
    """
    return [client.scheduler.address, *client.nthreads()]


def require_near(people: Any) -> None:
    """Refuse a frame that a cluster elsewhere would compute, unless it is trusted.

    Parameters
    ----------
    people : narwhals frame
        Of any engine.

    Raises
    ------
    DisclosureError
        The default client of Dask has a scheduler or a worker on another machine, or
        the master of Spark is there, and the variable `TRUSTED` does not name it.

    Examples
    --------
    >>> import narwhals as nw
    >>> require_near(nw.from_dict({"w": [1.0]}, backend="pandas"))
    """
    addresses: list[str] = []
    if people.implementation.is_dask():
        client = _default_client()
        if client is not None:  # else Dask computes in this process
            addresses = addresses_of(client)
    elif people.implementation.is_pyspark():
        addresses = [_session(people).sparkContext.master]
    elif people.implementation.is_pyspark_connect():
        addresses = [_session(people).client.host]
    if addresses and os.environ.get(TRUSTED) != addresses[0]:
        require_this_machine(addresses, f"{TRUSTED}={one_line(addresses[0])}")


def require_every_file(people: Any) -> None:
    """Refuse a session of Spark that leaves out files it cannot find or read.

    Parameters
    ----------
    people : narwhals frame
        Of any engine.

    Raises
    ------
    DesignError
        One of the settings `LEFT_OUT` is on: people could be missing without a word.

    Examples
    --------
    >>> import narwhals as nw
    >>> require_every_file(nw.from_dict({"w": [1.0]}, backend="pandas"))
    """
    engine = people.implementation
    if not (engine.is_pyspark() or engine.is_pyspark_connect()):
        return
    settings = _session(people).conf
    for setting in LEFT_OUT:
        if str(settings.get(setting, "false")).lower() == "true":
            raise DesignError(
                f"The session of Spark has {setting} on, so that people can be missing "
                "without a word.",
                f'Set it off: spark.conf.set("{setting}", "false").',
            )


def _session(people: Any) -> Any:
    """The session of Spark that computes a frame."""
    return people.to_native().sparkSession


def _default_client() -> Any:
    """The client by which Dask computes; none where nobody made one."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None
