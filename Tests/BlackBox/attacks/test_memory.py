"""Much that waits on many connections: the server stays within max-buffered-bytes, and serves others."""

import urllib.request

import grpc
import memory
import pytest
from attacked import Server

import harness

MIB = 1 << 20
BUDGET = 16 * MIB
# Buffers grow by doubling, so up to twice the budget; the rest is what the allocator keeps of it, the
# connections themselves and a debug build.
GROWTH_MAX = 2 * BUDGET + 32 * MIB
ENHANCE_YOUR_CALM, REFUSED_STREAM, NO_ERROR = 11, 7, 0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    admin = f"127.0.0.1:{harness.free_port()}"
    arguments = ["--loops", "2", "--admin", admin, "--setting", f"max-buffered-bytes={BUDGET}"]
    arguments += ["--setting", "stream-window=4MiB", "--setting", "connection-window=64MiB"]
    process = Server(tmp_path_factory.mktemp("memory") / "bench.log", arguments).start()
    process.admin = admin
    yield process
    assert process.stop() == 0


def metric(server, name):
    """The sum of a metric's samples."""
    with urllib.request.urlopen(f"http://{server.admin}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    samples = [line for line in lines if line.partition(" ")[0].partition("{")[0] == name]
    assert samples, name
    return sum(float(line.rpartition(" ")[2]) for line in samples)


def held(server):
    return metric(server, "trunkline_server_buffered_bytes")


@pytest.mark.parametrize("attack", memory.ALL, ids=lambda attack: attack.__name__)
def test_what_waits_is_bounded_over_all_connections(server, unharmed, attack):
    limit = metric(server, "trunkline_server_buffered_limit_bytes")
    assert limit == BUDGET
    shed = metric(server, "trunkline_server_calls_shed_total")
    with unharmed(growth_max=GROWTH_MAX), attack(server.address) as attackers:
        assert held(server) <= limit * 1.2
        ended = sum(len(attacker.ended) for attacker in attackers)
        asked = sum(attacker.sent > 0 for attacker in attackers)
        assert asked == len(attackers) and ended > 0
        # A stream ends with its status and NO_ERROR, with the code that means RESOURCE_EXHAUSTED, or
        # untouched: nothing else comes of it.
        codes = {code for attacker in attackers for code in attacker.resets}
        assert codes <= {NO_ERROR, ENHANCE_YOUR_CALM, REFUSED_STREAM}, codes
        # Those who send more than a frame, and do finish, are not the largest.
        with grpc.insecure_channel(server.address) as channel:
            echo = channel.unary_unary("/trunkline.testing.v1.EchoService/Echo")
            request = memory.message(100_000)[5:]
            assert all(len(echo(request, timeout=10)) > 100_000 for _ in range(20))
        assert metric(server, "trunkline_server_calls_shed_total") - shed >= ended > 0
    harness.wait_until(lambda: held(server) == 0, "nothing held", 10)


def test_the_status_names_the_limit(server):
    # Its connection holds more than any other before it is whole.
    message = memory.message(4_000_000)[5:]
    with memory.unfinished_requests(server.address, connections=16, streams=1):
        with grpc.insecure_channel(server.address) as channel:
            error = channel.unary_unary("/trunkline.testing.v1.EchoService/Echo").future(message, timeout=10).exception()
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    assert "16384 KiB" in error.details() and "max-buffered-bytes" in error.details(), error
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "1000"
