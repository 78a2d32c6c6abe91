"""Runs tasks one after the other here, or on Dask: workers of this machine, or a cluster's.

Invariant: every task is done, by whichever worker; one that is lost with its worker is done again
by another; how many there are never shows on stdout. The results come in any order. Dask is the
extra ``cluster``, loaded when asked for.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from cli.render import note
from ledger.errors import InvalidInput
from ledger.interrupts import ctrl_c_waits
from ledger.quoting import address, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client

EXTRA = "cluster"
RETRIES = 3  # of a task whose worker was lost
WORKERS_MAX = 256  # processes of one machine
_CONNECT_SECONDS = 10

Done = TypeVar("Done", covariant=True)  # noqa: PLC0105 - the name of what a task gives


class Task(Protocol[Done]):
    """Something to do that says how many events it was about."""

    def __call__(self) -> Done:
        """Do it."""
        ...


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --workers and --cluster."""
    command = click.option(
        "--cluster", metavar="tcp://HOST:PORT",
        help="A Dask cluster; its workers must see the ledger at the same place.",
    )(command)  # fmt: skip
    return click.option(
        "--workers", type=click.IntRange(1, WORKERS_MAX), metavar="N",
        help="Number of processes on this machine.",
    )(command)  # fmt: skip


class Work:
    """Tasks, and where they are done.

    Attributes:
        counts: events by worker, for whoever wonders how the work was shared.

    """

    def __init__(self, *, workers: int | None = None, cluster: str | None = None) -> None:
        """Choose: neither is this process."""
        if workers is not None and cluster is not None:
            msg = "--workers and --cluster exclude each other"
            raise InvalidInput(msg, hint="give the address, or a number of workers here")
        self._workers = workers
        self._cluster = cluster
        self.counts: Counter[str] = Counter()

    @property
    def elsewhere(self) -> bool:
        """Whether other processes do it."""
        return self._workers is not None or self._cluster is not None

    def run(
        self, tasks: Sequence[Task[Done]], progress: Callable[[int, int], None]
    ) -> Iterator[Done]:
        """Yield what the tasks come to, in any order. Raises: InvalidInput, LedgerError."""
        results = self._on_dask(tasks) if self.elsewhere else (_measured(task) for task in tasks)
        for count, (worker, done) in enumerate(results, 1):
            self.counts[worker] += getattr(done, "events", 0)
            progress(count, len(tasks))
            yield done

    def say(self) -> None:
        """Print on stderr how the work was shared: it never shows in the result."""
        if self.elsewhere:
            parts = " + ".join(str(count) for count in sorted(self.counts.values(), reverse=True))
            note(f"note: {plural(len(self.counts), 'worker')} took {parts} events")

    def _on_dask(self, tasks: Sequence[Task[Done]]) -> Iterator[tuple[str, Done]]:
        try:
            import distributed  # noqa: PLC0415 - an extra
        except ImportError:
            msg = "this needs Dask, which is not installed"
            raise InvalidInput(msg, hint=f"pip install 'tallystick[{EXTRA}]'") from None
        with ExitStack() as open_now:
            client = self._client(open_now)
            futures = [client.submit(_measured, one, pure=False, retries=RETRIES) for one in tasks]
            try:
                for future in distributed.as_completed(futures, loop=client.loop):
                    yield future.result()
                    future.release()
            except distributed.KilledWorker as error:
                msg = f"a share of the work was lost with {RETRIES + 1} workers in turn"
                hint = "see the workers' logs; nothing was written, run it again"
                raise InvalidInput(msg, hint=hint) from error

    def _client(self, open_now: ExitStack) -> Client:
        import logging  # noqa: PLC0415 - loaded when needed
        import warnings  # noqa: PLC0415 - as above

        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        # Of a port that another cluster of this machine has: it takes another one.
        warnings.filterwarnings("ignore", module=r"distributed\.")
        if self._cluster is None:
            with ctrl_c_waits():  # a cluster that stands half cannot be closed
                place = open_now.enter_context(
                    LocalCluster(
                        n_workers=self._workers, threads_per_worker=1, processes=True,
                        dashboard_address=None, silence_logs=logging.CRITICAL,
                    )
                )  # fmt: skip
        else:
            place = self._cluster
        try:
            if self._cluster is not None:
                _reach(self._cluster)
            return open_now.enter_context(
                Client(place, timeout=_CONNECT_SECONDS, set_as_default=False)
            )
        except (OSError, ValueError) as error:
            msg = f"no cluster answers at {address(self._cluster or '')}"
            raise InvalidInput(msg, hint="start one with: dask scheduler") from error


def _reach(address: str) -> None:
    """Check that a cluster answers, before a client is created: a failed one is hard to close.

    Raises: OSError, ValueError.
    """
    from distributed.comm import get_address_host_port  # noqa: PLC0415 - an extra

    host, port = get_address_host_port(address, strict=True)
    socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()


def _measured(task: Task[Done]) -> tuple[str, Done]:
    return f"{socket.gethostname()}:{os.getpid()}", task()


def place(location: str) -> str:
    """Return where a worker finds the ledger: a path from the root, or the URL as it is."""
    return location if "://" in location else str(Path(location).resolve())
