"""Registry and dispatch as two processes: calls go on while the registry is gone."""

import sqlite3
import types

import pytest

import harness
import world as worlds
from harness import wait_until
from world import ANSWER_MAX


@pytest.fixture
def split(stubs, sim, start_server, tmp_path):
    """A registry and a dispatch: one keyring, each its own data folder, one webhook address."""
    keyring = tmp_path / "keyring"
    hook = f"127.0.0.1:{harness.free_port()}"
    shared = {"keyring": keyring, "webhook_address": hook}
    registry = start_server("registry", roles="registry", **shared)
    dispatch = start_server(
        "dispatch", roles="dispatch", registry=registry.address, wait=False, **shared
    )
    serving = "trunkline.v1.CallDispatchService"
    wait_until(
        lambda: dispatch.check_running() and harness.is_serving(dispatch.address, serving),
        "the dispatch",
    )
    world = worlds.World(stubs, sim, registry, dispatch)
    yield types.SimpleNamespace(world=world, registry=registry, dispatch=dispatch)
    world.close()


def answered(world, number, url):
    """A call to the number comes to the agent at `url`."""

    def ready():
        verb = world.call_in(number.e164)["twiml"][0]
        return verb["verb"] == "Connect" and verb["children"][0]["attributes"]["url"] == url

    wait_until(ready, f"calls come to {url}", ANSWER_MAX)


def test_calls_without_their_registry(split):
    world, registry, dispatch = split.world, split.registry, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1

    # The registry is gone: calls come in as before, and go out with what was lent.
    registry.kill()
    carrier_call = world.call_in(number.e164)
    assert carrier_call["twiml"][0]["verb"] == "Connect" and carrier_call["errors"] == []
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED"

    # It is back: changes arrive.
    registry.start()
    world.connect()
    world.assign(number, world.agent(url="wss://agent.example/new"))
    answered(world, number, "wss://agent.example/new")
    assert dispatch.is_running


def leases_kept(dispatch):
    """How many providers' credentials the dispatch's copy holds."""
    with sqlite3.connect(dispatch.data_dir / "routes.db", timeout=5) as copy:
        return copy.execute("SELECT count(*) FROM route_copies WHERE kind = 'lease'").fetchone()[0]


def test_dispatch_restarts_without_its_registry(split):
    """What MODEL 5 promises: the routes, and the region's credentials, outlive both."""
    world, registry, dispatch = split.world, split.registry, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    wait_until(lambda: leases_kept(dispatch) == 1, "the provider's credentials are kept")

    registry.kill()
    dispatch.kill()
    dispatch.start()
    carrier_call = world.call_in(number.e164)
    assert carrier_call["twiml"][0]["verb"] == "Connect" and carrier_call["errors"] == []
    # Credentials that were lent before anybody asked for them.
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1

    # Nothing of it can be read from the disk.
    for file in dispatch.data_dir.iterdir():
        if file.name.startswith("routes.db"):
            content = file.read_bytes()
            assert number.e164.encode() not in content
            assert b"wss://agent.example/stream" not in content

    registry.start()
    world.connect()
    world.assign(number, world.agent(url="wss://agent.example/new"))
    answered(world, number, "wss://agent.example/new")
