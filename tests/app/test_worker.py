import asyncio

import pytest

from postier.app.configuration import ConfigurationError
from postier.app.reading import Problem
from postier.app.settings import Limits, Settings
from postier.app.worker import WorkerContext, run_services

SETTINGS = Settings(hostname="mx.alpha.test", shutdown_timeout_s=10)


class Recorder:
    def __init__(self, name, story, *, task=None):
        self.name, self.story, self.task = name, story, task

    async def start(self, tasks):
        self.story.append(f"{self.name} starts")
        if self.task is not None:
            tasks.create_task(self.task())

    def stop_accepting(self):
        self.story.append(f"{self.name} stops accepting")

    async def finish(self, deadline):
        assert deadline < float("inf")
        self.story.append(f"{self.name} finishes")


async def test_services_start_in_order_and_all_stop_accepting_before_any_finishes():
    story = []
    context = WorkerContext(1, SETTINGS, (), say_ready=lambda: (story.append("ready"), context.stop("test")))
    await run_services(context, [Recorder("a", story), Recorder("b", story)])
    assert story == [
        "a starts",
        "b starts",
        "ready",
        "a stops accepting",
        "b stops accepting",
        "a finishes",
        "b finishes",
    ]


async def test_tasks_left_over_are_cancelled():
    ended = []

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    context = WorkerContext(1, SETTINGS, ())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_services(context, [Recorder("a", [], task=forever)]))
        await asyncio.sleep(0)
        context.stop("test")
    assert ended == [True]


async def test_a_task_that_fails_ends_all():
    async def fail():
        raise RuntimeError("x")

    with pytest.raises(ExceptionGroup):
        await run_services(WorkerContext(1, SETTINGS, ()), [Recorder("a", [], task=fail)])


async def test_ready_is_said_once_and_the_first_stop_sets_the_deadline():
    said = []
    context = WorkerContext(1, SETTINGS, (), say_ready=lambda: said.append(1))
    context.ready()
    context.ready()
    assert said == [1]
    context.stop("one")
    deadline = context.deadline
    assert 8 < deadline - asyncio.get_running_loop().time() <= 9
    context.stop("two")
    assert context.deadline == deadline


async def test_a_reload_calls_every_callback_with_what_may_change():
    new = Settings(hostname="other.test", limits=Limits(recipients=500))
    context = WorkerContext(1, SETTINGS, (), reread=lambda: new)
    got = []
    context.on_reload(lambda _: 1 / 0)
    context.on_reload(got.append)
    context.reload()
    assert got == [context.settings]
    assert (context.settings.hostname, context.settings.limits.recipients) == ("mx.alpha.test", 500)


async def test_a_broken_configuration_changes_nothing():
    def broken():
        raise ConfigurationError((Problem("postier.toml", 1, "x", "unknown"),))

    context = WorkerContext(1, SETTINGS, (), reread=broken)
    context.on_reload(lambda _: pytest.fail("no reload"))
    context.reload()
    assert context.settings is SETTINGS
