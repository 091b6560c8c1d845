"""What HTTP/2 and gRPC ask of a server, re-told from h2spec, gRPC's http2_interop and the server's part
of connectrpc/conformance, whose own runners are Go programs that no package of Debian or PyPI has.

A connection error is GOAWAY with the code and the end; a stream error is RST_STREAM with the code, or a
connection error in its stead (RFC 9113, section 5.4.2 lets a peer choose the harder one). After every
case the server answers somebody else.
"""

import socket
import struct

import pytest

import harness
import interop
import raw_http2
from raw_frames import *  # noqa: F403  the names of frames, flags and codes

UNARY = f"{interop.SERVICE}/UnaryCall"
DUPLEX = f"{interop.SERVICE}/FullDuplexCall"
EMPTY = f"{interop.SERVICE}/EmptyCall"
MESSAGE = bytes(5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = interop.InteropServer(tmp_path_factory.mktemp("conformance")).start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def connection(server):
    """A connection of its own; afterwards the server still serves others."""
    with FrameConnection(server.address) as opened:
        yield opened
    assert harness.is_serving(server.address)


def headers(connection, stream=1, end=True, path=EMPTY, **changes):
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(HEADERS, flags, stream, block(connection.request(path, **changes)))


def whole_call(connection, stream=1):
    return headers(connection, stream, end=False) + frame(DATA, END_STREAM, stream, MESSAGE)


def settled(connection):
    """Both sides' SETTINGS are acknowledged, as they are for whoever waits."""
    assert connection.finish().is_alive
    connection.outcome.is_alive = False


# Connection errors: (section, the frames after the preface, the codes that fit).

LONG = 1 << 14

CONNECTION_ERRORS = {
    "3.4 a settings frame with a stream id as the preface's end": (
        lambda c: frame(SETTINGS, stream=1), {PROTOCOL_ERROR}),
    "4.2 DATA over the frame size": (
        lambda c: headers(c, end=False) + frame(DATA, 0, 1, bytes(LONG + 1)), {FRAME_SIZE_ERROR}),
    "4.2 HEADERS over the frame size": (
        lambda c: frame(HEADERS, END_HEADERS, 1, bytes(LONG + 1)), {FRAME_SIZE_ERROR}),
    "4.3 a header block that can't be read": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff"),
        {COMPRESSION_ERROR}),
    "4.3 PRIORITY inside a header block": (
        lambda c: frame(HEADERS, END_STREAM, 1, block(c.request(EMPTY)))
        + frame(PRIORITY, 0, 1, bytes(5)), {PROTOCOL_ERROR}),
    "4.3 another stream's HEADERS inside a header block": (
        lambda c: frame(HEADERS, END_STREAM, 1, block(c.request(EMPTY))) + headers(c, 3),
        {PROTOCOL_ERROR}),
    "5.1 DATA on an idle stream": (
        lambda c: frame(DATA, END_STREAM, 1, b"x"), {PROTOCOL_ERROR, STREAM_CLOSED}),
    "5.1 RST_STREAM on an idle stream": (
        lambda c: frame(RST_STREAM, 0, 1, bytes(4)), {PROTOCOL_ERROR}),
    "5.1 WINDOW_UPDATE on an idle stream": (
        lambda c: frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), {PROTOCOL_ERROR}),
    "5.1 CONTINUATION on an idle stream": (
        lambda c: frame(CONTINUATION, END_HEADERS, 1, b""), {PROTOCOL_ERROR}),
    "5.1.1 an even stream id": (lambda c: headers(c, 2), {PROTOCOL_ERROR}),
    "5.5 an unknown frame inside a header block": (
        lambda c: frame(HEADERS, END_STREAM, 1, block(c.request(EMPTY))) + frame(0x16, 0, 1, b"x"),
        {PROTOCOL_ERROR}),
    "6.1 DATA on stream 0": (lambda c: frame(DATA, 0, 0, b"x"), {PROTOCOL_ERROR}),
    "6.1 DATA with more padding than payload": (
        lambda c: headers(c, end=False) + frame(DATA, PADDED, 1, b"\x05abc"), {PROTOCOL_ERROR}),
    "6.2 HEADERS on stream 0": (lambda c: headers(c, 0), {PROTOCOL_ERROR}),
    "6.2 HEADERS with more padding than payload": (
        lambda c: frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block(c.request(EMPTY))[:9]),
        {PROTOCOL_ERROR}),
    "6.4 RST_STREAM on stream 0": (lambda c: frame(RST_STREAM, 0, 0, bytes(4)), {PROTOCOL_ERROR}),
    "6.4 RST_STREAM of a wrong size": (
        lambda c: headers(c, end=False) + frame(RST_STREAM, 0, 1, bytes(3)), {FRAME_SIZE_ERROR}),
    "6.5 SETTINGS acknowledged with a payload": (
        lambda c: frame(SETTINGS, ACK, 0, bytes(6)), {FRAME_SIZE_ERROR}),
    "6.5 SETTINGS on a stream": (
        lambda c: frame(SETTINGS, 0, 1, struct.pack(">HI", MAX_CONCURRENT_STREAMS, 9)),
        {PROTOCOL_ERROR}),
    "6.5 SETTINGS of a wrong size": (lambda c: frame(SETTINGS, 0, 0, bytes(3)), {FRAME_SIZE_ERROR}),
    "6.5 SETTINGS of a size that is not six's multiple": (
        lambda c: frame(SETTINGS, 0, 0, bytes(13)), {FRAME_SIZE_ERROR}),
    "6.5.2 ENABLE_PUSH of 2": (lambda c: settings((ENABLE_PUSH, 2)), {PROTOCOL_ERROR}),
    "6.5.2 INITIAL_WINDOW_SIZE over the most": (
        lambda c: settings((INITIAL_WINDOW_SIZE, 1 << 31)), {FLOW_CONTROL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE under the least": (
        lambda c: settings((MAX_FRAME_SIZE, LONG - 1)), {PROTOCOL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE over the most": (
        lambda c: settings((MAX_FRAME_SIZE, 1 << 24)), {PROTOCOL_ERROR}),
    "6.6 PUSH_PROMISE from a client": (
        lambda c: headers(c, end=False)
        + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + block(c.request(EMPTY))),
        {PROTOCOL_ERROR}),
    "6.7 PING on a stream": (lambda c: frame(PING, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
    "6.7 PING of a wrong size": (lambda c: frame(PING, 0, 0, bytes(6)), {FRAME_SIZE_ERROR}),
    "6.8 GOAWAY on a stream": (lambda c: frame(GOAWAY, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
    "6.9 WINDOW_UPDATE of nothing for the connection": (
        lambda c: frame(WINDOW_UPDATE, 0, 0, bytes(4)), {PROTOCOL_ERROR}),
    "6.9 WINDOW_UPDATE of a wrong size": (
        lambda c: frame(WINDOW_UPDATE, 0, 0, bytes(3)), {FRAME_SIZE_ERROR}),
    "6.9.1 WINDOW_UPDATE over the most for the connection": (
        lambda c: frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2, {FLOW_CONTROL_ERROR}),
    "6.10 CONTINUATION and then another frame": (
        lambda c: frame(HEADERS, END_STREAM, 1, block(c.request(EMPTY)))
        + frame(CONTINUATION, 0, 1, b"") + frame(DATA, 0, 1, b"x"), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION on stream 0": (
        lambda c: frame(HEADERS, END_STREAM, 1, block(c.request(EMPTY)))
        + frame(CONTINUATION, END_HEADERS, 0, b""), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION after a whole block": (
        lambda c: headers(c, end=False) + frame(CONTINUATION, END_HEADERS, 1, b""), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION after DATA": (
        lambda c: headers(c, end=False) + frame(DATA, 0, 1, b"")
        + frame(CONTINUATION, END_HEADERS, 1, b""), {PROTOCOL_ERROR}),
    "HPACK 2.3.3 an index that is not there": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xc6"), {COMPRESSION_ERROR}),
    "HPACK 4.2 a table size at the end of a block": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1, block(c.request(EMPTY)) + b"\x20"),
        {COMPRESSION_ERROR}),
    "HPACK 5.2 padding of more than seven bits": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1,
                        block(c.request(EMPTY)) + b"\0\x01x\x86\xf2\xb2\x4a\x84\xff\xff"),
        {COMPRESSION_ERROR}),
    "HPACK 6.1 an index of zero": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"), {COMPRESSION_ERROR}),
    "HPACK 6.3 a table size over the setting": (
        lambda c: frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03" + block(c.request(EMPTY))),
        {COMPRESSION_ERROR}),
}


@pytest.mark.parametrize("name", list(CONNECTION_ERRORS))
def test_connection_error(connection, name):
    make, codes = CONNECTION_ERRORS[name]
    settled(connection)
    outcome = connection.finish(make(connection))
    assert not outcome.is_alive
    assert outcome.goaway in codes


# Stream errors: the frames of a call that is wrong, and the codes that fit.

BAD_FIELDS = {
    "8.2.1 an upper-case name": dict(more=[("X-Test", "1")]),
    "8.2.1 a name with a space": dict(more=[("x test", "1")]),
    "8.2.1 a value with a newline": dict(more=[("x-test", "1\n2")]),
    "8.2.2 connection": dict(more=[("connection", "keep-alive")]),
    "8.2.2 transfer-encoding": dict(more=[("transfer-encoding", "chunked")]),
    "8.2.2 te of something else": dict(replacing={"te": "trailers, deflate"}),
    "8.3 an unknown pseudo-header": dict(more=[(":test", "ok")]),
    "8.3 a response's pseudo-header": dict(more=[(":status", "200")]),
    "8.3 a pseudo-header after the others": dict(without=[":path"], more=[(":path", EMPTY)]),
    "8.3.1 no :method": dict(without=[":method"]),
    "8.3.1 no :scheme": dict(without=[":scheme"]),
    "8.3.1 no :path": dict(without=[":path"]),
    "8.3.1 an empty :path": dict(replacing={":path": ""}),
    "8.3.1 two :method": dict(first=[(":method", "POST")]),
    "8.3.1 two :path": dict(first=[(":path", EMPTY)]),
    "8.3.1 two :scheme": dict(first=[(":scheme", "http")]),
}


@pytest.mark.parametrize("name", list(BAD_FIELDS))
def test_malformed_request(connection, name):
    """RFC 9113, section 8.1.1: a malformed request is a stream error PROTOCOL_ERROR; an HTTP or
    gRPC error is as good (a server may answer before it resets), but no handler may run."""
    changes = dict(BAD_FIELDS[name])
    first = changes.pop("first", [])
    more = changes.pop("more", [])
    fields = first + connection.request(EMPTY, *more, **changes)
    request = frame(HEADERS, END_HEADERS, 1, block(fields)) + frame(DATA, END_STREAM, 1, MESSAGE)
    outcome = connection.finish(request)
    answer = dict(outcome.fields.get(1, []))
    assert answer.get("grpc-status") != "0"
    assert outcome.resets.get(1) == PROTOCOL_ERROR or outcome.goaway == PROTOCOL_ERROR or (
        answer.get(":status") == "400")


STREAM_ERRORS = {
    "6.9 WINDOW_UPDATE of nothing for a stream": (
        lambda c: headers(c, end=False, path=DUPLEX) + frame(WINDOW_UPDATE, 0, 1, bytes(4)),
        {PROTOCOL_ERROR}),
    "6.9.1 WINDOW_UPDATE over the most for a stream": (
        lambda c: headers(c, end=False, path=DUPLEX)
        + frame(WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff") * 2, {FLOW_CONTROL_ERROR}),
    "8.1 a second HEADERS without the stream's end": (
        lambda c: headers(c, end=False, path=DUPLEX) + headers(c, end=False, path=DUPLEX),
        {PROTOCOL_ERROR}),
    "8.1 a pseudo-header in trailers": (
        lambda c: headers(c, end=False, path=DUPLEX)
        + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(":method", "POST")])), {PROTOCOL_ERROR}),
    "8.1.1 content-length that is too long": (
        lambda c: frame(HEADERS, END_HEADERS, 1, block(c.request(DUPLEX, ("content-length", "9"))))
        + frame(DATA, END_STREAM, 1, MESSAGE), {PROTOCOL_ERROR}),
    "8.1.1 content-length that is too short": (
        lambda c: frame(HEADERS, END_HEADERS, 1, block(c.request(DUPLEX, ("content-length", "1"))))
        + frame(DATA, END_STREAM, 1, MESSAGE), {PROTOCOL_ERROR}),
}


@pytest.mark.parametrize("name", list(STREAM_ERRORS))
def test_stream_error(connection, name):
    make, codes = STREAM_ERRORS[name]
    settled(connection)
    outcome = connection.finish(make(connection))
    assert outcome.resets.get(1) in codes or outcome.goaway in codes


# What closed streams get: errors are allowed, answers and crashes are not (RFC 9113, section 5.1).

AFTER_THE_END = {
    "DATA on a half-closed stream": lambda c: frame(DATA, END_STREAM, 1, MESSAGE),
    "HEADERS on a half-closed stream": lambda c: headers(c),
    "CONTINUATION on a half-closed stream": lambda c: frame(CONTINUATION, END_HEADERS, 1, b""),
    "DATA after RST_STREAM": lambda c: frame(RST_STREAM, 0, 1, b"\0\0\0\x08") + frame(DATA, 0, 1, b"x"),
    "HEADERS after RST_STREAM": lambda c: frame(RST_STREAM, 0, 1, b"\0\0\0\x08") + headers(c),
}


@pytest.mark.parametrize("name", list(AFTER_THE_END))
def test_frames_after_the_end_of_a_request(connection, name):
    settled(connection)
    first = headers(connection, end=True, path=DUPLEX)
    outcome = connection.finish(first, AFTER_THE_END[name](connection))
    allowed = {STREAM_CLOSED, PROTOCOL_ERROR}
    is_error = outcome.goaway in allowed or outcome.resets.get(1) in allowed
    # What comes for a closed stream may also be ignored.
    assert is_error or outcome.is_alive


# What nghttp2 lets pass though RFC 9113 has an error for it. No handler may run.

TOLERATED = {
    # It can't tell an unused id from a stream that is closed and forgotten.
    "5.1.1 a stream id below one that was used": lambda c: headers(c, 5) + whole_call(c, 3),
    # We switch the old priorities off (RFC 9218), and their frames are not looked at any more.
    "6.3 PRIORITY on stream 0": lambda c: frame(PRIORITY, 0, 0, bytes(5)),
    "6.3 PRIORITY of a wrong size": lambda c: frame(PRIORITY, 0, 3, bytes(4)),
    "5.3.1 a stream that depends on itself": lambda c: frame(PRIORITY, 0, 3, b"\0\0\0\x03\x0f"),
}


@pytest.mark.parametrize("name", list(TOLERATED))
def test_tolerated(connection, name):
    settled(connection)
    outcome = connection.finish(TOLERATED[name](connection))
    assert 3 not in outcome.fields
    assert outcome.is_alive or outcome.goaway in {PROTOCOL_ERROR, FRAME_SIZE_ERROR, STREAM_CLOSED}


# What is right, or must be ignored: the call that follows is answered.

HARMLESS = {
    "4.1 an unknown frame": lambda c: frame(0x16, 0, 0, b"anything"),
    "4.1 an unknown frame on a stream": lambda c: frame(0xFF, 0xFF, 0, bytes(100)),
    "4.1 undefined flags": lambda c: frame(PING, 0xFE, 0, bytes(8)),
    "4.1 the reserved bit": lambda c: frame(PING, 0, 1 << 31, bytes(8)),
    "6.3 PRIORITY on an idle stream": lambda c: frame(PRIORITY, 0, 101, b"\0\0\0\0\x0f"),
    "6.5.2 an unknown setting": lambda c: settings((0xFF, 1)),
    "6.5.2 every known setting": lambda c: settings(
        (HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (MAX_CONCURRENT_STREAMS, 10),
        (INITIAL_WINDOW_SIZE, 1 << 20), (MAX_FRAME_SIZE, 1 << 15), (6, 1 << 14)),
    "6.7 PING acknowledged unasked": lambda c: frame(PING, ACK, 0, bytes(8)),
    "6.9 WINDOW_UPDATE for the connection": lambda c: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x64"),
    "7 RST_STREAM with an unknown code": lambda c: (
        headers(c, 1, end=False, path=DUPLEX) + frame(RST_STREAM, 0, 1, b"\0\0\0\xff")),
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_harmless(connection, name):
    connection.send(HARMLESS[name](connection) + whole_call(connection, 3))
    outcome = connection.until_over(3)
    assert dict(outcome.fields[3])["grpc-status"] == "0"
    assert outcome.goaway is None


def test_headers_in_many_continuations(connection):
    """Up to the bound that floods are held by."""
    fields = block(connection.request(EMPTY))
    third = len(fields) // 3
    connection.send(
        frame(HEADERS, 0, 1, fields[:third]) + frame(CONTINUATION, 0, 1, fields[third : 2 * third])
        + frame(CONTINUATION, END_HEADERS, 1, fields[2 * third :]) + frame(DATA, END_STREAM, 1, MESSAGE))
    assert dict(connection.until_over(1).fields[1])["grpc-status"] == "0"


def test_padding_and_priority_of_headers_and_data(connection):
    fields = b"\x07" + b"\0\0\0\0\x0f" + block(connection.request(EMPTY)) + bytes(7)
    flags = END_HEADERS | PADDED | PRIORITY_FLAG
    connection.send(
        frame(HEADERS, flags, 1, fields) + frame(DATA, PADDED | END_STREAM, 1, b"\x09" + MESSAGE + bytes(9)))
    assert dict(connection.until_over(1).fields[1])["grpc-status"] == "0"


def test_goaway_with_an_unknown_code_lets_calls_end(connection):
    connection.send(headers(connection, 1, end=False, path=DUPLEX))
    connection.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xFF)))
    connection.send(frame(DATA, END_STREAM, 1, b""))
    assert dict(connection.until_over(1).fields[1])["grpc-status"] == "0"


def test_a_window_of_one_byte(server):
    """6.9.1: DATA comes a byte at a time when the client's window has one."""
    with FrameConnection(server.address, PREFACE + settings((INITIAL_WINDOW_SIZE, 1))) as connection:
        connection.send(whole_call(connection))
        outcome = connection.finish()
        assert outcome.is_alive and outcome.data(1) == b"\0"
        connection.send(settings((INITIAL_WINDOW_SIZE, 3)))
        assert connection.finish().data(1) == bytes(3)
        connection.send(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x64"))
        outcome = connection.until_over(1)
        assert outcome.data(1) == MESSAGE and dict(outcome.fields[1])["grpc-status"] == "0"


def test_a_window_below_zero(server):
    """6.9.2: a smaller INITIAL_WINDOW_SIZE may leave a window negative; it has to be earned back."""
    with FrameConnection(server.address, PREFACE + settings((INITIAL_WINDOW_SIZE, 3))) as connection:
        connection.send(whole_call(connection))
        assert connection.finish().data(1) == bytes(3)
        connection.send(settings((INITIAL_WINDOW_SIZE, 2)) + frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))
        assert connection.finish().data(1) == bytes(3)
        connection.send(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\2"))
        assert connection.until_over(1).data(1) == MESSAGE


def test_more_streams_than_allowed(connection):
    """5.1.2: as many streams as the server's SETTINGS say are open at once; one more is refused."""
    settled(connection)
    pairs = next(payload for kind, flags, _, payload in connection.outcome.frames if kind == SETTINGS and not flags)
    limit = {key: value for key, value in struct.iter_unpack(">HI", pairs)}[MAX_CONCURRENT_STREAMS]
    assert 100 <= limit <= 1000
    streams = range(1, 2 * limit + 2, 2)
    outcome = connection.finish(
        *(headers(connection, stream, end=False, path=DUPLEX) for stream in streams))
    assert outcome.goaway == PROTOCOL_ERROR or list(outcome.resets.items()) == [(streams[-1], REFUSED_STREAM)]


# The preface (RFC 9113, section 3.4).


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00" + bytes(40), b"GET / HTTP/1.0\r\n\r\n" + bytes(10),
     PREFACE[:-1] + b"x" + settings(), PREFACE + frame(PING, payload=bytes(8))],
    ids=["TLS", "HTTP/1", "a wrong byte", "without SETTINGS"],
)
def test_a_preface_that_is_none(server, sent):
    """The server ends the connection, with GOAWAY or without."""
    with FrameConnection(server.address, sent) as connection:
        while connection.read() is not None:
            pass
        assert connection.outcome.goaway in (None, PROTOCOL_ERROR)
    assert harness.is_serving(server.address)


@pytest.mark.parametrize("sent", [b"", b"PRI", PREFACE[:-1], PREFACE, PREFACE + settings()[:5]])
def test_a_client_that_ends_in_its_preface(server, sent):
    with FrameConnection(server.address, sent) as connection:
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.read() is not None:
            pass
    assert harness.is_serving(server.address)


def test_the_server_speaks_settings_first(server):
    with FrameConnection(server.address) as connection:
        kind, flags, stream, _ = connection.read()
        assert (kind, flags, stream) == (SETTINGS, 0, 0)
        while (kind, flags) != (SETTINGS, ACK):
            kind, flags, _, _ = connection.read()


# gRPC: the cases of connectrpc/conformance that are not in test_runtime.py.


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    return interop.load_messages(tmp_path_factory.mktemp("interop"))


def ask(server, path, bodies, **options):
    return raw_http2.call(server.address, path, [raw_http2.frame(body) for body in bodies], **options)


@pytest.mark.parametrize("code", range(1, 17))
def test_every_code(server, messages, code):
    status = messages.EchoStatus(code=code, message=f"code {code}")
    unary = messages.SimpleRequest(response_status=status).SerializeToString()
    answer = ask(server, UNARY, [unary])
    assert (answer.status, answer.message, answer.is_trailers_only) == (str(code), f"code {code}", True)
    parameters = [messages.ResponseParameters(size=1)]
    stream = messages.StreamingOutputCallRequest(response_status=status, response_parameters=parameters)
    answer = ask(server, f"{interop.SERVICE}/StreamingOutputCall", [stream.SerializeToString()])
    assert (answer.status, len(answer.messages)) == (str(code), 1)


@pytest.mark.parametrize("path", [UNARY, f"{interop.SERVICE}/StreamingOutputCall"])
@pytest.mark.parametrize("count", [0, 2])
def test_one_request_is_asked_for(server, path, count):
    assert ask(server, path, [b""] * count).status == "12"


def test_a_stream_may_be_empty(server):
    answer = ask(server, f"{interop.SERVICE}/StreamingInputCall", [])
    assert (answer.status, answer.messages) == ("0", [(False, b"")])
    answer = ask(server, DUPLEX, [])
    assert (answer.status, answer.messages) == ("0", [])


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "post"])
def test_a_bad_verb(server, verb):
    """connectrpc/conformance takes any gRPC status of UNKNOWN, INTERNAL or UNIMPLEMENTED too."""
    with raw_http2.Connection(server.address) as connection:
        fields = {":method": verb, ":scheme": "http", ":path": EMPTY, ":authority": server.address,
                  "te": "trailers", "content-type": "application/grpc"}
        answer = connection.call("", [raw_http2.frame(b"")], preset=fields)
    assert answer.headers[":status"] == "405" or answer.status in {"2", "12", "13"}


@pytest.mark.parametrize("kind", ["application/grpc+foo", "application/grpc+json2"])
def test_an_unknown_codec(server, kind):
    with raw_http2.Connection(server.address) as connection:
        fields = {":method": "POST", ":scheme": "http", ":path": EMPTY, ":authority": server.address,
                  "te": "trailers", "content-type": kind}
        answer = connection.call("", [raw_http2.frame(b"")], preset=fields)
    assert answer.headers[":status"] == "415" or answer.status in {"2", "12", "13"}


def test_both_names_of_the_format(server):
    answers = []
    for kind in ("application/grpc", "application/grpc+proto"):
        with raw_http2.Connection(server.address) as connection:
            fields = {":method": "POST", ":scheme": "http", ":path": EMPTY, ":authority": server.address,
                      "te": "trailers", "content-type": kind}
            answers.append(connection.call("", [raw_http2.frame(b"")], preset=fields))
    assert [answer.status for answer in answers] == ["0", "0"]
    assert answers[0].messages == answers[1].messages


def test_no_te(server):
    """PROTOCOL-HTTP2 has `te: trailers` to find proxies that are in the way; one may be missing it."""
    with raw_http2.Connection(server.address) as connection:
        fields = {":method": "POST", ":scheme": "http", ":path": EMPTY, ":authority": server.address,
                  "content-type": "application/grpc"}
        assert connection.call("", [raw_http2.frame(b"")], preset=fields).status == "0"


def test_duplicate_metadata(server):
    sent = [(interop.ECHO_INITIAL, "one"), ("x-other", "-"), (interop.ECHO_INITIAL, "two, with a comma")]
    sent += [(interop.ECHO_TRAILING, "AAEC"), (interop.ECHO_TRAILING, "//79,/w")]
    for path in (UNARY, f"{interop.SERVICE}/StreamingInputCall"):
        answer = ask(server, path, [b""], headers=sent)
        got = [value for name, value in answer.fields if name == interop.ECHO_INITIAL]
        assert got == ["one", "two, with a comma"]
        got = [value.rstrip("=") for name, value in answer.fields if name == interop.ECHO_TRAILING]
        assert ",".join(got).split(",") == ["AAEC", "//79", "/w"]


def test_initial_metadata_of_a_call_without_messages(server):
    """It goes in headers of its own, or in the only ones."""
    answer = ask(server, DUPLEX, [], headers=[(interop.ECHO_INITIAL, "hello")])
    assert answer.status == "0" and answer.headers.get(interop.ECHO_INITIAL) == "hello"


@pytest.mark.parametrize("path", [UNARY, f"{interop.SERVICE}/StreamingInputCall", DUPLEX])
@pytest.mark.parametrize("size", [(4 << 20) + 1, 0xFFFFFFFF])
def test_a_request_over_the_limit(server, path, size):
    """The prefix is enough: nobody waits for the bytes."""
    with raw_http2.Connection(server.address) as connection:
        stream = connection.begin(path)
        connection.send(stream, struct.pack(">BI", 0, size) + bytes(1000))
        answer = connection.finish(stream)
    assert answer.status == "8" and "4%20MiB" in answer.message or "4 MiB" in answer.message


def test_a_request_at_the_limit(server, messages):
    body = bytes((4 << 20) - 10)
    request = messages.SimpleRequest(payload=messages.Payload(body=body)).SerializeToString()
    request += b"\x12\0" * ((4 << 20) - len(request)) if len(request) < 4 << 20 else b""
    assert len(request) <= 4 << 20
    assert ask(server, UNARY, [request[: 4 << 20]]).status == "0"


def test_a_response_over_the_limit(server, messages):
    request = messages.SimpleRequest(response_size=(4 << 20) + 1).SerializeToString()
    assert ask(server, UNARY, [request]).status == "8"
    parameters = [messages.ResponseParameters(size=(4 << 20) + 1)]
    request = messages.StreamingOutputCallRequest(response_parameters=parameters)
    assert ask(server, DUPLEX, [request.SerializeToString()]).status == "8"


@pytest.mark.parametrize("path", [f"{interop.SERVICE}/StreamingInputCall", DUPLEX])
def test_the_server_keeps_the_deadline(server, path):
    """The client sends nothing and waits: the status comes from the server."""
    with raw_http2.Connection(server.address) as connection:
        stream = connection.begin(path, headers=[("grpc-timeout", "100m")])
        assert connection.finish(stream).status == "4"


def test_the_deadline_ends_a_stream_of_responses(server, messages):
    parameters = [messages.ResponseParameters(size=1), messages.ResponseParameters(size=1, interval_us=60_000_000)]
    request = messages.StreamingOutputCallRequest(response_parameters=parameters)
    answer = ask(
        server, f"{interop.SERVICE}/StreamingOutputCall", [request.SerializeToString()],
        headers=[("grpc-timeout", "200m")])
    assert (answer.status, len(answer.messages)) == ("4", 1)
