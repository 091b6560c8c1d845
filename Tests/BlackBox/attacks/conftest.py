"""A server under attack, with a well-behaved client that is watched meanwhile."""

import contextlib
import os

import pytest
from attacked import Healthy, Server

import harness

# How long a call of the well-behaved client may take during an attack, in seconds: debug builds on two
# busy CPUs, the attacker on one of them.
LATENCY_MAX = 2.0
# By how much the server may grow over one attack, in bytes. What an attack leaves behind for good would
# show in the soak test; this finds what grows without bound.
GROWTH_MAX = 64 << 20
# Under a sanitizer each byte of a program takes several; scripts/sanitize.sh says how many.
GROWTH_FACTOR = int(os.environ.get("TRUNKLINE_GROWTH_FACTOR", "1"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = Server(tmp_path_factory.mktemp("attacked") / "bench.log", ["--loops", "1"]).start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def healthy(server):
    client = Healthy(server.address)
    client.wait_for_calls(20)
    yield client
    client.stop()


@pytest.fixture
def unharmed(server, healthy):
    """`with unharmed():` around an attack: others are served meanwhile, and nothing is left behind."""

    @contextlib.contextmanager
    def watch(growth_max=GROWTH_MAX):
        healthy.measured()
        memory, descriptors = server.memory, server.descriptors
        yield
        healthy.wait_for_calls(5)
        measured = healthy.measured()
        server.check_running()
        assert measured["error_count"] == 0, measured
        assert measured["max"] is None or measured["max"] < LATENCY_MAX, measured
        assert server.memory - memory < growth_max * GROWTH_FACTOR, (memory, server.memory)
        harness.wait_until(lambda: server.descriptors <= descriptors, "closed descriptors", 10)

    return watch
