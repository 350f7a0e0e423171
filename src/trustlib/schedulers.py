"""Where a Dask cluster is: on this machine, or where somebody trusts it to be.

Whoever computes with a scheduler sends rows of people to it and to its workers. So an
address has to be of this machine, which no network can reach (``127.0.0.1``, ``::1``,
``localhost``), unless somebody says that it is trusted: ``trustlib run`` by the option
``--trust-scheduler``, Python by the variable `TRUSTED` of the environment, which names
the address.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from trustlib.errors import DisclosureError, one_line

TRUSTED = "TRUSTLIB_TRUST_SCHEDULER"
WITHIN = "inproc://"  # threads of this process


def is_of_this_machine(address: str) -> bool:
    """Whether an address can only be reached on this machine.

    A name is one of another machine, whatever it may stand for today, but for localhost.

    Parameters
    ----------
    address : str
        Such as ``tcp://127.0.0.1:8786``, or without the protocol.

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
    if address.startswith(WITHIN):
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
                "Rows of people would be sent to another machine: expected a Dask "
                "cluster at a loopback address such as tcp://127.0.0.1:8786, got "
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
    """Refuse a Dask frame that a cluster elsewhere would compute, unless it is trusted.

    Parameters
    ----------
    people : narwhals frame
        Of any engine.

    Raises
    ------
    DisclosureError
        The default client of Dask has a scheduler or a worker on another machine, and
        the variable `TRUSTED` does not name the scheduler.

    Examples
    --------
    >>> import narwhals as nw
    >>> require_near(nw.from_dict({"w": [1.0]}, backend="pandas"))
    """
    if not people.implementation.is_dask():
        return
    client = _default_client()
    if client is None:
        return  # Dask computes in this process
    scheduler = client.scheduler.address
    if os.environ.get(TRUSTED) != scheduler:
        require_this_machine(addresses_of(client), f"{TRUSTED}={one_line(scheduler)}")


def _default_client() -> Any:
    """The client by which Dask computes; none where nobody made one."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None
