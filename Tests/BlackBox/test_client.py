"""Our client against raw HTTP/2 servers that do what they must not, or what clients get wrong,
and against grpcio's server, which is killed and restarted. `Bench call` makes the calls.

The first cases are grpc's negative HTTP/2 tests (grpc/doc/negative-http2-interop-test-
descriptions.md).
"""

import concurrent.futures
import gzip
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import typing
import zlib

import h2.errors
import h2.events
import h2.settings
import pytest

import h2_server
import harness
import interop
from h2_server import Server, echo, message

MAX_CONCURRENT_STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


class Outcome(typing.NamedTuple):
    """How one call of `Bench call` ended: its text if it is OK, else its message."""

    status: str
    milliseconds: int
    text: str


def parse(output):
    outcomes = []
    for line in output.splitlines():
        status, milliseconds, text = line.split(" ", 2)
        outcomes.append(Outcome(status, int(milliseconds), text))
    return outcomes


def start(target, *flags):
    """`Bench call`, running."""
    address = target.address if isinstance(target, Server) else target
    command = [str(harness.program("Bench")), "call", "--target", address, *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, timeout=60):
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, errors
    return parse(output)


def calls(target, *flags):
    """What `Bench call` printed, by call. A call that hangs fails the test by its timeout."""
    if "--timeout" not in flags:
        flags = (*flags, "--timeout", 20_000)
    return finish(start(target, *flags))


def call(target, *flags):
    (outcome,) = calls(target, *flags)
    return outcome


# The server takes its leave: GOAWAY at each awkward moment.


def test_goaway_between_calls():
    """grpc's `goaway`: the second call goes out on a new connection."""

    def first(connection):
        stream = connection.request()
        connection.go_away(stream)
        connection.answer(stream, "one")
        connection.until_closed()

    with Server(first, echo) as server:
        outcomes = calls(server, "--calls", 2)
        assert [outcome.text for outcome in outcomes] == ["one", "echo"]
        assert len(server.connections) == 2


def test_goaway_leaves_calls_out():
    """Streams above the last one that GOAWAY names go to the next connection, once each."""

    def first(connection):
        # Requests end in any order.
        streams = sorted(connection.request() for _ in range(4))
        connection.go_away(streams[0])
        connection.answer(streams[0], "seen")
        connection.until_closed()

    with Server(first, echo) as server:
        outcomes = calls(server, "--calls", 4, "--parallel", 4)
        assert sorted(outcome.text for outcome in outcomes) == ["echo", "echo", "echo", "seen"]
        assert len(server.connections[1].headers) == 3
        assert all("grpc-previous-rpc-attempts" not in fields for fields in server.connections[1].headers.values())


def test_goaway_in_two_steps():
    """The first GOAWAY leaves nothing out; open calls end where they are."""

    def first(connection):
        streams = sorted(connection.request() for _ in range(3))
        connection.go_away(2**31 - 1)
        connection.go_away(streams[-1])
        for stream in reversed(streams):
            connection.answer(stream, "drained")
        connection.until_closed()

    with Server(first) as server:
        outcomes = calls(server, "--calls", 3, "--parallel", 3)
        assert [outcome.text for outcome in outcomes] == ["drained"] * 3
        assert len(server.connections) == 1


def test_goaway_with_the_settings():
    """A server that shuts down as the client comes."""

    def first(connection):
        connection.go_away(0)
        connection.until_closed()

    with Server(first, first, echo) as server:
        assert call(server).text == "echo"


def test_goaway_during_an_answer():
    def first(connection):
        stream = connection.request()
        connection.headers_out(stream)
        connection.go_away(stream)
        connection.h2.send_data(stream, message("whole"))
        connection.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        connection.flush()
        connection.until_closed()

    with Server(first) as server:
        assert call(server).text == "whole"


def test_goaway_leaves_out_a_stream_with_requests():
    """What a client wrote is written again, all of it."""

    def first(connection):
        connection.until(h2.events.DataReceived)
        connection.go_away(0)
        connection.until_closed()

    def second(connection):
        stream = connection.request()
        assert len(connection.bodies[stream]) > 4 * 1000
        connection.answer(stream, "again")
        connection.until_closed()

    with Server(first, second) as server:
        assert call(server, "--method", "collect", "--payload", 1000).text == "again"


def test_goaway_without_end():
    """A server that never takes a call: the client gives up, and did not hammer."""

    def never(connection):
        connection.request()
        connection.go_away(0)
        connection.until_closed()

    with Server(never) as server:
        outcome = call(server)
        assert outcome.status == "UNAVAILABLE" and "GOAWAY" in outcome.text
        assert len(server.connections) <= 7


def test_goaway_says_why():
    def first(connection):
        stream = connection.request()
        connection.go_away(stream, 11, b"no more of this")
        connection.sock.close()

    with Server(first) as server:
        outcome = call(server)
        assert outcome.status == "UNAVAILABLE"
        assert "GOAWAY" in outcome.text and "no more of this" in outcome.text


# The server resets streams.


def test_rst_after_header():
    """grpc's `rst_after_header`: the call fails."""

    def script(connection):
        stream = connection.request()
        connection.headers_out(stream)
        connection.reset(stream, h2.errors.ErrorCodes.NO_ERROR)
        connection.until_closed()

    with Server(script) as server:
        assert call(server, "--attempts", 3).status == "INTERNAL"
        assert len(server.connections[0].headers) == 1


def test_rst_during_data():
    """grpc's `rst_during_data`: half a message came."""

    def script(connection):
        stream = connection.request()
        connection.headers_out(stream)
        connection.h2.send_data(stream, message("torn")[:7])
        connection.reset(stream, h2.errors.ErrorCodes.NO_ERROR)
        connection.until_closed()

    with Server(script) as server:
        assert call(server).status == "INTERNAL"


def test_rst_after_data():
    """grpc's `rst_after_data`: the message came, its status did not."""

    def script(connection):
        stream = connection.request()
        connection.headers_out(stream)
        connection.h2.send_data(stream, message("whole"))
        connection.reset(stream, h2.errors.ErrorCodes.NO_ERROR)
        connection.until_closed()

    with Server(script) as server:
        assert call(server).status == "INTERNAL"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (h2.errors.ErrorCodes.PROTOCOL_ERROR, "INTERNAL"),
        (h2.errors.ErrorCodes.CANCEL, "CANCELLED"),
        (h2.errors.ErrorCodes.ENHANCE_YOUR_CALM, "RESOURCE_EXHAUSTED"),
        (h2.errors.ErrorCodes.INADEQUATE_SECURITY, "PERMISSION_DENIED"),
        (0xDEAD, "INTERNAL"),
    ],
)
def test_rst_codes(code, status):
    def script(connection):
        connection.raw(3, 0, connection.request(), int(code).to_bytes(4, "big"))
        connection.until_closed()

    with Server(script) as server:
        assert call(server).status == status


def test_refused_stream_is_tried_once_more():
    """gRFC A6: once without a policy, and it does not count as an attempt."""

    def script(connection):
        connection.reset(connection.request(), h2.errors.ErrorCodes.REFUSED_STREAM)
        connection.answer(connection.request(), "second")
        while (stream := connection.request()) is not None:
            connection.reset(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    with Server(script) as server:
        outcomes = calls(server, "--calls", 2)
        assert outcomes[0].text == "second"
        assert outcomes[1].status == "UNAVAILABLE"
        requests = server.connections[0].headers
        assert len(requests) == 4
        assert all("grpc-previous-rpc-attempts" not in fields for fields in requests.values())


# Limits and pings.


def test_max_streams():
    """grpc's `max_streams`: one at a time, in order, none fails."""

    def script(connection):
        while (stream := connection.request()) is not None:
            assert connection.h2.open_inbound_streams <= 1
            connection.answer(stream, "one")

    with Server(script, settings={MAX_CONCURRENT_STREAMS: 1}) as server:
        outcomes = calls(server, "--calls", 20, "--parallel", 20)
        assert [outcome.text for outcome in outcomes] == ["one"] * 20
        assert len(server.connections) == 1


def test_max_streams_that_changes():
    """A limit of 0 makes calls wait; a higher one lets them go."""

    def script(connection):
        connection.until(h2.events.SettingsAcknowledged)
        connection.h2.update_settings({MAX_CONCURRENT_STREAMS: 5})
        connection.flush()
        echo(connection)

    with Server(script, settings={MAX_CONCURRENT_STREAMS: 0}) as server:
        assert [outcome.text for outcome in calls(server, "--calls", 3)] == ["echo"] * 3


def test_ping():
    """grpc's `ping`: pings between all the frames of an answer are answered."""

    def script(connection):
        stream = connection.request()
        for step in range(3):
            connection.h2.ping(bytes([step] * 8))
            connection.flush()
            assert connection.until(h2.events.PingAckReceived).ping_data == bytes([step] * 8)
            if step == 0:
                connection.headers_out(stream)
            elif step == 1:
                connection.h2.send_data(stream, message("pinged"))
                connection.flush()
            elif step == 2:
                connection.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
                connection.flush()
        connection.until_closed()

    with Server(script) as server:
        assert call(server).text == "pinged"


def test_keepalive_finds_a_dead_connection():
    """A server that goes silent; the next attempt comes to another connection."""

    def dead(connection):
        connection.request()
        # Neither bytes nor an end: as when its machine is gone.
        while connection.sock.recv(65536):
            pass

    with Server(dead, echo) as server:
        outcome = call(server, "--keepalive", 50, "--attempts", 2)
        assert outcome.text == "echo"
        fields = next(iter(server.connections[1].headers.values()))
        assert fields["grpc-previous-rpc-attempts"] == "1"
    with Server(dead) as server:
        outcome = call(server, "--keepalive", 50)
        assert outcome.status == "UNAVAILABLE" and "ping" in outcome.text


def test_too_many_pings_doubles_the_interval():
    """gRFC A8: after ENHANCE_YOUR_CALM, too_many_pings, pings come half as often."""
    gaps = []

    def script(connection):
        # The client's clock starts when it has read our SETTINGS.
        before = time.monotonic()
        connection.begin()
        stream = connection.request()
        assert connection.until(h2.events.PingReceived) is not None
        gaps.append(time.monotonic() - before)
        if len(gaps) < 3:
            connection.go_away(stream - 1, 11, b"too_many_pings")
            connection.until_closed()
        else:
            connection.answer(stream, "calm")
            connection.until_closed()

    with Server(script, waits=False) as server:
        assert call(server, "--keepalive", 100).text == "calm"
    assert all(gap >= least for gap, least in zip(gaps, (0.1, 0.2, 0.4), strict=True)), gaps


# Answers that are not gRPC's, or torn.


@pytest.mark.parametrize(
    ("http", "status"),
    [
        ("400", "INTERNAL"),
        ("401", "UNAUTHENTICATED"),
        ("403", "PERMISSION_DENIED"),
        ("404", "UNIMPLEMENTED"),
        ("429", "UNAVAILABLE"),
        ("500", "UNKNOWN"),
        ("502", "UNAVAILABLE"),
        ("503", "UNAVAILABLE"),
    ],
)
def test_http_status(http, status):
    def script(connection):
        fields = [(":status", http), ("content-type", "text/html")]
        connection.http(connection.request(), fields, b"<html>Bad Gateway</html>")
        connection.http(connection.request(), fields)
        connection.until_closed()

    with Server(script) as server:
        for outcome in calls(server, "--calls", 2):
            assert outcome.status == status
            assert f"HTTP {http}" in outcome.text and "text/html" in outcome.text


def test_http_status_beside_a_grpc_status():
    """A grpc-status counts more than what HTTP says."""

    def script(connection):
        fields = [(":status", "503"), ("grpc-status", "5"), ("grpc-message", "not%20here")]
        connection.http(connection.request(), fields)
        connection.until_closed()

    with Server(script) as server:
        outcome = call(server)
        assert (outcome.status, outcome.text) == ("NOT_FOUND", "not here")


OK = (":status", "200")
GRPC = ("content-type", "application/grpc")


@pytest.mark.parametrize(
    ("first", "data", "trailers", "status"),
    [
        # No messages, two messages.
        ([OK, GRPC], b"", [("grpc-status", "0")], "UNIMPLEMENTED"),
        ([OK, GRPC], message("a") * 2, [("grpc-status", "0")], "UNIMPLEMENTED"),
        # An error with a message is an error.
        ([OK, GRPC], message("a"), [("grpc-status", "9")], "FAILED_PRECONDITION"),
        # Statuses that are none.
        ([OK, GRPC], message("a"), [("grpc-status", "99")], "UNKNOWN"),
        ([OK, GRPC], message("a"), [("grpc-status", "x")], "UNKNOWN"),
        ([OK, GRPC], message("a"), [("x", "y")], "UNKNOWN"),
        # No trailers at all.
        ([OK, GRPC], message("a"), None, "INTERNAL"),
        # Torn, oversized, badly flagged messages.
        ([OK, GRPC], message("abc")[:-1], [("grpc-status", "0")], "INTERNAL"),
        ([OK, GRPC], b"\0\xff\xff\xff\xff", [("grpc-status", "0")], "RESOURCE_EXHAUSTED"),
        ([OK, GRPC], b"\7" + message("a")[1:], [("grpc-status", "0")], "INTERNAL"),
        ([OK, GRPC], b"\1" + message("a")[1:], [("grpc-status", "0")], "INTERNAL"),
        ([OK, GRPC, ("grpc-encoding", "br")], message("a"), [("grpc-status", "0")], "INTERNAL"),
        # A message that is no EchoResponse.
        ([OK, GRPC], b"\0\0\0\0\1\x0a", [("grpc-status", "0")], "INTERNAL"),
        # Not gRPC.
        ([OK, ("content-type", "text/plain")], b"hello", [("x", "y")], "UNKNOWN"),
        ([OK], b"", None, "UNKNOWN"),
    ],
)
def test_malformed_answers(first, data, trailers, status):
    """The call ends with a status of our own, and the connection lives on."""

    def script(connection):
        stream = connection.request()
        connection.h2.send_headers(stream, first, end_stream=not data and trailers is None)
        if data:
            connection.h2.send_data(stream, data, end_stream=trailers is None)
        if trailers is not None:
            connection.h2.send_headers(stream, trailers, end_stream=True)
        connection.flush()
        echo(connection)

    with Server(script) as server:
        outcomes = calls(server, "--calls", 2)
        assert outcomes[0].status == status, outcomes[0]
        assert outcomes[1].text == "echo"
        assert len(server.connections) == 1


def test_metadata_that_only_http_knows_is_left_out():
    """Neither in the headers, nor in the trailers, nor beside an error does it end a call."""

    def script(connection):
        strange = [("x-a", "é"), ("x-b", "a\tb"), ("x!c", "d"), ("x-d-bin", "*")]
        stream = connection.request()
        connection.headers_out(stream, strange)
        connection.h2.send_data(stream, message("fine"))
        connection.h2.send_headers(stream, [("grpc-status", "0"), *strange], end_stream=True)
        connection.flush()
        connection.fail(connection.request(), 9, [*strange, ("grpc-message", "no")])
        echo(connection)

    with Server(script) as server:
        outcomes = calls(server, "--calls", 3)
        assert [(outcome.status, outcome.text) for outcome in outcomes] == [
            ("OK", "fine"), ("FAILED_PRECONDITION", "no"), ("OK", "echo"),
        ]
        assert len(server.connections) == 1


def test_informational_answers_are_skipped():
    def script(connection):
        stream = connection.request()
        for status in ("100", "103"):
            connection.h2.send_headers(stream, [(":status", status)])
        connection.answer(stream, "after")
        connection.until_closed()

    with Server(script) as server:
        assert call(server).text == "after"


def test_headers_beyond_the_bound():
    def script(connection):
        stream = connection.request()
        connection.headers_out(stream, [(f"x-{number}", "v" * 1000) for number in range(20)])
        connection.until_closed()

    with Server(script) as server:
        assert call(server).status == "RESOURCE_EXHAUSTED"


def test_not_http2():
    """A server that speaks something else: no connection, and a reason."""

    def script(connection):
        connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        connection.sock.recv(65536)

    with Server(script, waits=False) as server:
        outcome = call(server)
        assert outcome.status == "UNAVAILABLE" and "No connection" in outcome.text


# Servers that never answer, or are not there.


def test_no_settings():
    """A server that takes the connection and says nothing holds nobody beyond a deadline."""

    def script(connection):
        connection.sock.recv(65536)
        while connection.sock.recv(65536):
            pass

    with Server(script, waits=False) as server:
        outcome = call(server, "--timeout", 200)
        assert outcome.status == "DEADLINE_EXCEEDED" and outcome.milliseconds < 2000


def test_no_answer():
    def script(connection):
        stream = connection.request()
        assert connection.headers[stream]["grpc-timeout"].endswith(("m", "u", "n"))
        assert connection.until(h2.events.StreamReset).error_code == h2.errors.ErrorCodes.CANCEL
        echo(connection)

    with Server(script) as server:
        outcomes = calls(server, "--timeout", 300, "--calls", 2)
        assert outcomes[0].status == "DEADLINE_EXCEEDED" and outcomes[0].milliseconds < 3000
        assert outcomes[1].text == "echo"


def test_refused_connection_fails_fast_and_in_words():
    address = f"127.0.0.1:{harness.free_port()}"
    outcomes = calls(address, "--calls", 3)
    for outcome in outcomes:
        assert outcome.status == "UNAVAILABLE" and outcome.milliseconds < 2000
        assert address in outcome.text and "connection refused" in outcome.text


def test_waits_for_a_server_that_comes_late():
    port = harness.free_port()
    process = start(f"127.0.0.1:{port}", "--wait-for-ready", "--connect-back-off", 20, "--timeout", 20_000)
    time.sleep(0.2)
    with Server(echo, port=port):
        (outcome,) = finish(process)
        assert outcome.text == "echo"


# Retries (gRFC A6).


def test_retries_with_back_off():
    def script(connection):
        for _ in range(2):
            connection.fail(connection.request(), 14)
        echo(connection)

    with Server(script) as server:
        outcome = call(server, "--attempts", 4, "--back-off", 50)
        assert outcome.text == "echo" and outcome.milliseconds >= 40 + 80
        attempts = [
            fields.get("grpc-previous-rpc-attempts") for fields in server.connections[0].headers.values()
        ]
        assert attempts == [None, "1", "2"]


def test_retries_end():
    def script(connection):
        while (stream := connection.request()) is not None:
            connection.fail(stream, 14, [("grpc-message", "still down")])

    with Server(script) as server:
        outcome = call(server, "--attempts", 3)
        assert (outcome.status, outcome.text) == ("UNAVAILABLE", "still down")
        assert len(server.connections[0].headers) == 3


@pytest.mark.parametrize("code", [3, 4, 8, 13])
def test_other_statuses_are_not_retried(code):
    def script(connection):
        connection.fail(connection.request(), code)
        connection.until_closed()

    with Server(script) as server:
        call(server, "--attempts", 5)
        assert len(server.connections[0].headers) == 1


@pytest.mark.parametrize("value", ["-1", "soon", ""])
def test_push_back_forbids(value):
    def script(connection):
        connection.fail(connection.request(), 14, [("grpc-retry-pushback-ms", value)])
        connection.until_closed()

    with Server(script) as server:
        assert call(server, "--attempts", 5).status == "UNAVAILABLE"
        assert len(server.connections[0].headers) == 1


def test_push_back_delays():
    def script(connection):
        connection.fail(connection.request(), 14, [("grpc-retry-pushback-ms", "300")])
        echo(connection)

    with Server(script) as server:
        outcome = call(server, "--attempts", 2, "--back-off", 10_000)
        assert outcome.text == "echo" and 300 <= outcome.milliseconds < 5000


def test_no_retry_beyond_the_deadline():
    """The last status says more than DEADLINE_EXCEEDED after a wait in vain."""

    def script(connection):
        connection.fail(connection.request(), 14, [("grpc-retry-pushback-ms", "60000")])
        connection.until_closed()

    with Server(script) as server:
        outcome = call(server, "--attempts", 2, "--timeout", 5000)
        assert outcome.status == "UNAVAILABLE" and outcome.milliseconds < 3000


def test_headers_commit_a_call():
    """Once an answer has begun the call is not made again."""

    def script(connection):
        stream = connection.request()
        connection.headers_out(stream)
        connection.h2.send_headers(stream, [("grpc-status", "14")], end_stream=True)
        connection.flush()
        connection.until_closed()

    with Server(script) as server:
        assert call(server, "--attempts", 5).status == "UNAVAILABLE"
        assert len(server.connections[0].headers) == 1


def test_many_requests_commit_a_call():
    """More than the buffer holds can't be sent again."""

    def script(connection):
        connection.fail(connection.request(), 14)
        connection.until_closed()

    with Server(script) as server:
        outcome = call(server, "--attempts", 5, "--method", "collect", "--payload", 100_000)
        assert outcome.status == "UNAVAILABLE"
        assert len(server.connections[0].headers) == 1


@pytest.mark.parametrize("method", ["echo", "collect", "converse", "repeat"])
def test_lost_connection_is_retried(method):
    """The connection breaks with the request in it."""

    def first(connection):
        connection.until(h2.events.RequestReceived)

    def second(connection):
        stream = connection.until(h2.events.RequestReceived).stream_id
        connection.headers_out(stream)
        if method == "converse":
            for _ in range(4):
                connection.until(h2.events.DataReceived)
                connection.h2.send_data(stream, message("x"))
                connection.flush()
        connection.until(h2.events.StreamEnded)
        if method != "converse":
            connection.h2.send_data(stream, message("x"))
        connection.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        connection.flush()
        connection.until_closed()

    with Server(first, second) as server:
        outcome = call(server, "--attempts", 2, "--method", method)
        assert outcome.text == ("xxxx" if method == "converse" else "x"), outcome
    with Server(first) as server:
        outcome = call(server, "--method", method)
        assert outcome.status == "UNAVAILABLE" and "lost" in outcome.text


# Compression.


def frame(body, flag=1):
    return struct.pack(">BI", flag, len(body)) + body


@pytest.mark.parametrize(("encoding", "inflate"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_requests_are_compressed(encoding, inflate):
    """Where it is asked for and makes them smaller; the encodings that we take are always said."""

    sizes = [10_000, 10]

    def script(connection):
        stream = connection.request()
        assert connection.headers[stream]["grpc-encoding"] == encoding
        assert connection.headers[stream]["grpc-accept-encoding"] == "identity,deflate,gzip"
        body = connection.bodies[stream]
        flag, length = struct.unpack(">BI", body[:5])
        assert length == len(body) - 5
        plain = inflate(body[5:]) if flag else body[5:]
        size = sizes.pop(0)
        assert flag == (size == 10_000) and plain.endswith(b"a" * size)
        connection.answer(stream, "ok")
        connection.until_closed()

    with Server(script) as server:
        for size in tuple(sizes):
            assert call(server, "--compress", encoding, "--payload", size).text == "ok"


PLAIN = message("compressed")[5:]


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", frame(gzip.compress(PLAIN)), "OK"),
        ("deflate", frame(zlib.compress(PLAIN)), "OK"),
        # Not every message need be compressed.
        ("gzip", frame(PLAIN, 0), "OK"),
        ("gzip", frame(gzip.compress(PLAIN)[:-3]), "INTERNAL"),
        ("gzip", frame(b"not gzip"), "INTERNAL"),
        ("deflate", frame(gzip.compress(PLAIN)), "INTERNAL"),
        ("identity", frame(gzip.compress(PLAIN)), "INTERNAL"),
        # Bombs: beyond the limit of a message, and far beyond.
        ("gzip", frame(gzip.compress(b"\x12" * (5 << 20))), "RESOURCE_EXHAUSTED"),
        ("deflate", frame(zlib.compress(bytes(50 << 20), 9)), "RESOURCE_EXHAUSTED"),
    ],
)
def test_answers_are_inflated(encoding, body, status):
    def script(connection):
        stream = connection.request()
        connection.headers_out(stream, [("grpc-encoding", encoding)])
        for start in range(0, len(body), 16_000):
            connection.h2.send_data(stream, body[start : start + 16_000])
            connection.flush()
        connection.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        connection.flush()
        echo(connection)

    with Server(script) as server:
        outcomes = calls(server, "--calls", 2)
        assert outcomes[0].status == status, outcomes[0]
        assert status != "OK" or outcomes[0].text == "compressed"
        assert outcomes[1].text == "echo"


# Several servers.


def named(name):
    def script(connection):
        while (stream := connection.request()) is not None:
            connection.answer(stream, name)

    return script


def test_pick_first_takes_the_first_that_answers():
    port = harness.free_port()
    with Server(named("a")) as first, Server(named("b")) as second:
        target = f"ipv4:127.0.0.1:{port},{first.address},{second.address}"
        outcomes = calls(target, "--calls", 5)
        assert {outcome.text for outcome in outcomes} == {"a"}
        assert not second.connections


def test_round_robin_over_addresses():
    port = harness.free_port()
    with Server(named("a"), host="127.0.0.1") as first, Server(named("b"), host="127.0.0.2") as second:
        target = f"ipv4:127.0.0.1:{port},{first.address},{second.address}"
        outcomes = calls(target, "--calls", 40, "--round-robin", "--wait-for-ready")
        texts = [outcome.text for outcome in outcomes]
        assert min(texts.count("a"), texts.count("b")) >= 15, texts


def test_localhost_by_dns():
    with Server(echo) as server:
        port = server.address.split(":")[1]
        assert call(f"dns:///localhost:{port}").text == "echo"
        fields = next(iter(server.connections[0].headers.values()))
        assert fields[":authority"] == f"localhost:{port}"


def test_unix_socket(tmp_path):
    path = tmp_path / "server.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with concurrent.futures.ThreadPoolExecutor() as pool:

        def serve():
            connection = h2_server.Connection(listener.accept()[0])
            connection.begin()
            echo(connection)
            return connection.headers

        headers = pool.submit(serve)
        assert call(f"unix:{path}").text == "echo"
        assert headers.result(20)[1][":authority"] == "localhost"
    listener.close()


# TLS.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return interop.Certificates(tmp_path_factory.mktemp("certificates"))


def tls_server(certificates, *protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def test_tls(certificates):
    with Server(echo, tls=tls_server(certificates, "h2")) as server:
        outcome = call(server, "--ca", certificates.ca, "--server-name", interop.TLS_NAME)
        assert outcome.text == "echo"
        fields = next(iter(server.connections[0].headers.values()))
        assert fields[":scheme"] == "https"


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)])
def test_tls_without_h2_is_no_connection(certificates, protocols):
    """ALPN is a must (RFC 9113, section 3.3)."""
    with Server(echo, tls=tls_server(certificates, *protocols)) as server:
        outcome = call(server, "--ca", certificates.ca, "--server-name", interop.TLS_NAME)
        assert outcome.status == "UNAVAILABLE" and "No connection" in outcome.text


def test_tls_with_a_certificate_that_is_not_good(certificates, tmp_path):
    other = interop.Certificates(tmp_path)
    with Server(echo, tls=tls_server(certificates, "h2")) as server:
        for authority, name, reason in (
            (certificates.ca, "other.test", "hostname mismatch"),
            (other.ca, interop.TLS_NAME, "certificate"),
        ):
            outcome = call(server, "--ca", authority, "--server-name", name)
            assert outcome.status == "UNAVAILABLE" and reason in outcome.text, outcome


def test_tls_to_a_server_in_plaintext(certificates):
    with Server(lambda connection: connection.sock.recv(65536)) as server:
        outcome = call(server, "--ca", certificates.ca)
        assert outcome.status == "UNAVAILABLE" and "No connection" in outcome.text


# grpcio's server, killed and restarted.

GRPCIO_SERVER = """
import sys, grpc, concurrent.futures
def echo(request, context):
    return request
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(echo)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
server.add_generic_rpc_handlers((Handler(),))
assert server.add_insecure_port(sys.argv[1])
server.start()
print("serving", flush=True)
server.wait_for_termination()
"""


def grpcio_server(address):
    process = subprocess.Popen(
        [sys.executable, "-c", GRPCIO_SERVER, address], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().strip() == "serving"
    return process


def test_grpcio_server_killed_and_restarted():
    """Calls that wait and may be made again all succeed while their server is killed twice."""
    address = f"127.0.0.1:{harness.free_port()}"
    flags = ["--wait-for-ready", "--attempts", 5, "--connect-back-off", 20, "--timeout", 20_000]
    server = grpcio_server(address)
    try:
        client = start(address, "--calls", 100_000, *flags)
        lines = []
        for _ in range(2):
            lines += [client.stdout.readline() for _ in range(200)]
            server.send_signal(signal.SIGKILL)
            server.wait()
            server = grpcio_server(address)
        lines += [client.stdout.readline() for _ in range(200)]
        client.kill()
        client.wait()
    finally:
        server.kill()
        server.wait()
    outcomes = parse("".join(lines))
    assert len(outcomes) == 600
    assert {outcome.status for outcome in outcomes} == {"OK"}
