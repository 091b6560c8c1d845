"""How the server's connections begin, live and end, as raw HTTP/2 and grpcio see it."""

import contextlib
import json
import socket
import struct
import subprocess
import time

import grpc
import pytest

import harness

ECHO = "/trunkline.testing.v1.EchoService/Echo"
CONVERSE = "/trunkline.testing.v1.EchoService/Converse"
REPEAT = "/trunkline.testing.v1.EchoService/Repeat"
MESSAGE = b"\0\0\0\0\x03\x0a\x01x"

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
NO_ERROR, SETTINGS_TIMEOUT, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 4, 7, 8, 11


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A field without compression (RFC 7541, section 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def request_headers(path, **more):
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "a", "te": "trailers"}
    fields["content-type"] = "application/grpc"
    fields.update(more)
    return b"".join(literal(name, value) for name, value in fields.items())


class Raw:
    """A connection whose every frame is ours to say. It answers PING and SETTINGS unless told not to."""

    def __init__(self, address, greets=True, acknowledges=True, answers_pings=True, window=None):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.acknowledges = acknowledges and greets
        self.answers_pings = answers_pings and greets
        self.frames = []
        self.is_ended = False
        self.buffer = b""
        if greets:
            settings = b"" if window is None else struct.pack(">HI", 4, window)
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def begin(self, path=ECHO, stream=1, data=b"", end=False, **more):
        self.send(frame(HEADERS, 4, stream, request_headers(path, **more)))
        if data or end:
            self.send(frame(DATA, 1 if end else 0, stream, data))

    def ping(self, payload=b"12345678"):
        self.send(frame(PING, 0, 0, payload))

    def _take(self):
        while len(self.buffer) >= 9:
            size = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + size:
                return
            kind, flags = self.buffer[3], self.buffer[4]
            stream = int.from_bytes(self.buffer[5:9], "big")
            payload = self.buffer[9 : 9 + size]
            self.buffer = self.buffer[9 + size :]
            self.frames.append((kind, flags, stream, payload))
            if kind == SETTINGS and not flags & 1 and self.acknowledges:
                self.send(frame(SETTINGS, 1, 0))
            if kind == PING and not flags & 1 and self.answers_pings:
                self.send(frame(PING, 1, 0, payload))

    def read_until(self, found, seconds=10):
        """Reads until `found()` or the end; whether it was found."""
        deadline = time.monotonic() + seconds
        while not found() and not self.is_ended:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            except TimeoutError:
                return bool(found())
            self.is_ended = not data
            self.buffer += data
            self._take()
        return bool(found())

    def read_to_end(self, seconds=10):
        self.read_until(lambda: False, seconds)
        assert self.is_ended, f"still open after {seconds} s: {self.frames}"
        return self

    def of(self, kind):
        return [found for found in self.frames if found[0] == kind]

    @property
    def goaways(self):
        """Each GOAWAY's last stream, code and debug data."""
        return [
            (*struct.unpack(">II", payload[:8]), payload[8:].decode()) for _, _, _, payload in self.of(GOAWAY)
        ]

    @property
    def resets(self):
        return {stream: int.from_bytes(payload, "big") for _, _, stream, payload in self.of(RST_STREAM)}


@pytest.fixture
def bench(tmp_path):
    """Starts Bench with settings: bench("max-connection-idle=1s", loops=1)."""
    started = []

    def start(*settings, loops=1, arguments=()):
        address = f"127.0.0.1:{harness.free_port()}"
        words = ["serve", "--listen", address, "--loops", loops, *arguments]
        for setting in settings:
            words += ["--setting", setting]
        log = tmp_path / f"bench-{len(started)}.log"
        process = harness.Process("Bench", words, log).start()
        harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
        started.append(process)
        process.address = address
        return process

    yield start
    for process in started:
        process.stop()


def lines(process, message):
    """The log lines with this message."""
    found = [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]
    return [line for line in found if line["message"] == message]


def closed_line(process, cause):
    def look():
        return [line for line in lines(process, "connection closed") if line["cause"] == cause]

    return harness.wait_until(look, f"a line about {cause}", 5)[0]


def enter(stack, address):
    """A connection that the server has let in; the one that asked whether it serves may still be there."""

    def come():
        raw = Raw(address)
        if raw.read_until(lambda: raw.of(SETTINGS)):
            return stack.enter_context(raw)
        raw.socket.close()
        return None

    return harness.wait_until(come, "a connection", 5)


def is_alive(address):
    return harness.is_serving(address)


# The begin of a connection.


def test_a_client_that_never_speaks_is_closed(bench):
    server = bench("preface-timeout=200ms")
    with Raw(server.address, greets=False) as raw:
        began = time.monotonic()
        raw.read_to_end(5)
        assert 0.15 < time.monotonic() - began < 2
    line = closed_line(server, "preface_timeout")
    assert "preface-timeout" in line["reason"] and line["peer"].startswith("ipv4:127.0.0.1:")


def test_a_preface_in_drops_is_no_excuse(bench):
    server = bench("preface-timeout=300ms")
    with Raw(server.address, greets=False) as raw:
        for byte in PREFACE:
            raw.send(bytes([byte]))
            if raw.read_until(lambda: raw.is_ended, 0.03):
                break
        raw.read_to_end(5)


def test_settings_must_be_acknowledged(bench):
    server = bench("settings-ack-timeout=200ms")
    with Raw(server.address, acknowledges=False) as raw:
        raw.read_to_end(5)
        assert raw.goaways[0][1:] == (SETTINGS_TIMEOUT, "SETTINGS not acknowledged")
    closed_line(server, "settings_timeout")


def test_a_slow_header_block_ends_the_connection(bench):
    server = bench("header-block-timeout=300ms")
    with Raw(server.address) as raw, Raw(server.address) as other:
        assert raw.read_until(lambda: len(raw.of(SETTINGS)) == 2)
        block = request_headers(ECHO)
        raw.send(frame(HEADERS, 0, 1, block[:5]))
        for byte in block[5:8]:
            raw.send(frame(CONTINUATION, 0, 1, bytes([byte])))
            raw.read_until(lambda: False, 0.05)
        raw.read_to_end(5)
        assert raw.goaways[0][1:] == (ENHANCE_YOUR_CALM, "header block too slow")
        other.begin(data=MESSAGE, end=True)
        assert other.read_until(lambda: len(other.of(HEADERS)) == 2)
    closed_line(server, "header_block_timeout")


# Requests and responses that stand still.


def test_a_request_that_stands_still_ends_and_its_siblings_go_on(bench):
    server = bench("request-stall-timeout=200ms")
    with Raw(server.address) as raw:
        raw.begin(CONVERSE, 1, MESSAGE)
        raw.begin(ECHO, 3, MESSAGE[:4])
        raw.begin(CONVERSE, 5, MESSAGE[:6])
        trailers = lambda: {stream for kind, flags, stream, _ in raw.frames if kind == HEADERS and flags & 1}
        assert raw.read_until(lambda: trailers() >= {3, 5}, 5)
        # A stream between two messages may wait for ever.
        assert 1 not in trailers()
        raw.send(frame(DATA, 1, 1, MESSAGE))
        assert raw.read_until(lambda: 1 in trailers(), 5)
        assert sum(stream == 1 for _, _, stream, _ in raw.of(DATA)) == 2


def test_a_request_that_moves_slowly_is_served(bench):
    server = bench("request-stall-timeout=300ms", "min-request-rate=2")
    with Raw(server.address) as raw:
        raw.begin(ECHO, 1)
        for index, byte in enumerate(MESSAGE):
            raw.send(frame(DATA, 1 if index == 7 else 0, 1, bytes([byte])))
            raw.read_until(lambda: False, 0.1)
        assert raw.read_until(lambda: len(raw.of(HEADERS)) == 2)
        assert raw.of(DATA)[0][3] == MESSAGE


def test_a_stream_whose_window_stays_shut_is_reset(bench):
    server = bench("response-stall-timeout=200ms")
    with Raw(server.address, window=0) as raw:
        raw.begin(ECHO, 1, MESSAGE, end=True)
        raw.begin(REPEAT, 3, b"\0\0\0\0\x02\x18\x05", end=True)
        assert raw.read_until(lambda: {1, 3} <= set(raw.resets), 5)
        assert set(raw.resets.values()) == {CANCEL}
        # The connection is none the worse for it.
        raw.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)))
        raw.begin(ECHO, 5, MESSAGE, end=True)
        assert raw.read_until(lambda: any(stream == 5 for _, _, stream, _ in raw.of(DATA)), 5)


def test_a_client_that_reads_nothing_is_closed(bench, stubs):
    server = bench("write-stall-timeout=400ms")
    with Raw(server.address, window=(1 << 31) - 1) as raw:
        raw.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 30))))
        repeat = stubs.testing.RepeatRequest(count=1_000_000, payload=b"x" * 1000).SerializeToString()
        raw.begin(REPEAT, 1, b"\0" + struct.pack(">I", len(repeat)) + repeat, end=True)
        # Nothing is read until the server has given up.
        gone = lambda: lines(server, "connection closed")
        harness.wait_until(gone, "the server to give up", 10)
        assert gone()[0]["cause"] in ("write_stall", "lost")
    assert is_alive(server.address)


# Idle, age, grace.


def notice_then_goaway(raw, debug, last=None):
    """The two steps of a graceful end."""
    assert raw.read_until(lambda: len(raw.goaways) == 2, 10), raw.frames
    first, second = raw.goaways
    assert first == ((1 << 31) - 1, NO_ERROR, "")
    assert second[1:] == (NO_ERROR, debug)
    assert last is None or second[0] == last
    # The notice comes with the PING whose answer ends the wait.
    kinds = [kind for kind, flags, _, _ in raw.frames if kind in (GOAWAY, PING)]
    assert kinds[:3] == [GOAWAY, PING, GOAWAY]


def test_an_idle_connection_is_asked_to_go(bench):
    server = bench("max-connection-idle=300ms")
    with Raw(server.address) as raw, Raw(server.address) as busy:
        busy.begin(CONVERSE, 1, MESSAGE)
        raw.begin(ECHO, 1, MESSAGE, end=True)
        notice_then_goaway(raw, "max_idle", last=1)
        raw.read_to_end(5)
        assert busy.read_until(lambda: busy.goaways, 0.2) is False


def test_an_old_connection_is_asked_to_go_and_its_calls_have_the_grace(bench):
    server = bench("max-connection-age=300ms", "max-connection-age-grace=400ms")
    with Raw(server.address) as raw:
        raw.begin(CONVERSE, 1, MESSAGE)
        notice_then_goaway(raw, "max_age", last=1)
        # The call goes on, until the grace is over.
        raw.send(frame(DATA, 0, 1, MESSAGE))
        assert raw.read_until(lambda: len(raw.of(DATA)) == 2)
        raw.read_to_end(5)
        status = [payload for kind, flags, _, payload in raw.frames if kind == HEADERS and flags & 1]
        assert len(status) == 1
    closed_line(server, "max_age_grace")


def test_a_goaway_is_not_held_up_by_a_client_that_answers_no_ping(bench):
    server = bench("max-connection-age=200ms", "goaway-wait=300ms", "close-linger=100ms")
    with Raw(server.address, answers_pings=False) as raw:
        notice_then_goaway(raw, "max_age")
        raw.read_to_end(5)


def test_a_call_on_its_way_at_the_notice_is_answered(bench):
    server = bench("max-connection-age=200ms", "goaway-wait=5s")
    with Raw(server.address, answers_pings=False) as raw:
        assert raw.read_until(lambda: raw.goaways, 5)
        raw.begin(ECHO, 1, MESSAGE, end=True)
        assert raw.read_until(lambda: len(raw.of(HEADERS)) == 2, 5)
        raw.send(frame(PING, 1, 0, raw.of(PING)[0][3]))
        assert raw.read_until(lambda: len(raw.goaways) == 2, 5)
        assert raw.goaways[1] == (1, NO_ERROR, "max_age")


def test_ages_are_spread(bench):
    server = bench("max-connection-age=1s", "goaway-wait=10ms")
    with contextlib.ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address)) for _ in range(30)]
        # None of them goes before nine tenths of the age.
        began = time.monotonic()
        assert not raws[0].read_until(lambda: raws[0].goaways, 0.8)
        for raw in raws:
            assert raw.read_until(lambda raw=raw: raw.goaways, 5)
        assert time.monotonic() - began < 3


def test_used_up_stream_identifiers_make_a_connection_go(bench):
    server = bench()
    with Raw(server.address) as raw:
        raw.begin(ECHO, 0x6000_0001, MESSAGE, end=True)
        notice_then_goaway(raw, "stream ids used up", last=0x6000_0001)
        assert len(raw.of(HEADERS)) == 2


def test_grpcio_hears_of_no_age(bench, stubs):
    """Connections go all the time, and a client that makes calls notices nothing."""
    server = bench("max-connection-age=150ms", "max-connection-age-grace=5s", loops=2)
    deadline = time.monotonic() + 1.5
    with grpc.insecure_channel(server.address) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        count = 0
        while time.monotonic() < deadline:
            futures = [stub.Echo.future(stubs.testing.EchoRequest(text=str(n))) for n in range(20)]
            assert [future.result(10).text for future in futures] == [str(n) for n in range(20)]
            count += 20
    assert count > 100


# Keepalive.


def test_a_peer_that_answers_no_ping_is_closed_and_one_that_does_is_not(bench):
    server = bench("keepalive-time=200ms", "keepalive-timeout=200ms")
    with Raw(server.address, answers_pings=False) as dead, Raw(server.address) as alive:
        for _ in range(100):
            assert not alive.read_until(lambda: alive.is_ended, 0.02)
            if dead.read_until(lambda: dead.is_ended, 0.02):
                break
        assert dead.is_ended and dead.of(PING)
        assert alive.read_until(lambda: len(alive.of(PING)) >= 3, 5)
        alive.begin(ECHO, 1, MESSAGE, end=True)
        assert alive.read_until(lambda: len(alive.of(HEADERS)) == 2)
    assert "keepalive-timeout" in closed_line(server, "keepalive_timeout")["reason"]


# Pings of the client.


def test_too_many_pings_without_data(bench):
    server = bench()
    with Raw(server.address) as raw:
        raw.begin(CONVERSE, 1)
        for _ in range(4):
            raw.ping()
            raw.read_until(lambda: False, 0.02)
        # The first, and two strikes: the fourth is one too many.
        raw.read_to_end(5)
        assert raw.goaways[0][1:] == (ENHANCE_YOUR_CALM, "too_many_pings")
    reason = closed_line(server, "too_many_pings")["reason"]
    assert "pings every 0." in reason and "at least 300.0 seconds" in reason


def test_pings_between_data_are_welcome(bench, stubs):
    server = bench()
    with Raw(server.address) as raw:
        raw.begin(CONVERSE, 1)
        for number in range(1, 31):
            raw.send(frame(DATA, 0, 1, MESSAGE))
            assert raw.read_until(lambda: len(raw.of(DATA)) == number)
            raw.ping()
            raw.ping()
            assert raw.read_until(lambda: len(raw.of(PING)) == 2 * number)
        assert not raw.goaways
    assert lines(server, "connection closed") == []


def test_pings_within_what_is_permitted(bench):
    server = bench("ping-interval-min=50ms", "permit-pings-without-calls=true")
    with Raw(server.address) as raw:
        for _ in range(8):
            raw.ping()
            raw.read_until(lambda: False, 0.08)
        assert len(raw.of(PING)) == 8 and not raw.goaways


def test_grpcio_with_keepalive_that_streams_is_not_struck(bench, stubs):
    server = bench()
    options = [
        ("grpc.keepalive_time_ms", 50),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", 50),
    ]
    with grpc.insecure_channel(server.address, options) as channel:
        request = stubs.testing.RepeatRequest(count=60, text="x")
        request.interval.nanos = 20_000_000
        assert len(list(stubs.testing.EchoServiceStub(channel).Repeat(request))) == 60
    assert lines(server, "connection closed") == []


# How many.


def test_one_connection_too_many_is_closed_at_once(bench):
    server = bench("max-connections=3")
    with contextlib.ExitStack() as stack:
        raws = [enter(stack, server.address) for _ in range(3)]
        for _ in range(20):
            stack.enter_context(Raw(server.address)).read_to_end(5)
        refused = harness.wait_until(lambda: lines(server, "connection refused"), "a log line", 5)
        assert "max-connections" in refused[0]["reason"] and len(refused) <= 10
        raws[0].begin(ECHO, 1, MESSAGE, end=True)
        assert raws[0].read_until(lambda: len(raws[0].of(HEADERS)) == 2)
        raws[1].socket.close()
        harness.wait_until(lambda: is_alive(server.address), "a free place", 5)


def test_one_address_can_not_take_all_connections(bench):
    server = bench("max-connections-per-address=2", loops=2)
    host, port = server.address.split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            enter(stack, server.address)
        stack.enter_context(Raw(server.address)).read_to_end(5)
        # Somebody else is served.
        other = socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.0.2", 0))
        stack.callback(other.close)
        assert other.recv(9)
    refused = harness.wait_until(lambda: lines(server, "connection refused"), "a log line", 5)
    assert "max-connections-per-address" in refused[0]["reason"]


def test_exhausted_descriptors_pass(tmp_path):
    """A process with few descriptors keeps some for itself, and serves again when clients go."""
    address = f"127.0.0.1:{harness.free_port()}"
    log = (tmp_path / "bench.log").open("wb")
    command = f'ulimit -n 64; exec "{harness.program("Bench")}" serve --listen {address} --loops 2'
    process = subprocess.Popen(["bash", "-c", command], stdout=log, stderr=log)
    try:
        harness.wait_until(lambda: is_alive(address), "Bench")
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(Raw(address))
            assert first.read_until(lambda: first.of(SETTINGS))
            for _ in range(200):
                stack.enter_context(Raw(address))
            first.begin(ECHO, 1, MESSAGE, end=True)
            assert first.read_until(lambda: len(first.of(HEADERS)) == 2)
        harness.wait_until(lambda: is_alive(address), "a free place", 10)
        assert "fewer connections than configured" in (tmp_path / "bench.log").read_text()
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_handlers_in_all_are_bounded(bench, stubs):
    server = bench("max-handlers=4")
    request = stubs.testing.EchoRequest(text="slow")
    request.delay.nanos = 500_000_000
    with grpc.insecure_channel(server.address) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        futures = [stub.Echo.future(request) for _ in range(12)]
        codes = [future.code() for future in futures]
        assert codes.count(grpc.StatusCode.OK) == 4
        assert codes.count(grpc.StatusCode.UNAVAILABLE) == 8
        shed = next(future for future in futures if future.code() != grpc.StatusCode.OK)
        assert "4 handlers, its limit" in shed.details()
        assert stub.Echo(stubs.testing.EchoRequest(text="again")).text == "again"


# The end of a server.


def test_shutdown_tells_in_two_steps_and_waits(bench):
    server = bench()
    with Raw(server.address) as raw:
        raw.begin(CONVERSE, 1, MESSAGE)
        assert raw.read_until(lambda: raw.of(DATA))
        server.popen.terminate()
        notice_then_goaway(raw, "server shutting down", last=1)
        raw.send(frame(DATA, 1, 1, MESSAGE))
        assert raw.read_until(lambda: len(raw.of(HEADERS)) == 2)
        raw.read_to_end(5)
    assert server.popen.wait(20) == 0


def test_shutdown_is_bounded_for_who_never_speaks(bench):
    server = bench("goaway-wait=200ms", "close-linger=200ms", arguments=["--drain-seconds", "60"])
    with Raw(server.address, greets=False), Raw(server.address, answers_pings=False), socket.create_connection(
        server.address.split(":")
    ):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 3


def test_calls_that_outlast_the_drain_are_unavailable(bench, stubs):
    server = bench(arguments=["--drain-seconds", "1"])
    request = stubs.testing.EchoRequest(text="slow")
    request.delay.seconds = 60
    with grpc.insecure_channel(server.address) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        assert stub.Echo(stubs.testing.EchoRequest(text="now")).text == "now"
        answer = stub.Echo.future(request)
        second = stub.Echo(stubs.testing.EchoRequest(text="now"))
        assert second.text == "now"
        server.popen.terminate()
        assert answer.code() == grpc.StatusCode.UNAVAILABLE
        assert "shutting down" in answer.details()
    assert server.popen.wait(20) == 0


# Settings.


@pytest.mark.parametrize(
    "setting, text",
    [
        ("max-age=5m", "There is no setting \"max-age\". There are: tls-handshake-timeout"),
        ("max-connection-age=5", "max-connection-age can't be \"5\"; it is 1ms to 8760h, or infinite."),
        ("max-connection-age", "write name=value"),
    ],
)
def test_a_wrong_setting_says_what_is_right(setting, text):
    done = subprocess.run(
        [str(harness.program("Bench")), "serve", "--setting", setting],
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert text in done.stdout + done.stderr
