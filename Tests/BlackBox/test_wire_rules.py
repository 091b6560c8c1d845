"""The rules of gRPC over HTTP/2 that implementations get wrong, spoken by hand over PyPI's h2.

Each test speaks frames to the Bench echo server; its metadata knobs are in EchoMetadata.swift.
"""

import base64
import functools
import gzip
import os
import pathlib
import socket
import struct
import urllib.parse
import zlib

import h2.errors
import h2.settings
import hyperframe.frame
import pytest
from google.rpc import error_details_pb2, status_pb2

import harness
from raw_http2 import Connection, call, frame

SERVICE = "/trunkline.testing.v1.EchoService"
ECHO, REPEAT, COLLECT = f"{SERVICE}/Echo", f"{SERVICE}/Repeat", f"{SERVICE}/Collect"
MESSAGE = frame(b"\x0a\x01x")
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    address = f"127.0.0.1:{harness.free_port()}"
    log = tmp_path_factory.mktemp("bench") / "bench.log"
    process = harness.Process("Bench", ["serve", "--listen", address], log)
    process.address = address
    process.start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    yield process
    assert process.stop() == 0


@pytest.fixture
def address(server):
    return server.address


def is_alive(connection):
    """Whether the same connection still carries calls."""
    answer = connection.call(ECHO, [MESSAGE])
    return answer.status == "0" and answer.data == MESSAGE


def preset(address, **changes):
    """The headers of a call in their order; None leaves one out."""
    fields = {
        ":method": "POST", ":scheme": "http", ":path": ECHO, ":authority": address,
        "te": "trailers", "content-type": "application/grpc",
    }
    fields |= {name.replace("_", "-") if name[0] != ":" else name: value for name, value in changes.items()}
    return {name: value for name, value in fields.items() if value is not None}


def decoded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


# The path names a method exactly, or none at all (CVE-2026-33186).


@pytest.mark.parametrize("path", [
    ECHO + "/", "/" + ECHO, ECHO.replace("Echo", "echo"), ECHO.upper(), ECHO + "?x=1", ECHO + "#x",
    ECHO.replace("/Echo", "%2FEcho"), ECHO.replace("Echo", "%45cho", 1), "/x/.." + ECHO, "/", "//",
    f"{SERVICE}/", SERVICE, "/EchoService/Echo", ECHO + "\\", ECHO.replace("/Echo", "//Echo"), ECHO + "x" * 4000,
])
def test_path_that_is_no_method(address, path):
    with Connection(address) as connection:
        answer = connection.call(path, [MESSAGE])
        assert answer.status == "12" and answer.is_trailers_only and not answer.data
        assert is_alive(connection)


@pytest.mark.parametrize("path", [ECHO[1:], "", "*", "http://127.0.0.1" + ECHO, "http:" + ECHO])
def test_path_that_http2_does_not_know(address, path):
    with Connection(address) as connection:
        answer = connection.call(path, [MESSAGE])
        assert answer.status == "12" or answer.reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
        assert is_alive(connection)


# The content type.


@pytest.mark.parametrize("kind", [
    "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc+proto;x=y",
])
def test_content_type_taken(address, kind):
    answer = call(address, ECHO, [MESSAGE], preset=preset(address, content_type=kind))
    assert (answer.status, answer.data) == ("0", MESSAGE)
    assert answer.headers["content-type"] == "application/grpc"


@pytest.mark.parametrize("kind", ["image/jpeg", "text/plain", "application/grpcx", "application/grp", "", None])
def test_content_type_of_others_is_http_415(address, kind):
    with Connection(address) as connection:
        answer = connection.call(ECHO, [MESSAGE], preset=preset(address, content_type=kind))
        assert answer.headers[":status"] == "415" and answer.status is None
        assert is_alive(connection)


@pytest.mark.parametrize("kind", ["application/grpc+json", "application/grpc+foo", "application/grpc+protoo"])
def test_unknown_subformat(address, kind):
    assert call(address, ECHO, [MESSAGE], preset=preset(address, content_type=kind)).status == "12"


def test_te_may_be_absent_and_is_nothing_but_trailers(address):
    with Connection(address) as connection:
        assert connection.call(ECHO, [MESSAGE], preset=preset(address, te=None)).status == "0"
        answer = connection.call(ECHO, [MESSAGE], preset=preset(address, te="gzip"))
        assert answer.reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
        assert is_alive(connection)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "post"])
def test_method_that_is_not_post(address, method):
    with Connection(address) as connection:
        answer = connection.call(ECHO, [MESSAGE], preset=preset(address, **{":method": method}))
        # A method that may be called by GET is so in another protocol, with another content type.
        assert answer.headers[":status"] == ("415" if method == "GET" else "405")
        assert answer.status is None and not answer.data
        assert is_alive(connection)


# Deadlines.


@pytest.mark.parametrize("timeout", ["", "1", "S", "123456789S", "1x", "-1S", "+1S", "1.5S", "1 S", "1s", "0x1S", "١S"])
def test_malformed_timeout(address, timeout):
    with Connection(address) as connection:
        answer = connection.call(ECHO, [MESSAGE], headers=[("grpc-timeout", timeout)])
        assert answer.status == "3"
        assert is_alive(connection)


@pytest.mark.parametrize("timeout", ["99999999H", "99999999S", "00000005M", "10S", "10000m", "10000000u"])
def test_timeout_in_every_unit(address, timeout):
    assert call(address, ECHO, [MESSAGE], headers=[("grpc-timeout", timeout)]).status == "0"


@pytest.mark.parametrize("timeout", ["0n", "0H", "1n"])
def test_timeout_that_is_over_at_once(address, timeout):
    answer = call(address, ECHO, headers=[("grpc-timeout", timeout)], end=False)
    assert answer.status == "4" and answer.is_trailers_only


def test_deadline_in_a_handler(address, stubs):
    request = stubs.testing.EchoRequest()
    request.delay.seconds = 3600
    headers = [("grpc-timeout", "50m"), ("x-id", "deadline")]
    with Connection(address) as connection:
        answer = connection.call(ECHO, [frame(request.SerializeToString())], headers=headers)
        assert answer.status == "4" and "deadline" in answer.message and answer.is_trailers_only
        assert cause(address, "deadline") == "deadline"
        assert is_alive(connection)


def test_deadline_between_messages(address, stubs):
    request = stubs.testing.RepeatRequest(text="x", count=3)
    request.interval.nanos = 200_000_000
    answer = call(
        address, REPEAT, [frame(request.SerializeToString())], headers=[("grpc-timeout", "300m")])
    assert answer.headers[":status"] == "200" and "grpc-status" not in answer.headers
    assert answer.trailers["grpc-status"] == "4" and len(answer.messages) == 1


class Stingy(Connection):
    """Gives the server no more than 65,535 bytes: it never opens a window again."""

    has_pong = False

    def _happened(self, event):
        if isinstance(event, h2.events.PingAckReceived):
            self.has_pong = True
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id].data += event.data
        else:
            super()._happened(event)


def test_deadline_behind_a_shut_window_resets(address, stubs):
    request = stubs.testing.RepeatRequest(payload=bytes(10_000), count=1000)
    with Stingy(address) as connection:
        answer = connection.call(
            REPEAT, [frame(request.SerializeToString())], headers=[("grpc-timeout", "200m")])
        assert answer.reset == h2.errors.ErrorCodes.CANCEL and not answer.trailers
        assert len(answer.data) == 65_535


# Why a call ended, as its handler sees it.


def cause(address, name):
    """The cause that the handler of the call called `name` saw; waits for it."""
    ask = [("x-cause-of", name)]
    return harness.wait_until(
        lambda: call(address, ECHO, [MESSAGE], headers=ask).trailers.get("x-cause"), f"cause of {name}")


def hang(stubs, connection, name):
    request = stubs.testing.EchoRequest()
    request.delay.seconds = 3600
    stream = connection.begin(ECHO, [("x-id", name)])
    connection.send(stream, frame(request.SerializeToString()), end=True)
    return stream


def test_handlers_know_a_client_that_resets(address, stubs):
    with Connection(address) as connection:
        stream = hang(stubs, connection, "reset")
        # The handler of a call that is reset in the same read never runs.
        assert is_alive(connection)
        connection.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        connection.flush()
        assert is_alive(connection)
        assert cause(address, "reset") == "clientReset"


def test_handlers_know_a_connection_that_is_lost(address, stubs):
    with Connection(address) as connection:
        hang(stubs, connection, "lost")
        assert is_alive(connection)
    assert cause(address, "lost") == "disconnect"


def test_handlers_know_a_connection_that_is_aborted(address, stubs):
    with Connection(address) as connection:
        hang(stubs, connection, "aborted")
        assert is_alive(connection)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert cause(address, "aborted") == "disconnect"


# Metadata.


@pytest.mark.parametrize("value, expected", [
    ("q6ur", [b"\xab\xab\xab"]), ("q6urAA", [b"\xab\xab\xab\0"]), ("q6urAA==", [b"\xab\xab\xab\0"]),
    ("", [b""]), ("q6ur,AA", [b"\xab\xab\xab", b"\0"]), ("q6urAA==,AA==", [b"\xab\xab\xab\0", b"\0"]),
    ("AA, AA ,AA", [b"\0"] * 3), (",", [b"", b""]),
])
def test_binary_metadata(address, value, expected):
    answer = call(address, ECHO, [MESSAGE], headers=[("x-echo-bin", value)])
    assert answer.status == "0"
    assert [decoded(text) for name, text in answer.fields if name == "x-echo-bin"] == expected
    # What we send has no padding.
    assert not any("=" in text for name, text in answer.fields if name == "x-echo-bin")


@pytest.mark.parametrize("value", ["*", "a", "q6ur=", "=q6u", "q6u*", "AA,a", "AA===", "AAAA====", "q6-r", "q6_r"])
def test_bad_base64_ends_its_stream_only(address, value):
    with Connection(address) as connection:
        other = connection.begin(COLLECT)
        for _ in range(3):
            assert connection.call(ECHO, [MESSAGE], headers=[("x-echo-bin", value)]).status == "3"
        connection.send(other, MESSAGE, end=True)
        assert connection.finish(other).status == "0"
        assert is_alive(connection)


@pytest.mark.parametrize("name, value", [
    ("x-echo", "é"), ("x-echo", "a\tb"), ("x-echo", "\u2028"), ("x-echo!", "a"), ("x~echo-bin", "AA"),
])
def test_what_only_http_takes_for_metadata_is_left_out(address, name, value):
    """An error is not allowed, and who echoes what came must not fail (PROTOCOL-HTTP2, ASCII-Value)."""
    with Connection(address) as connection:
        headers = [("x-echo", "before"), (name, value), ("x-echo", "after")]
        answer = connection.call(ECHO, [MESSAGE], headers=headers)
        assert answer.status == "0" and answer.data == MESSAGE
        assert [text for field, text in answer.fields if "echo" in field] == ["before", "after"]
        assert is_alive(connection)


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x7fb"])
def test_what_http_does_not_take_ends_its_stream_only(address, value):
    with Connection(address) as connection:
        answer = connection.call(ECHO, [MESSAGE], headers=[("x-echo", value)])
        assert answer.reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
        assert is_alive(connection)


def test_duplicate_metadata_keeps_its_order(address):
    values = ["one", "two", "one", "", "a,b"]
    headers = [("x-echo", value) for value in values] + [("x-echo-bin", "AA"), ("x-echo-bin", "AQ")]
    answer = call(address, ECHO, [MESSAGE], headers=headers)
    assert [value for name, value in answer.fields if name == "x-echo"] == values
    assert [value for name, value in answer.fields if name == "x-echo-bin"] == ["AA", "AQ"]


def test_initial_metadata_and_trailers(address, stubs):
    headers = [("x-echo", "first"), ("x-echo-bin", "AA")]
    answer = call(address, ECHO, [MESSAGE], headers=headers)
    assert answer.headers["x-echo"] == "first" and "x-echo" not in answer.trailers
    assert answer.trailers == {"grpc-status": "0", "x-echo-bin": "AA"}
    # A stream without a message has both blocks; an error before the first message has one.
    empty = call(address, REPEAT, [frame(b"")], headers=headers)
    assert empty.headers["x-echo"] == "first" and empty.trailers["grpc-status"] == "0"
    request = stubs.testing.EchoRequest(fail=status_pb2.Status(code=5, message="gone"))
    failed = call(address, ECHO, [frame(request.SerializeToString())], headers=headers)
    assert failed.is_trailers_only and failed.headers["x-echo-bin"] == "AA"
    assert (failed.headers[":status"], failed.status, failed.message) == ("200", "5", "gone")


def test_attempts_and_push_back(address):
    answer = call(address, ECHO, [MESSAGE], headers=[("grpc-previous-rpc-attempts", "2")])
    assert answer.trailers["x-attempts"] == "2"
    assert answer.trailers["grpc-retry-pushback-ms"] == "100"


def test_the_header_list_is_counted_as_rfc_9113_does(address):
    with Connection(address) as connection:
        while connection.h2.remote_settings.max_header_list_size is None:
            connection.read()
        limit = connection.h2.remote_settings.max_header_list_size
        assert limit == 16 << 10
        fields = preset(address)
        used = sum(len(name) + len(value) + 32 for name, value in fields.items())
        room = limit - used - len("x-fill") - 32
        taken = connection.call(ECHO, [MESSAGE], headers=[("x-fill", "a" * room)])
        assert taken.status == "0"
        refused = connection.call(ECHO, [MESSAGE], headers=[("x-fill", "a" * (room + 1))])
        assert refused.status == "8" or refused.headers.get(":status") == "431"
        assert is_alive(connection)


# The status.


@pytest.mark.parametrize("text", ["tab\tline\r\nnul\0del\x7f", "100 % naïve ☎ 📞", "%41", "plain ~", " spaces "])
def test_status_message_is_percent_encoded(address, stubs, text):
    request = stubs.testing.EchoRequest(fail=status_pb2.Status(code=9, message=text))
    answer = call(address, ECHO, [frame(request.SerializeToString())])
    assert answer.status == "9"
    assert all(0x20 <= ord(letter) <= 0x7e for letter in answer.message)
    # A value can't begin or end with a space (RFC 9113, section 8.2.1).
    assert answer.message == answer.message.strip()
    assert urllib.parse.unquote(answer.message) == text


def rich_error(stubs):
    status = status_pb2.Status(code=9, message="what failed, and how to mend it. " * 10)
    for n in range(3):
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason="R" * 500, domain=str(n)))
    return [frame(stubs.testing.EchoRequest(fail=status).SerializeToString())]


@pytest.mark.parametrize("limit", [150, 300, 700, 1000, 2000, 4000])
def test_client_that_takes_few_headers(address, stubs, limit):
    with Connection(address) as connection:
        connection.h2.update_settings({h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: limit})
        connection.flush()
        assert is_alive(connection)
        headers = [("x-echo-bin", base64.b64encode(bytes(100)).decode())]
        answer = connection.call(ECHO, rich_error(stubs), headers=headers)
        assert answer.status == "9"
        size = sum(len(name) + len(value) + 32 for name, value in answer.fields)
        assert size <= limit
        assert (answer.message is not None) == (limit >= 300)
        assert ("grpc-status-details-bin" in answer.headers) == (limit >= 4000)
        assert is_alive(connection)


# Messages and frames.


@pytest.mark.parametrize("path", [ECHO, REPEAT])
@pytest.mark.parametrize("messages", [[], [MESSAGE, MESSAGE], [frame(b"")] * 3])
def test_one_request_is_neither_none_nor_two(address, path, messages):
    with Connection(address) as connection:
        assert connection.call(path, messages).status == "12"
        assert is_alive(connection)


def test_a_second_message_is_refused_before_the_end(address):
    answer = call(address, ECHO, [MESSAGE, b"\0"], end=False)
    assert answer.status == "12"


@pytest.mark.parametrize("data", [MESSAGE[:-1], MESSAGE[:5], MESSAGE[:3], MESSAGE[:1]])
@pytest.mark.parametrize("path", [ECHO, REPEAT, COLLECT])
def test_torn_message(address, path, data):
    with Connection(address) as connection:
        assert connection.call(path, [data]).status == "13"
        assert is_alive(connection)


@pytest.mark.parametrize("flag", [2, 3, 128, 255])
@pytest.mark.parametrize("path", [ECHO, COLLECT])
def test_flag_that_is_neither_0_nor_1(address, path, flag):
    assert call(address, path, [bytes([flag]) + MESSAGE[1:]]).status == "13"


def send_frames(connection, stream, chunks, padding=None):
    for index, chunk in enumerate(chunks):
        connection.h2.send_data(stream, chunk, end_stream=index == len(chunks) - 1, pad_length=padding)
    connection.flush()
    return connection.finish(stream)


def cuts(data):
    """The same bytes in frames of every kind."""
    single = [data[n:n + 1] for n in range(len(data))]
    return {
        "whole": [data],
        "bytes": single,
        "prefix apart": [data[:5], data[5:]],
        "prefix torn": [data[:2], data[2:]],
        "end apart": [data, b""],
        "empty ones between": [piece for byte in single[:6] for piece in (byte, b"")] + [data[6:]],
    }


@pytest.mark.parametrize("padding", [None, 0, 200])
@pytest.mark.parametrize("cut", list(cuts(MESSAGE)))
def test_frame_boundaries_mean_nothing(address, cut, padding):
    with Connection(address) as connection:
        stream = connection.begin(ECHO)
        answer = send_frames(connection, stream, cuts(MESSAGE)[cut], padding)
        assert (answer.status, answer.data) == ("0", MESSAGE)
        three = MESSAGE + frame(b"") + MESSAGE
        stream = connection.begin(COLLECT)
        answer = send_frames(connection, stream, cuts(three)[cut], padding)
        assert (answer.status, answer.data) == ("0", frame(b"\x0a\x02xx\x18\x03"))


def test_large_message_in_small_frames(address, stubs):
    text = "0123456789abcdef" * 1000
    data = frame(stubs.testing.EchoRequest(text=text).SerializeToString())
    for path, size in [(ECHO, 10), (COLLECT, 10), (ECHO, 16_384)]:
        with Connection(address) as connection:
            stream = connection.begin(path)
            for start in range(0, len(data), size):
                connection.h2.send_data(stream, data[start:start + size])
            connection.flush()
            connection.h2.end_stream(stream)
            connection.flush()
            answer = connection.finish(stream)
            assert answer.status == "0" and text.encode() in answer.data


def test_early_answer_stops_the_request_without_an_error(address):
    with Connection(address) as connection:
        stream = connection.begin("/no.Service/M")
        connection.send(stream, MESSAGE)
        answer = connection.answers[stream]
        while answer.reset is None:
            connection.read()
        assert answer.status == "12" and answer.is_trailers_only
        assert answer.reset == h2.errors.ErrorCodes.NO_ERROR
        assert is_alive(connection)


def test_request_trailers_end_the_request(address):
    with Connection(address) as connection:
        stream = connection.begin(ECHO)
        connection.send(stream, MESSAGE)
        connection.h2.send_headers(stream, [("x-trailer", "1")], end_stream=True)
        connection.flush()
        answer = connection.finish(stream)
        assert (answer.status, answer.data) == ("0", MESSAGE)
        assert is_alive(connection)


def test_headers_after_the_end_are_an_error(address):
    with Connection(address) as connection:
        stream = connection.begin(REPEAT, end=True)
        connection.finish(stream)
        late = hyperframe.frame.HeadersFrame(stream, flags=["END_HEADERS", "END_STREAM"])
        late.data = connection.h2.encoder.encode([("x-late", "1")])
        connection.socket.sendall(late.serialize())
        # Ignored or answered with GOAWAY (RFC 9113, section 5.1), but never a second answer.
        open_stream = connection.begin(ECHO, end=False)
        connection.send(open_stream, MESSAGE, end=True)
        answer = connection.finish(open_stream)
        assert answer.status == "0" or connection.goaway is not None
    assert call(address, ECHO, [MESSAGE]).status == "0"


@pytest.mark.parametrize("size, is_taken", [(8, True), (7, False), (9, False), (0, False)])
def test_content_length_has_to_be_true(address, size, is_taken):
    with Connection(address) as connection:
        answer = connection.call(ECHO, [MESSAGE], headers=[("content-length", str(size))])
        if is_taken:
            assert answer.status == "0"
        else:
            assert answer.reset == h2.errors.ErrorCodes.PROTOCOL_ERROR or answer.status not in (None, "0")
        assert is_alive(connection)


# Compression (doc/compression.md).

PLAIN = b"\x0a\xe8\x07" + b"x" * 1000 + b"\x12\xe8\x07" + b"y" * 1000
SMALL = b"\x0a\x01x"
CODECS = {"gzip": (gzip.compress, gzip.decompress), "deflate": (zlib.compress, zlib.decompress)}


def messages_of(answer):
    """Each message with its flag, decompressed as the headers say."""
    found, rest = [], answer.data
    while rest:
        flag, size = struct.unpack(">BI", rest[:5])
        body, rest = rest[5:5 + size], rest[5 + size:]
        found.append((flag, CODECS[answer.headers["grpc-encoding"]][1](body) if flag else body))
    return found


def echo(address, body, *, encoding=None, accept=None, compress=None, flag=True):
    headers = [("grpc-encoding", encoding)] if encoding else []
    headers += [("grpc-accept-encoding", accept)] if accept is not None else []
    headers += [("x-compress", compress)] if compress else []
    squeezed = CODECS[encoding][0](body) if encoding in CODECS and flag else body
    return call(address, ECHO, [frame(squeezed, is_compressed=bool(flag and encoding in CODECS))], headers=headers)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_call(address, encoding):
    answer = echo(address, PLAIN, encoding=encoding, accept="identity,deflate,gzip")
    assert answer.status == "0" and answer.headers["grpc-encoding"] == encoding
    assert answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip"
    assert messages_of(answer) == [(1, PLAIN)]
    # A small response is not worth it.
    assert messages_of(echo(address, SMALL, encoding=encoding, accept=encoding)) == [(0, SMALL)]
    # An encoding does not have to be used.
    assert messages_of(echo(address, PLAIN, encoding=encoding, flag=False))[0] == (0, PLAIN)


@pytest.mark.parametrize("accept", [None, "", "identity", "br,zstd", "x-gzip", "gzip2"])
@pytest.mark.parametrize("compress", [None, "true"])
def test_never_to_an_encoding_that_the_client_does_not_list(address, accept, compress):
    answer = echo(address, PLAIN, encoding="gzip", accept=accept, compress=compress)
    assert answer.status == "0" and "grpc-encoding" not in answer.headers
    assert messages_of(answer) == [(0, PLAIN)]


@pytest.mark.parametrize("accept, encoding", [("deflate", "deflate"), ("br, gzip", "gzip"), ("deflate,gzip", "gzip")])
def test_handlers_ask_for_compression(address, accept, encoding):
    answer = echo(address, SMALL, accept=accept, compress="true")
    assert answer.headers["grpc-encoding"] == encoding
    assert messages_of(answer) == [(1, SMALL)]
    assert answer.trailers["x-compressed-requests"] == "0"


def test_handlers_refuse_compression(address):
    answer = echo(address, PLAIN, encoding="gzip", accept="gzip", compress="false")
    assert messages_of(answer) == [(0, PLAIN)]
    assert answer.trailers["x-compressed-requests"] == "1"


def test_calls_without_encodings_hear_nothing_of_them(address):
    answer = echo(address, PLAIN)
    assert not {"grpc-encoding", "grpc-accept-encoding"} & answer.headers.keys()
    listed = echo(address, PLAIN, accept="gzip")
    assert "grpc-encoding" not in listed.headers and messages_of(listed) == [(0, PLAIN)]
    assert listed.headers["grpc-accept-encoding"] == "identity,deflate,gzip"


def test_each_message_has_its_own_flag(address):
    squeezed = frame(gzip.compress(SMALL), is_compressed=True)
    headers = [("grpc-encoding", "gzip"), ("x-compress", "false")]
    answer = call(address, COLLECT, [squeezed, frame(SMALL), squeezed, frame(b"", is_compressed=True)], headers=headers)
    assert answer.status == "0" and answer.trailers["x-compressed-requests"] == "1011"
    assert answer.data == frame(b"\x0a\x03xxx\x18\x04")


def test_streamed_responses_are_compressed(address, stubs):
    request = stubs.testing.RepeatRequest(text="z" * 5000, count=3)
    headers = [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")]
    answer = call(address, REPEAT, [frame(request.SerializeToString())], headers=headers)
    assert [flag for flag, _ in messages_of(answer)] == [1, 1, 1]
    assert all(b"z" * 5000 in body for _, body in messages_of(answer))


@pytest.mark.parametrize("encoding", [None, "identity"])
@pytest.mark.parametrize("path", [ECHO, REPEAT, COLLECT])
def test_compressed_message_without_an_encoding(address, path, encoding):
    headers = [("grpc-encoding", encoding)] if encoding else []
    with Connection(address) as connection:
        answer = connection.call(path, [frame(gzip.compress(SMALL), is_compressed=True)], headers=headers)
        assert answer.status == "13"
        assert is_alive(connection)


@pytest.mark.parametrize("encoding", ["br", "GZIP", "", "gzip,identity", "x" * 1000])
def test_unknown_encoding(address, encoding):
    answer = call(address, ECHO, [MESSAGE], headers=[("grpc-encoding", encoding)])
    assert answer.status == "12" and answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip"
    assert encoding[:20] in answer.message


@functools.cache
def bombs(encoding):
    """16 MiB of zeros; and bytes of which three in eight are noise: below the ratio, above the size."""
    noise = b"".join(os.urandom(96) + bytes(160) for _ in range(5 * MIB // 256))
    found = [CODECS[encoding][0](body, 6) for body in (bytes(16 * MIB), noise)]
    assert all(len(body) < 4 * MIB for body in found)
    return found


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("path", [ECHO, REPEAT, COLLECT])
def test_inflation_bombs(address, path, encoding):
    """A small message that becomes a large one is refused with its sizes, and memory stays."""
    headers = [("grpc-encoding", encoding)]
    with Connection(address) as connection:
        for bomb in bombs(encoding):
            answer = connection.call(path, [frame(bomb, is_compressed=True)], headers=headers)
            assert answer.status == "8" and str(len(bomb)) in answer.message
        assert is_alive(connection)


@pytest.mark.parametrize("path", [ECHO, COLLECT])
@pytest.mark.parametrize("body", [
    b"x", gzip.compress(SMALL)[:-1], gzip.compress(SMALL) + b"x", gzip.compress(SMALL)[:-8] + bytes(8), zlib.compress(SMALL),
])
def test_compressed_message_that_can_not_be_inflated(address, path, body):
    with Connection(address) as connection:
        answer = connection.call(path, [frame(body, is_compressed=True)], headers=[("grpc-encoding", "gzip")])
        assert answer.status == "13"
        assert is_alive(connection)


def test_bombs_wait_compressed(server, address):
    """What no handler has taken waits as it came: 200 KiB that stand for 200 MiB."""
    payload = bytes(200_000)
    bomb = gzip.compress(b"\x12" + varint(1_000_000) + bytes(1_000_000))
    with Stingy(address) as connection:
        stream = connection.begin(f"{SERVICE}/Converse", [("grpc-encoding", "gzip")])
        # The handler waits for room for its first answer.
        connection.send(stream, frame(b"\x12" + varint(len(payload)) + payload))
        while len(connection.answers[stream].data) < 65_535:
            connection.read()
        before = resident(server)
        connection.send(stream, frame(bomb, is_compressed=True) * 200)
        connection.h2.ping(b"are you?")
        connection.flush()
        while not connection.has_pong:
            connection.read()
        assert resident(server) - before < 32 * MIB
    assert call(address, ECHO, [MESSAGE]).status == "0"


def varint(value):
    digits = []
    while value >= 128:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def resident(process):
    """How much memory the process holds, in bytes."""
    pages = int(pathlib.Path(f"/proc/{process.popen.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
