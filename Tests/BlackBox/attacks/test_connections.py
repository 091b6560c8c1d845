"""Connections by the thousand, and no descriptors left."""

import resource
import socket
import time

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


def test_a_running_server_runs_out_of_descriptors(tmp_path):
    """EMFILE: the limit falls under what the server counted with at its start, so accepts fail."""
    process = Server(tmp_path / "bench.log", ["--loops", "1"]).start()
    client = Healthy(process.address)
    host, port = process.address.rsplit(":", 1)
    crowd = []
    try:
        client.wait_for_calls(5)
        limit = process.all_descriptors + 16
        resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = [socket.create_connection((host, int(port)), timeout=10) for _ in range(100)]
        harness.wait_until(lambda: process.all_descriptors >= limit, "no descriptors left", 10)
        # Whoever is connected is served, and those who wait in the kernel's queue cost nothing: ten
        # failed accepts a second, beside the calls of a client that is always there.
        client.measured()
        begun, cpu = time.monotonic(), process.cpu_seconds
        calls = 0
        while time.monotonic() < begun + 1.5:
            client.wait_for_calls(1)
            calls += 1
        share = (process.cpu_seconds - cpu) / (time.monotonic() - begun)
        measured = client.measured()
        assert measured["error_count"] == 0 and calls > 0, measured
        assert share < 0.5, f"{share:.0%} of a processor"
    finally:
        for connection in crowd:
            connection.close()
        with grpc.insecure_channel(process.address) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)
        client.stop()
        assert process.stop() == 0
