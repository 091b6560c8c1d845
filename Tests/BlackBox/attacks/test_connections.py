"""Connections by the thousand, and no descriptors left."""

import connections
import grpc
import pytest
import slow
from attacked import Healthy, Server

import harness


@pytest.mark.parametrize("preface", [False, True])
def test_flood_of_connections(server, unharmed, preface):
    with unharmed():
        assert connections.flood(server.address, count=500, seconds=0.5, preface=preface) > 100


def test_churn_of_connections(server, unharmed):
    with unharmed():
        assert connections.churn(server.address, seconds=0.5) > 100


@pytest.mark.parametrize("attack", slow.ALL, ids=lambda attack: attack.__name__)
def test_slow_peer_is_harmless(server, unharmed, attack):
    with unharmed():
        attack(server.address, seconds=0.5)


def test_no_descriptors_left(tmp_path):
    """Whoever is connected is served while nobody else can be, and new ones are when there is room."""
    process = Server(tmp_path / "bench.log", ["--loops", "1"], limit=64).start()
    client = Healthy(process.address)
    try:
        client.wait_for_calls(5)
        client.measured()
        connections.flood(process.address, count=200, seconds=0.5)
        client.wait_for_calls(5)
        measured = client.measured()
        assert measured["error_count"] == 0, measured
        harness.wait_until(lambda: harness.is_serving(process.address), "a new connection", 10)
        with grpc.insecure_channel(process.address) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)
    finally:
        client.stop()
        assert process.stop() == 0
