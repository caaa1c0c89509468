"""The parent of all workers: opens, locks, drops privileges, forks, watches, restarts, reloads and stops.

Not here: what a worker does (`worker`, `wiring`). It runs no event loop and starts no thread, so that fork(2) is safe
at any time. Invariants: `ready` is printed once, when all workers have said so through their pipes; a worker that ends
before that ends the server (the cause is in the log), one that ends later is started again, ever more slowly. No worker
outlives the supervisor: if that is killed, the kernel kills them at once, so that nothing holds the data folder and
the ports against the next start (what was acknowledged is on disk by then, so a kill costs no mail).
"""

import ctypes
import gc
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import MutableMapping

from postier.app import log, privileges, sockets
from postier.app.configuration import ConfigurationError, keep_fixed
from postier.app.data_folder import DataFolder
from postier.app.settings import Settings
from postier.app.signal_queue import SignalQueue
from postier.app.worker import (
    EXIT_FAILED,
    HANDLED_SIGNALS,
    BuildWorker,
    Reread,
    WorkerContext,
    run_worker,
    send_ready,
)

RESTART_FIRST_S = 0.1
RESTART_MAX_S = 30.0
STEADY_S = 60.0  # a worker that lived this long starts anew without delay
MAX_OPEN_FILES = 1 << 18
PR_SET_PDEATHSIG = 1
PRIVATE_UMASK = 0o077  # whatever any part writes is the server's own


class _Worker:
    """What the supervisor knows of one worker slot."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid: int | None = None
        self.is_ready = False
        self.ready_pipe = -1
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.failures = 0


class Supervisor:
    """One server: `run` returns its exit code, or raises StartError if it cannot start."""

    def __init__(
        self,
        settings: Settings,
        build_worker: BuildWorker,
        *,
        reread: Reread | None = None,
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._build_worker = build_worker
        self._reread = reread
        self._environ = environ
        self._workers = [_Worker(number) for number in range(1, settings.workers + 1)]
        self._sockets: tuple[sockets.ListeningSocket, ...] = ()
        self._is_announced = False
        self._kill_at: float | None = None  # set once stopping
        self._is_killed = False
        self._exit_code = 0

    def run(self) -> int:
        """Serve until told to stop."""
        log.configure(self._settings.log, worker=0)
        self._log = log.logger("supervisor")
        who = privileges.identity(self._settings.user, self._settings.group)
        _raise_file_limit()
        os.umask(PRIVATE_UMASK)
        folder = DataFolder.take(self._settings.data)
        try:
            self._sockets = sockets.open_listeners(self._settings.listener, self._environ)
            if who is not None:
                if os.geteuid() == 0:
                    folder.give(who.uid, who.gid)
                privileges.drop(who)
            elif os.geteuid() == 0:
                self._log.warning("running as root: set user in the configuration to drop privileges")
            self._supervise()
        finally:
            sockets.close_all(self._sockets)
            folder.close()
        return self._exit_code

    def _supervise(self) -> None:
        self._pid = os.getpid()
        gc.collect()
        gc.freeze()  # what exists now is shared with the workers and never scanned, so its pages stay shared
        with SignalQueue(HANDLED_SIGNALS) as self._signals, selectors.DefaultSelector() as self._selector:
            self._selector.register(self._signals, selectors.EVENT_READ)
            for worker in self._workers:
                self._start(worker)
            while self._kill_at is None or any(worker.pid is not None for worker in self._workers):
                self._turn()
        self._log.info("stopped", exit_code=self._exit_code)

    def _turn(self) -> None:
        """Wait for a signal, a word of a worker or a due time, and act on it."""
        ready = self._selector.select(self._wait_s())
        for key, _ in ready:
            if isinstance(key.data, _Worker):
                self._hear(key.data)
        for number in self._signals.take():
            self._on_signal(number)
        self._reap()
        now = time.monotonic()
        for worker in self._workers:
            if worker.restart_at is not None and worker.restart_at <= now and self._kill_at is None:
                self._start(worker)
        if self._kill_at is not None and self._kill_at <= now and not self._is_killed:
            self._kill("it did not finish in time")

    def _wait_s(self) -> float | None:
        if self._kill_at is not None:
            return None if self._is_killed else max(0.0, self._kill_at - time.monotonic())
        due = [worker.restart_at for worker in self._workers if worker.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start(self, worker: _Worker) -> None:
        ready_read, ready_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)  # until the child handles them
        pid = os.fork()
        if pid == 0:
            os.close(ready_read)
            self._be_worker(worker.number, ready_write)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
        os.close(ready_write)
        worker.pid, worker.is_ready, worker.restart_at = pid, False, None
        worker.ready_pipe = ready_read
        worker.started_at = time.monotonic()
        self._selector.register(ready_read, selectors.EVENT_READ, worker)

    def _be_worker(self, number: int, ready: int) -> None:
        """The child's side of fork; never returns."""
        code = EXIT_FAILED
        try:
            _die_with_parent(self._pid)
            for other in self._workers:
                if other.pid is not None:
                    os.close(other.ready_pipe)
            self._selector.close()
            self._signals.forget()
            os.dup2(2, 1)  # standard output belongs to the `ready` line
            log.configure(self._settings.log, worker=number)
            code = run_worker(
                lambda: WorkerContext(
                    number,
                    self._settings,
                    self._sockets,
                    reread=self._reread,
                    say_ready=lambda: send_ready(ready),
                ),
                self._build_worker,
            )
        except BaseException:
            log.logger("worker").exception("worker failed")
        finally:
            os._exit(code)

    def _hear(self, worker: _Worker) -> None:
        said = os.read(worker.ready_pipe, 1)
        self._selector.unregister(worker.ready_pipe)
        if not said:
            return
        worker.is_ready = True
        self._log.info("worker is ready", number=worker.number, pid=worker.pid)
        if not self._is_announced and self._kill_at is None and all(w.is_ready for w in self._workers):
            self._is_announced = True
            where = sockets.names(self._sockets) or "no listeners"
            _say(
                f"ready {self._settings.hostname}: {where}; workers {len(self._workers)}, process {os.getpid()}"
            )

    def _on_signal(self, number: signal.Signals) -> None:
        match number:
            case signal.SIGTERM:
                self._stop(number.name)
            case signal.SIGINT if self._kill_at is not None:
                self._kill("a second SIGINT came")
            case signal.SIGINT:
                self._stop(number.name)
            case signal.SIGHUP:
                self._reload()
            case _:
                return  # SIGCHLD only wakes us

    def _reload(self) -> None:
        if self._reread is not None:
            try:
                self._settings, fixed = keep_fixed(self._settings, self._reread())
            except ConfigurationError as error:
                for problem in error.problems:
                    self._log.error("configuration not reloaded", problem=str(problem))  # the text says all
                return
            log.configure(self._settings.log, worker=0)
            self._log = log.logger("supervisor")
            if fixed:
                self._log.warning("some changes need a restart", keys=", ".join(fixed))
        self._log.info("reloading")
        self._tell(signal.SIGHUP)

    def _stop(self, why: str) -> None:
        if self._kill_at is not None:
            return
        self._log.info("stopping", why=why)
        sockets.close_all(
            self._sockets
        )  # the workers close theirs: who dials now is refused, and need not wait
        self._kill_at = time.monotonic() + self._settings.shutdown_timeout_s
        self._tell(signal.SIGTERM)

    def _kill(self, why: str) -> None:
        for worker in self._workers:
            if worker.pid is not None:
                self._exit_code = EXIT_FAILED
                self._log.error("worker killed", number=worker.number, pid=worker.pid, why=why)
        self._tell(signal.SIGKILL)
        self._is_killed = True  # nothing more can be done than to wait for the kernel

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid is not None:  # not reaped yet, so the number is still its own
                os.kill(worker.pid, number)

    def _reap(self) -> None:
        for worker in self._workers:
            if worker.pid is None:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._on_end(worker, pid, status)

    def _on_end(self, worker: _Worker, pid: int, status: int) -> None:
        if worker.ready_pipe in self._selector.get_map():
            self._selector.unregister(worker.ready_pipe)
        os.close(worker.ready_pipe)
        worker.pid = None
        how = _how_it_ended(status)
        if self._kill_at is not None:
            self._log.info("worker ended", number=worker.number, pid=pid, how=how)
        elif not self._is_announced:
            self._log.error(
                "worker could not start, so the server ends", number=worker.number, pid=pid, how=how
            )
            self._exit_code = EXIT_FAILED
            self._stop("a worker could not start")
        else:
            lived = time.monotonic() - worker.started_at
            worker.failures = 0 if lived >= STEADY_S else worker.failures + 1
            delay = (
                min(RESTART_FIRST_S * 2.0 ** min(worker.failures - 1, 30), RESTART_MAX_S)
                if worker.failures
                else 0.0
            )
            worker.restart_at = time.monotonic() + delay
            self._log.error("worker ended", number=worker.number, pid=pid, how=how, restart_in_s=delay)


def _die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the supervisor ends, however it does: prctl(2), PR_SET_PDEATHSIG."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it ended before the call
        os._exit(EXIT_FAILED)


def _how_it_ended(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us; each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:  # nobody reads it
        return
