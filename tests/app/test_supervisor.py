import asyncio
import os
import pwd
import signal
import socket
import sys
import tempfile

import pytest

from postier.app.supervisor import _how_it_ended

ROOT_USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


async def test_ready_is_one_line_and_sigterm_finishes_what_is_under_way(server, dial):
    server.configure()
    await server.start()
    port = await server.ready()
    client = await dial(port)
    assert client.pid != server.process.pid
    assert (server.folder / "data").stat().st_mode & 0o777 == 0o700
    server.signal(signal.SIGTERM)
    assert await client.heard() == b"bye\n"
    code, out, err = await server.ended()
    assert (code, out) == (0, "")
    assert err.count('"worker ended"') == 2
    assert "workers do not own standard output" in err


@pytest.mark.parametrize(("word", "how"), [(b"crash", "exit status 3"), (b"kill", "signal SIGKILL")])
async def test_a_crashed_worker_is_started_again_and_no_connection_is_lost(server, dial, word, how):
    server.configure(workers=1)
    await server.start()
    port = await server.ready()
    first = await dial(port)
    first.say(word)
    assert await first.heard() == b""
    second = await dial(port)  # waits in the shared queue until the new worker takes it
    entry = await server.logged("worker ended")
    assert (entry["pid"], entry["how"], entry["number"]) == (first.pid, how, 1)
    assert second.pid not in {first.pid, server.process.pid}
    server.signal(signal.SIGTERM)
    assert (await server.ended())[0] == 0


async def test_a_failing_duty_ends_its_worker(server, dial):
    server.configure(workers=1)
    await server.start("failing")
    client = await dial(await server.ready())
    client.say(b"fail")
    assert "a duty failed" in (await server.logged("worker failed"))["traceback"]
    assert (await server.logged("worker ended"))["how"] == "exit status 1"


async def test_restarts_come_ever_more_slowly(server, dial):
    server.configure(workers=1)
    await server.start()
    port = await server.ready()
    delays = []
    for _ in range(3):
        (await dial(port)).say(b"crash")
        delays.append((await server.logged("worker ended"))["restart_in_s"])
    assert delays == [0.1, 0.2, 0.4]


async def test_a_worker_that_cannot_start_ends_the_server(server):
    server.configure()
    await server.start("broken")
    code, out, err = await server.ended()
    assert (code, out) == (1, "")
    assert "nothing works here" in err
    assert "Traceback" not in err


async def test_a_stuck_worker_is_killed_after_the_timeout(server):
    server.configure(workers=1, shutdown="1s")
    await server.start("stuck")
    await server.ready()
    server.signal(signal.SIGTERM)
    code, _, err = await server.ended()
    assert code == 1
    assert "it did not finish in time" in err
    assert "signal SIGKILL" in err


async def test_a_slow_service_is_cancelled_before_the_timeout(server):
    server.configure(workers=1, shutdown="1s")
    await server.start("slow")
    await server.ready()
    server.signal(signal.SIGTERM)
    code, _, err = await server.ended()
    assert code == 0
    assert "not everything was finished in time" in err


async def test_a_second_sigint_ends_at_once(server):
    server.configure(shutdown="10m")
    await server.start("stuck")
    await server.ready()
    server.signal(signal.SIGINT)
    await server.logged("stopping", why="SIGINT")
    server.signal(signal.SIGINT)
    code, _, err = await server.ended()
    assert code == 1
    assert "a second SIGINT came" in err


async def test_workers_end_with_their_supervisor_and_the_next_start_succeeds_at_once(server, dial):
    server.configure()
    await server.start()
    port = await server.ready()
    server.configure(bind=f"127.0.0.1:{port}")
    for _ in range(3):
        clients = [await dial(port) for _ in range(8)]
        server.signal(signal.SIGKILL)
        await server.process.wait()
        await server.start()
        assert await server.ready() == port
        assert {await client.heard() for client in clients} == {b""}


async def test_sighup_reloads_what_can_change_and_names_what_cannot(server):
    server.configure()
    await server.start()
    await server.ready()
    server.configure('[limits]\nmessage_size = "1M"', workers=3)
    server.signal(signal.SIGHUP)
    assert (await server.logged("some changes need a restart"))["keys"] == "workers"
    workers = {(await server.logged("limits", message_size=1 << 20))["worker"] for _ in range(2)}
    assert workers == {1, 2}
    server.configure("[limits]\nmessage_sise = 1")
    server.signal(signal.SIGHUP)
    assert "limits.message_size" in (await server.logged("configuration not reloaded"))["problem"]
    server.signal(signal.SIGTERM)
    assert (await server.ended())[0] == 0


async def test_the_log_level_changes_at_a_reload(server):
    server.configure('level = "error"')
    await server.start()
    await server.ready()
    server.configure('level = "info"')
    server.signal(signal.SIGHUP)
    assert (await server.logged("reloading"))["worker"] == 0
    assert (await server.logged("reloaded"))["worker"] in {1, 2}


async def test_a_second_server_on_the_same_data_names_the_first(server):
    server.configure()
    await server.start()
    first = server.process
    await server.ready()
    try:
        await server.start()
        code, out, err = await server.ended()
    finally:
        first.terminate()
        await first.communicate()
    assert (code, out) == (1, "")
    assert f"in use by another server, process {first.pid}" in err


async def test_a_port_in_use_is_named(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server.configure(bind=f"127.0.0.1:{port}")
        await server.start()
        code, out, err = await server.ended()
    assert (code, out) == (1, "")
    assert f"127.0.0.1:{port} (smtp): the port is in use by another program" in err
    assert len(err.splitlines()) == 1


async def test_an_unusable_data_folder_is_named(server):
    (server.folder / "file").touch()
    server.configure(data="file/data")
    await server.start()
    code, _, err = await server.ended()
    assert code == 1
    assert err.startswith(f"data folder {server.folder}/file/data cannot be made (Not a directory)")


async def test_workers_run_as_the_configured_user(server, dial):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        os.chmod(place, 0o755)  # noqa: PTH101, S103
        server.configure(workers=1, top=f'user = "{ROOT_USER}"', data=f"{place}/data")
        await server.start()
        client = await dial(await server.ready())
        assert client.uid == pwd.getpwnam(ROOT_USER).pw_uid
        assert {entry.stat().st_uid for entry in os.scandir(f"{place}/data")} == {client.uid}
        await server.stop()


async def test_sockets_of_systemd_are_taken(server, dial):
    passing = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    script = os.path.join(os.path.dirname(__file__), "tiny_server.py")  # noqa: PTH118, PTH120
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        server.configure(bind=f"127.0.0.1:{port}")
        await server.start(
            command=(sys.executable, "-c", passing, str(given.fileno()), script), pass_fds=[given.fileno()]
        )
        assert await server.ready() == port
        await dial(port)


async def test_a_terminal_interrupt_reaches_workers_too_but_the_supervisor_decides(server, dial):
    server.configure(workers=1)
    await server.start(start_new_session=True)
    client = await dial(await server.ready())
    os.killpg(server.process.pid, signal.SIGINT)
    assert await client.heard() == b"bye\n"
    assert (await server.ended())[0] == 0


async def test_signals_during_the_start_are_not_lost(server):
    server.configure(workers=2)
    await server.start()
    server.log.append(str(await server.process.stderr.readline()))  # the first sign of life
    server.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        code, _, _ = await server.ended()
    assert code in {0, -signal.SIGTERM}


def test_ends_are_told_by_name():
    assert _how_it_ended(3 << 8) == "exit status 3"
    assert _how_it_ended(signal.SIGSEGV) == "signal SIGSEGV"
    assert _how_it_ended(40) == "signal 40"
