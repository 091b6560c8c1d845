"""A rolling restart on one port, under load: no call fails.

Two processes of Bench take turns on a port through SO_REUSEPORT. Clients call all the while: grpcio
with a retry policy and without one; short calls, calls that take their time, streams that go on, and
channels that live for one call.

A third client has even its transparent retries switched off (grpc.enable_retries=0). A call that its
channel has given to a connection, and that the connection has not begun when it reads the GOAWAY, fails
inside that client, unsent. No server can help it; at most one such call per restart is let pass.

TRUNKLINE_ROLLING_RESTARTS=N makes it N restarts instead of 5.
"""

import itertools
import json
import os
import threading
import time

import grpc
import pytest

import harness

RESTARTS = int(os.environ.get("TRUNKLINE_ROLLING_RESTARTS", "5"))

RETRY_POLICY = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
# Each channel has connections of its own.
OWN = [("grpc.use_local_subchannel_pool", 1)]
CLIENTS = {
    "retrying": [*OWN, ("grpc.service_config", RETRY_POLICY), ("grpc.enable_retries", 1)],
    "non-retrying": OWN,
    "no transparent retries": [*OWN, ("grpc.enable_retries", 0)],
}


class Load:
    """Threads that call until they are told to stop, and note every call that fails."""

    def __init__(self, address, stubs):
        self.address = address
        self.stubs = stubs
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.failures = []
        self.counts = {}
        self.threads = []

    def add(self, kind, turn, name):
        def run():
            options = CLIENTS[kind]
            count = 0
            with grpc.insecure_channel(self.address, options) as channel:
                stub = self.stubs.testing.EchoServiceStub(channel)
                while not self.stopping.is_set():
                    try:
                        count += turn(stub, options)
                    except grpc.RpcError as error:
                        with self.lock:
                            self.failures.append((time.time(), kind, name, error.code(), error.details()))
            with self.lock:
                key = f"{kind} {name}"
                self.counts[key] = self.counts.get(key, 0) + count

        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)

    def short(self, stub, _):
        futures = [stub.Echo.future(self.stubs.testing.EchoRequest(text=str(n)), timeout=20) for n in range(10)]
        for n, future in enumerate(futures):
            assert future.result().text == str(n)
        return 10

    def slow(self, stub, _):
        request = self.stubs.testing.EchoRequest(text="slow")
        request.delay.nanos = 100_000_000
        assert stub.Echo(request, timeout=20).text == "slow"
        return 1

    def stream(self, stub, _):
        """A conversation of half a second or so, which outlives the notice."""
        turn = threading.Semaphore(0)

        def requests():
            for n in range(50):
                yield self.stubs.testing.ConverseRequest(text=str(n))
                assert turn.acquire(timeout=20)
                self.stopping.wait(0.01)

        for n, answer in enumerate(stub.Converse(requests(), timeout=30)):
            assert answer.text == str(n)
            turn.release()
        assert n == 49
        return 1

    def newcomer(self, _, options):
        """A channel for one call."""
        with grpc.insecure_channel(self.address, options) as channel:
            stub = self.stubs.testing.EchoServiceStub(channel)
            assert stub.Echo(self.stubs.testing.EchoRequest(text="x"), timeout=20).text == "x"
        return 1

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def start_server(tmp_path, address, number):
    log = tmp_path / f"bench-{number}.log"
    words = ["serve", "--listen", address, "--loops", 2, "--drain-seconds", 20]
    process = harness.Process("Bench", words, log).start()
    # Not by a call: the other one would answer it.
    harness.wait_until(lambda: process.check_running() and "listening on" in process.output(), "Bench")
    return process


def test_a_rolling_restart_fails_no_call(tmp_path, stubs):
    address = f"127.0.0.1:{harness.free_port()}"
    numbers = itertools.count()
    current = start_server(tmp_path, address, next(numbers))
    load = Load(address, stubs)
    began = time.monotonic()
    try:
        for kind in CLIENTS:
            load.add(kind, load.short, "short calls")
            load.add(kind, load.slow, "slow calls")
            load.add(kind, load.stream, "streams")
        load.add("non-retrying", load.newcomer, "channels for one call")
        for _ in range(RESTARTS):
            successor = start_server(tmp_path, address, next(numbers))
            previous, current = current, successor
            assert previous.stop() == 0
            # Nobody is left behind: each kind of call reaches the new one.
            load.stopping.wait(0.3)
    finally:
        load.stop()
        took = time.monotonic() - began
        current.stop()
    rate = sum(load.counts.values()) / took
    print(f"{RESTARTS} restarts in {took:.1f} s, {rate:.0f} calls/s: {load.counts}")
    unsent = [
        failure
        for failure in load.failures
        if failure[1] == "no transparent retries" and "GOAWAY received" in failure[4]
    ]
    assert len(unsent) <= RESTARTS
    failures = [failure for failure in load.failures if failure not in unsent]
    assert not failures, f"{len(failures)} failed at {rate:.0f} calls/s: {failures[:5]}"
    assert all(load.counts.values()), load.counts
