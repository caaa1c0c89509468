"""The frame of a worker process: its loop, its signals, its services, its end.

Not here: which services there are (`wiring`), starting and restarting workers (`supervisor`). SIGTERM sets `stopping`;
SIGHUP reads the configuration again and calls the reload callbacks; SIGINT is left to
the supervisor. Invariants: a worker says it is ready once, after every service has started; a service whose task
fails ends the worker, and the supervisor starts another.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import uvloop

from postier.app import log
from postier.app.configuration import ConfigurationError, keep_fixed
from postier.app.metrics import Metrics
from postier.app.settings import Settings
from postier.app.sockets import ListeningSocket
from postier.app.start_error import StartError

FINISH_SHARE = 0.9  # of shutdown_timeout_s; the rest is left for the process to end by itself
EXIT_FAILED = 1
HANDLED_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})

Reread = Callable[[], Settings]


class Service(Protocol):
    """What a worker runs: a listener's protocol, the queue, a duty.

    What must outlive all services (the store) is no service: `build_worker` opens it around `run_services`.
    """

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin; return once connections are accepted. Further tasks go into `tasks`, whose failure ends the worker."""
        ...

    def stop_accepting(self) -> None:
        """Take no new connections or jobs from now on."""
        ...

    async def finish(self, deadline: float) -> None:
        """Say goodbye and finish what is under way until `deadline` (loop time); cancelled then."""
        ...


class WorkerContext:
    """What a worker is given by its frame."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        sockets: tuple[ListeningSocket, ...],
        *,
        reread: Reread | None = None,
        say_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.number = number
        self.settings = settings
        self.sockets = sockets
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        self.deadline = float("inf")  # loop time, known once stopping
        self._reread = reread
        self._say_ready = say_ready
        self._is_ready = False
        self._callbacks: list[Callable[[Settings], None]] = []
        self.log = log.logger("worker")

    def ready(self) -> None:
        """Tell the supervisor that all listeners accept; further calls do nothing."""
        if not self._is_ready:
            self._is_ready = True
            self._say_ready()

    def on_reload(self, callback: Callable[[Settings], None]) -> None:
        """Have `callback` called with the new settings after each SIGHUP; an error in it is logged."""
        self._callbacks.append(callback)

    def stop(self, why: str) -> None:
        """Begin to stop: the first call sets `stopping` and the deadline."""
        if self.stopping.is_set():
            return
        self.deadline = asyncio.get_running_loop().time() + self.settings.shutdown_timeout_s * FINISH_SHARE
        self.log.info("stopping", why=why)
        self.stopping.set()

    def reload(self) -> None:
        """Read the configuration again; what is wrong is logged and the old one stays."""
        if self._reread is not None:
            try:
                self.settings, _ = keep_fixed(self.settings, self._reread())
            except ConfigurationError as error:
                problem = str(error.problems[0])
                self.log.error("configuration not reloaded", problem=problem)  # noqa: TRY400 (no bug of ours)
                return
        log.configure(self.settings.log, worker=self.number)
        self.log = log.logger("worker")
        for callback in self._callbacks:
            try:
                callback(self.settings)
            except Exception:
                self.log.exception("reload failed in part")
        self.log.info("reloaded")


BuildWorker = Callable[[WorkerContext], Awaitable[None]]


class _Finished(Exception):  # noqa: N818 # no error: it ends the task group
    pass


async def run_services(context: WorkerContext, services: Sequence[Service]) -> None:
    """Start the services in order, say ready, and run until `stopping`; then stop, finish, and cancel what is left."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for service in services:
                await service.start(tasks)
            context.ready()
            await context.stopping.wait()
            for service in services:
                service.stop_accepting()
            await _finish(context, services)
            raise _Finished
    except* _Finished:
        pass


async def _finish(context: WorkerContext, services: Sequence[Service]) -> None:
    try:
        async with asyncio.timeout_at(context.deadline), asyncio.TaskGroup() as finishing:
            for service in services:
                finishing.create_task(service.finish(context.deadline))
    except TimeoutError:
        log.logger("worker").warning("not everything was finished in time")


def run_worker(context_of: Callable[[], WorkerContext], build_worker: BuildWorker) -> int:
    """Run a worker in this process until it is told to stop; gives the exit code.

    The signals of HANDLED_SIGNALS may be blocked on entry: they are let in once they are handled, so none is lost.
    """

    async def live() -> int:
        context = context_of()
        _handle_signals(context)
        try:
            await build_worker(context)
        except Exception as error:
            _tell_failure(error)
            return EXIT_FAILED
        if not context.stopping.is_set():
            log.logger("worker").error("worker ended without being asked to")
            return EXIT_FAILED
        return 0

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(live())


def _tell_failure(error: Exception) -> None:
    """Log why a worker ends: a line for what a person must mend, a traceback for a bug of ours."""
    cause: BaseException = error
    while (
        isinstance(cause, ExceptionGroup) and len(cause.exceptions) == 1
    ):  # a task group wraps even one error
        cause = cause.exceptions[0]
    if isinstance(cause, StartError):
        log.logger("worker").error("worker cannot start", problem=str(cause))
    else:
        log.logger("worker").error("worker failed", exc_info=error)


def _handle_signals(context: WorkerContext) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, context.stop, "SIGTERM")
    loop.add_signal_handler(signal.SIGHUP, context.reload)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal sends it to all; the supervisor decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)


def send_ready(descriptor: int) -> None:
    """Tell the supervisor through its pipe."""
    os.write(descriptor, b"R")
    os.close(descriptor)
