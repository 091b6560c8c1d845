"""Connect and gRPC-Web beside gRPC on one port, as buf, curl and connectrpc see them."""

import base64
import dataclasses
import gzip
import json
import resource
import socket
import struct
import subprocess

import h2.config
import h2.connection
import h2.events
import pytest
from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.rpc import error_details_pb2, status_pb2
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport

import harness

SERVICE = "trunkline.testing.v1.EchoService"
ORIGIN = "https://page.example"
MIB = 1 << 20


@pytest.fixture(scope="module")
def address():
    return f"127.0.0.1:{harness.free_port()}"


@pytest.fixture(scope="module", autouse=True)
def bench(tmp_path_factory, address):
    """A Bench server for all tests of this file."""
    log = tmp_path_factory.mktemp("bench") / "bench.log"
    flags = ["serve", "--listen", address, "--cors-origin", ORIGIN]
    process = harness.Process("Bench", flags, log).start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    yield process
    assert process.stop() == 0


# buf curl


def buf(address, protocol, method, *requests, flags=()):
    """Exit code, the answers, and what `buf curl` said."""
    command = [harness.BUF, "curl", "--protocol", protocol, "--http2-prior-knowledge", *flags]
    result = subprocess.run(
        [*map(str, command), "--data", "@-", f"http://{address}/{SERVICE}/{method}"],
        input="\n".join(map(json.dumps, requests)), capture_output=True, text=True, timeout=60, check=False,
    )
    answers, rest = [], result.stdout.strip()
    while rest:
        answer, end = json.JSONDecoder().raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    return result.returncode, answers, result.stderr


BUF_PROTOCOLS = pytest.mark.parametrize("protocol", ["grpc", "grpcweb", "connect"])


@BUF_PROTOCOLS
@pytest.mark.parametrize("version", ["grpc-v1", "grpc-v1alpha"])
def test_buf_curl_with_reflection(address, protocol, version):
    flags = ["--reflect", "--reflect-protocol", version]
    assert buf(address, protocol, "Echo", {"text": "hé"}, flags=flags) == (0, [{"text": "hé"}], "")


@BUF_PROTOCOLS
@pytest.mark.parametrize(
    ("method", "requests", "answers"),
    [
        ("Echo", [{"text": "a", "payload": "AP8="}], [{"text": "a", "payload": "AP8="}]),
        ("Repeat", [{"text": "a", "count": 2}], [{"text": "a"}, {"text": "a", "index": 1}]),
        ("Collect", [{"text": "a"}, {"text": "b"}], [{"text": "ab", "count": 2}]),
        ("Converse", [{"text": "a"}, {"text": "b"}], [{"text": "a"}, {"text": "b"}]),
    ],
)
def test_buf_curl_with_a_schema(address, protocol, method, requests, answers):
    flags = ["--schema", harness.ROOT / "Protos"]
    assert buf(address, protocol, method, *requests, flags=flags) == (0, answers, "")


@BUF_PROTOCOLS
def test_buf_curl_sees_errors(address, protocol):
    flags = ["--schema", harness.ROOT / "Protos"]
    request = {"text": "a", "count": 1, "fail": {"code": 9, "message": "not ☎"}}
    code, answers, said = buf(address, protocol, "Repeat", request, flags=flags)
    assert (code, answers) == (9 << 3, [{"text": "a"}])
    assert json.loads(said) == {"code": "failed_precondition", "message": "not ☎"}


# curl


class Curl:
    """One request of curl; gives status, headers and body."""

    def __init__(self, address, method, body=b"", headers=(), flags=(), content="application/json"):
        command = ["curl", "-sS", "--http2-prior-knowledge", "-D", "/dev/stderr", "--data-binary", "@-"]
        fields = ([f"content-type: {content}"] if content else ["content-type:"]) + list(headers)
        for field in fields:
            command += ["-H", field]
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        result = subprocess.run(
            [*command, *flags, f"http://{address}/{SERVICE}/{method}"],
            input=body, capture_output=True, timeout=60, check=False,
        )
        head = result.stderr.decode()
        assert result.returncode == 0, head
        lines = head.strip().splitlines()
        self.status = int(lines[0].split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        self.body = result.stdout

    @property
    def json(self):
        return json.loads(self.body)


def test_curl_with_json(address):
    answer = Curl(address, "Echo", {"text": "hé\0", "payload": "AP8"})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"text": "hé\0", "payload": "AP8="}
    assert Curl(address, "Echo", {}, content="application/json; charset=UTF-8").json == {}


def test_curl_with_protobuf(address, stubs):
    request = stubs.testing.EchoRequest(text="x", payload=b"\0\xff")
    answer = Curl(address, "Echo", request.SerializeToString(), content="application/proto")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/proto")
    assert stubs.testing.EchoResponse.FromString(answer.body).payload == b"\0\xff"
    assert Curl(address, "Echo", b"", content="application/proto").body == b""


def test_metadata_are_headers_and_trailers_too(address):
    for value in ("q6ur", "q6urAA", "q6urAA=="):
        answer = Curl(address, "Echo", {}, ["x-echo: a text", f"x-echo-bin: {value}"])
        assert answer.headers["x-echo"] == "a text"
        assert answer.headers["trailer-x-echo-bin"] == value.rstrip("=")
    bad = Curl(address, "Echo", {}, ["x-echo-bin: *"])
    assert bad.status == 400 and "x-echo-bin is not base64" in bad.json["message"]
    strange = Curl(address, "Echo", {}, ["x-echo: é", "x-echo: a text", "x!echo: b"])
    assert strange.status == 200 and strange.headers["x-echo"] == "a text"


STATUSES = [
    ("canceled", 499), ("unknown", 500), ("invalid_argument", 400), ("deadline_exceeded", 504),
    ("not_found", 404), ("already_exists", 409), ("permission_denied", 403),
    ("resource_exhausted", 429), ("failed_precondition", 400), ("aborted", 409),
    ("out_of_range", 400), ("unimplemented", 501), ("internal", 500), ("unavailable", 503),
    ("data_loss", 500), ("unauthenticated", 401),
]  # fmt: skip


@pytest.mark.parametrize("code", range(1, 17))
def test_every_error_has_its_http_status(address, code):
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R", "domain": "d"}
    answer = Curl(address, "Echo", {"fail": {"code": code, "message": "not ☎", "details": [info]}})
    name, status = STATUSES[code - 1]
    value = error_details_pb2.ErrorInfo(reason="R", domain="d").SerializeToString()
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "code": name,
        "message": "not ☎",
        "details": [
            {
                "type": "google.rpc.ErrorInfo",
                "value": base64.b64encode(value).decode().rstrip("="),
                "debug": {"reason": "R", "domain": "d"},
            }
        ],
    }


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"text": 1}', b'{"txt": ""}', b"{} {}"])
def test_what_is_no_request_is_an_invalid_argument(address, body):
    answer = Curl(address, "Echo", body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert "EchoRequest" in answer.json["message"]


def test_generated_clients_may_know_more_fields(address):
    answer = Curl(address, "Echo", {"text": "a", "newer": 1}, ["connect-protocol-version: 1"])
    assert answer.json == {"text": "a"}


def test_deadline(address):
    answer = Curl(address, "Echo", {"delay": "3600s"}, ["connect-timeout-ms: 30"])
    assert (answer.status, answer.json["code"]) == (504, "deadline_exceeded")
    assert Curl(address, "Echo", {}, ["connect-timeout-ms: 9999999999"]).status == 200
    assert Curl(address, "Echo", {}, ["connect-timeout-ms: 1s"]).status == 400


def test_unknown_methods_are_not_found(address):
    answer = Curl(address, "Nothing", {})
    assert (answer.status, answer.json["code"]) == (404, "unimplemented")


@pytest.mark.parametrize(
    ("method", "content"),
    [("Echo", "text/html"), ("Echo", ""), ("Echo", "application/connect+json"), ("Repeat", "application/json"),
     ("Echo", "application/json; charset=latin1")],
)  # fmt: skip
def test_wrong_content_types_are_unsupported(address, method, content):
    answer = Curl(address, method, {}, content=content)
    assert answer.status == 415
    accepted = answer.headers["accept-post"].split(", ")
    assert ("application/json" in accepted) == (method == "Echo")


@pytest.mark.parametrize(
    ("verb", "method", "allowed"),
    [("GET", "Repeat", "POST"), ("HEAD", "Repeat", "POST"), ("PUT", "Echo", "POST, GET"), ("DELETE", "Nothing", "POST")],
)
def test_other_verbs_are_not_allowed(address, verb, method, allowed):
    flags = ["--head"] if verb == "HEAD" else ["-X", verb]
    command = ["curl", "-sS", "-i", "--http2-prior-knowledge", *flags, f"http://{address}/{SERVICE}/{method}"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert lines[0].split()[1] == "405" and f"allow: {allowed}" in lines


def get(address, **query):
    command = ["curl", "-sS", "--http2-prior-knowledge", "--get", "-w", "\n%{http_code}"]
    for name, value in query.items():
        command += ["--data-urlencode", f"{name}={value}"]
    result = subprocess.run(
        [*command, f"http://{address}/{SERVICE}/Echo"], capture_output=True, timeout=60, check=True
    )
    body, status = result.stdout.rsplit(b"\n", 1)
    return int(status), body


def test_what_has_no_side_effects_is_got(address, stubs):
    status, body = get(address, connect="v1", encoding="json", message='{"text": "a+b & ☎"}')
    assert (status, json.loads(body)) == (200, {"text": "a+b & ☎"})
    request = stubs.testing.EchoRequest(payload=bytes(range(256))).SerializeToString()
    message = base64.urlsafe_b64encode(request).decode()
    assert get(address, encoding="proto", base64=1, message=message) == (200, request)
    message = base64.urlsafe_b64encode(gzip.compress(request)).decode()
    assert get(address, encoding="proto", base64=1, compression="gzip", message=message)[0] == 200
    assert get(address, encoding="json", message="{")[0] == 400
    assert get(address, encoding="xml", message="{}")[0] == 415


def test_protocol_version(address):
    assert Curl(address, "Echo", {}, ["connect-protocol-version: 1"]).status == 200
    assert Curl(address, "Echo", {}, ["connect-protocol-version: 2"]).status == 400


def test_message_limits(address):
    body = json.dumps({"payload": base64.b64encode(bytes(4 * MIB)).decode()}).encode()
    answer = Curl(address, "Echo", body)
    assert (answer.status, answer.json["code"]) == (429, "resource_exhausted")
    # Nearly four MiB as text.
    payload = base64.b64encode(bytes(3 * MIB - 100)).decode()
    assert len(Curl(address, "Echo", {"payload": payload}).json["payload"]) == len(payload)


def test_too_many_headers(address):
    answer = Curl(address, "Echo", {}, ["x-big: " + "a" * 20_000])
    assert answer.status == 431


def test_gzip_both_ways(address, stubs):
    text = "x" * 5000
    for content, body in (
        ("application/json", json.dumps({"text": text}, separators=(",", ":")).encode()),
        ("application/proto", stubs.testing.EchoRequest(text=text).SerializeToString()),
    ):
        headers = ["content-encoding: gzip", "accept-encoding: br, gzip;q=0.5, gzip"]
        answer = Curl(address, "Echo", gzip.compress(body), headers, content=content)
        assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
        assert len(answer.body) < 500 and gzip.decompress(answer.body) == body
        # A client that writes gzip reads it, unless it says otherwise.
        assert Curl(address, "Echo", gzip.compress(body), headers[:1], content=content).headers["content-encoding"]
        plain = Curl(address, "Echo", gzip.compress(body), [*headers[:1], "accept-encoding: br"], content=content)
        assert "content-encoding" not in plain.headers and plain.body == body
    # Errors are never compressed, and what is small is not either.
    answer = Curl(address, "Echo", gzip.compress(b'{"fail": {"code": 5}}'), headers)
    assert (answer.status, answer.json) == (404, {"code": "not_found"})
    assert Curl(address, "Echo", gzip.compress(b'{"text": "a"}'), headers).json == {"text": "a"}


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") + b"x"])
def test_what_is_not_gzip_is_an_invalid_argument(address, body):
    answer = Curl(address, "Echo", body, ["content-encoding: gzip"])
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


def test_a_gzip_bomb_is_too_large(address):
    answer = Curl(address, "Echo", gzip.compress(bytes(64 * MIB)), ["content-encoding: gzip"])
    assert (answer.status, answer.json["code"]) == (429, "resource_exhausted")


def test_unknown_encodings_are_unimplemented(address):
    answer = Curl(address, "Echo", {}, ["content-encoding: br"])
    assert (answer.status, answer.json["code"]) == (501, "unimplemented")
    assert "gzip" in answer.json["message"] and "gzip" in answer.headers["accept-encoding"]


# gRPC-Web


def frames(data):
    """The flags and the payload of each frame."""
    found = []
    while data:
        flags, size = struct.unpack(">BI", data[:5])
        found.append((flags, data[5 : 5 + size]))
        assert len(data) >= 5 + size
        data = data[5 + size :]
    return found


def frame(payload, flags=0):
    return struct.pack(">BI", flags, len(payload)) + payload


MESSAGE = b"\x0a\x01x"


@pytest.mark.parametrize("content", ["application/grpc-web", "application/grpc-web+proto"])
def test_grpc_web(address, content):
    headers = ["x-grpc-web: 1", "x-user-agent: grpc-web-javascript/0.1", "x-echo: a", "x-echo-bin: q6ur"]
    answer = Curl(address, "Echo", frame(MESSAGE), headers, content=content)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/grpc-web+proto")
    assert answer.headers["x-echo"] == "a"
    assert frames(answer.body) == [(0, MESSAGE), (0x80, b"grpc-status: 0\r\nx-echo-bin: q6ur\r\n")]


def test_grpc_web_with_gzip(address, stubs):
    request = stubs.testing.EchoRequest(text="x" * 5000).SerializeToString()
    headers = ["grpc-encoding: gzip", "grpc-accept-encoding: gzip"]
    answer = Curl(address, "Echo", frame(gzip.compress(request), 1), headers, content="application/grpc-web")
    (flags, message), (end, _) = frames(answer.body)
    assert (answer.headers["grpc-encoding"], flags, end) == ("gzip", 1, 0x80)
    assert gzip.decompress(message) == request


def test_grpc_web_text(address):
    text = base64.b64encode(frame(b"\x0a\x01x\x18\x02"))
    answer = Curl(address, "Repeat", text, content="application/grpc-web-text")
    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    # Each frame is a piece of base64 with its own padding.
    pieces = [piece + "=" * (-len(piece) % 4) for piece in answer.body.decode().replace("=", " ").split()]
    data = b"".join(map(base64.b64decode, pieces))
    assert [flags for flags, _ in frames(data)] == [0, 0, 0x80]
    accept = Curl(address, "Echo", frame(MESSAGE), ["accept: application/grpc-web-text"], content="application/grpc-web")
    assert accept.headers["content-type"] == "application/grpc-web-text+proto"


@pytest.mark.parametrize(
    ("method", "body", "headers", "status"),
    [
        ("Nothing", frame(MESSAGE), [], 12), ("Echo", b"", [], 12), ("Echo", frame(MESSAGE) * 2, [], 12),
        ("Echo", frame(MESSAGE)[:-1], [], 13), ("Echo", frame(b"\xff"), [], 3),
        ("Echo", b"\0\xff\xff\xff\xff", [], 8), ("Echo", frame(MESSAGE), ["grpc-timeout: 1"], 3),
        ("Echo", frame(b"\x1a\x03\x08\x90\x1c"), ["grpc-timeout: 30m"], 4),
        ("Echo", frame(MESSAGE, 4), [], 13), ("Echo", frame(MESSAGE), ["grpc-encoding: br"], 12),
        ("Repeat", frame(MESSAGE)[:-1], [], 13), ("Repeat", b"", [], 12),
    ],
)  # fmt: skip
def test_grpc_web_errors_are_in_the_body(address, method, body, headers, status):
    answer = Curl(address, method, body, headers, content="application/grpc-web")
    (flags, trailers), = frames(answer.body)
    assert (answer.status, flags) == (200, 0x80)
    assert f"grpc-status: {status}\r\n".encode() in trailers and b"grpc-message: " in trailers


# Connect streams


def test_connect_stream_with_json(address):
    body = frame(b'{"text": "a", "count": 2, "fail": {"code": 10}}')
    answer = Curl(address, "Repeat", body, ["x-echo-bin: q6ur"], content="application/connect+json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/connect+json")
    found = [(flags, json.loads(payload)) for flags, payload in frames(answer.body)]
    end = {"error": {"code": "aborted"}, "metadata": {"x-echo-bin": ["q6ur"]}}
    assert found == [(0, {"text": "a"}), (0, {"text": "a", "index": 1}), (2, end)]


def test_connect_stream_errors(address):
    for body, code in ((frame(b"{"), "invalid_argument"), (frame(b"{}", 2), "internal"), (b"", "unimplemented")):
        (flags, payload), = frames(Curl(address, "Repeat", body, content="application/connect+json").body)
        assert (flags, json.loads(payload)["error"]["code"]) == (2, code)


# CORS


def test_preflight(address):
    flags = ["-X", "OPTIONS"]
    asked = ["access-control-request-method: POST", "access-control-request-headers: content-type,x-mine"]
    answer = Curl(address, "Echo", b"", [f"origin: {ORIGIN}", *asked], flags)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-headers"] == "content-type,x-mine"
    assert "POST" in answer.headers["access-control-allow-methods"]
    other = Curl(address, "Echo", b"", ["origin: https://other.example", *asked], flags)
    assert other.status == 403 and "access-control-allow-origin" not in other.headers


def test_answers_allow_the_origin(address):
    for method, status in (("Echo", 200), ("Nothing", 404), ("Repeat", 415)):
        answer = Curl(address, method, {}, [f"origin: {ORIGIN}"])
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert "grpc-status" in answer.headers["access-control-expose-headers"]
        other = Curl(address, method, {}, ["origin: https://other.example"])
        assert other.status == status and "access-control-allow-origin" not in other.headers


def test_a_preflight_without_an_origin_is_nobodys(address):
    assert Curl(address, "Echo", b"", flags=["-X", "OPTIONS"]).status == 403


# What clients do to streams


class RawStream:
    """A connection with one request whose response is read by hand."""

    def __init__(self, address, method, content, chunks=(), end=True, headers=()):
        host, port = address.split(":")
        self.sock = socket.create_connection((host, int(port)), timeout=30)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        fields = [
            (":method", "POST"), (":scheme", "http"), (":authority", address),
            (":path", f"/{SERVICE}/{method}"), ("content-type", content), *headers,
        ]  # fmt: skip
        self.connection.send_headers(1, fields)
        for chunk in chunks:
            self.connection.send_data(1, chunk)
        if end:
            self.connection.end_stream(1)
        self.flush()
        self.headers, self.body, self.ended = None, b"", False

    def flush(self):
        self.sock.sendall(self.connection.data_to_send())

    def read_until(self, ready):
        """Reads, without ever opening a window, until `ready`."""
        while not ready(self):
            data = self.sock.recv(65536)
            assert data, "the connection is gone"
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    self.headers = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    self.body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    self.ended = True
                # NO_ERROR only: what follows an answer that did not wait for the request.
                assert not isinstance(event, h2.events.StreamReset) or event.error_code == 0
            self.flush()
        return self


@pytest.mark.parametrize("content", ["application/grpc-web", "application/grpc-web-text", "application/connect+proto"])
def test_who_does_not_read_is_not_written_to(bench, address, stubs, content):
    request = frame(stubs.testing.RepeatRequest(payload=bytes(1000), count=1_000_000).SerializeToString())
    if content.endswith("text"):
        request = base64.b64encode(request)
    before = resident(bench)
    stream = RawStream(address, "Repeat", content, [request]).read_until(lambda s: len(s.body) == 65535)
    # Others are served, and what waits is bounded.
    assert Curl(address, "Echo", {"text": "a"}).json == {"text": "a"}
    assert resident(bench) - before < 8 * MIB
    stream.connection.reset_stream(1)
    stream.flush()
    assert Curl(address, "Echo", {"text": "a"}).json == {"text": "a"}


def resident(process):
    """How many bytes of memory the process has."""
    with open(f"/proc/{process.popen.pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def test_bidirectional_streams_answer_before_the_request_ends(address):
    stream = RawStream(address, "Converse", "application/connect+json", [frame(b'{"text": "a"}')], end=False)
    stream.read_until(lambda s: frames_so_far(s.body) == 1)
    stream.connection.send_data(1, frame(b'{"text": "b"}'))
    stream.flush()
    stream.read_until(lambda s: frames_so_far(s.body) == 2)
    stream.connection.end_stream(1)
    stream.flush()
    stream.read_until(lambda s: s.ended)
    assert frames(stream.body) == [(0, b'{"text":"a"}'), (0, b'{"text":"b"}'), (2, b"{}")]


def frames_so_far(data):
    count = 0
    while len(data) >= 5 and len(data) >= 5 + struct.unpack(">I", data[1:5])[0]:
        data = data[5 + struct.unpack(">I", data[1:5])[0] :]
        count += 1
    return count


def test_deadlines_end_what_waits_for_the_client(address):
    for method, content, status in (
        ("Echo", "application/json", "504"), ("Collect", "application/connect+json", "200"),
    ):  # fmt: skip
        stream = RawStream(address, method, content, end=False, headers=[("connect-timeout-ms", "30")])
        stream.read_until(lambda s: s.headers and b"deadline_exceeded" in s.body)
        assert stream.headers[":status"] == status


def test_a_shutdown_answers_what_was_refused_and_goes_on(tmp_path):
    address = f"127.0.0.1:{harness.free_port()}"
    process = harness.Process("Bench", ["serve", "--listen", address], tmp_path / "bench.log").start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    stream = RawStream(address, "Nothing", "application/json", [b"{"], end=False)
    # The server has the headers: it answers a request that came after them.
    assert Curl(address, "Echo", {}).status == 200
    process.popen.terminate()
    # h2 takes no frames after a GOAWAY.
    with stream.sock.makefile("rb") as rest:
        assert b'{"code":"unavailable",' in rest.read()
    assert process.stop() == 0


def test_messages_in_single_bytes(address):
    for method, content, body in (
        ("Echo", "application/json", b'{"text":"a"}'),
        ("Repeat", "application/connect+json", frame(b'{"count": 1}')),
        ("Echo", "application/grpc-web-text", base64.b64encode(frame(MESSAGE))),
    ):
        chunks = [bytes([byte]) for byte in body]
        stream = RawStream(address, method, content, chunks).read_until(lambda s: s.ended)
        assert stream.headers[":status"] == "200" and len(stream.body) > 4


# connectrpc


@pytest.fixture(scope="module")
def http():
    with SyncHTTPTransport(http_version=HTTPVersion.HTTP2) as transport:
        yield SyncClient(transport)


PROTOCOLS = {
    "connect": (ProtocolType.CONNECT, google_protobuf_binary_codec),
    "connect-json": (ProtocolType.CONNECT, google_protobuf_json_codec),
    "grpc": (ProtocolType.GRPC, google_protobuf_binary_codec),
    "grpc-web": (ProtocolType.GRPC_WEB, google_protobuf_binary_codec),
    "grpc-web-json": (ProtocolType.GRPC_WEB, google_protobuf_json_codec),
}


@pytest.fixture(params=PROTOCOLS)
def client(request, address, http):
    protocol, codec = PROTOCOLS[request.param]
    with ConnectClientSync(f"http://{address}", protocol=protocol, codec=codec(), http_client=http) as made:
        yield made


@pytest.fixture
def method(stubs):
    """The method of a name, as connectrpc wants it."""
    kinds = {
        "Echo": StreamType.UNARY, "Repeat": StreamType.SERVER_STREAM,
        "Collect": StreamType.CLIENT_STREAM, "Converse": StreamType.BIDI_STREAM,
    }  # fmt: skip
    return lambda name: MethodInfo(
        name=name, service_name=SERVICE, input=getattr(stubs.testing, f"{name}Request"),
        output=getattr(stubs.testing, f"{name}Response"), idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kinds[name],
    )


def test_connectrpc_calls_of_each_kind(client, method, stubs):
    testing = stubs.testing
    answer = client.execute_unary(request=testing.EchoRequest(text="é", payload=b"\xff"), method=method("Echo"))
    assert (answer.text, answer.payload) == ("é", b"\xff")
    answers = client.execute_server_stream(request=testing.RepeatRequest(count=500), method=method("Repeat"))
    assert [answer.index for answer in answers] == list(range(500))
    requests = (testing.CollectRequest(text=str(n % 10)) for n in range(500))
    answer = client.execute_client_stream(request=requests, method=method("Collect"))
    assert (answer.text, answer.count) == ("0123456789" * 50, 500)
    requests = (testing.ConverseRequest(text=str(n)) for n in range(50))
    answers = client.execute_bidi_stream(request=requests, method=method("Converse"))
    assert [answer.text for answer in answers] == [str(n) for n in range(50)]


def test_connectrpc_large_messages(client, method, stubs):
    payload = bytes(range(256)) * (MIB // 256)
    request = stubs.testing.EchoRequest(payload=payload)
    assert client.execute_unary(request=request, method=method("Echo")).payload == payload


@pytest.mark.parametrize("protocol", ProtocolType)
def test_connectrpc_without_compression(address, http, method, stubs, protocol):
    with ConnectClientSync(
        f"http://{address}", protocol=protocol, codec=google_protobuf_binary_codec(), http_client=http,
        send_compression=None, accept_compression=(),
    ) as client:  # fmt: skip
        request = stubs.testing.EchoRequest(text="x" * 2000)
        assert client.execute_unary(request=request, method=method("Echo")).text == request.text
        requests = iter([stubs.testing.ConverseRequest(text="x" * 2000)])
        answer, = client.execute_bidi_stream(request=requests, method=method("Converse"))
        assert answer.text == request.text


def test_connectrpc_errors_with_details(client, method, stubs):
    status = status_pb2.Status(code=5, message="tab\tnewline\n100 % naïve ☎")
    info = error_details_pb2.ErrorInfo(reason="R", metadata={"k": "v"})
    status.details.add().Pack(info)
    for name in ("Echo", "Repeat"):
        request = getattr(stubs.testing, f"{name}Request")(fail=status)
        with pytest.raises(ConnectError) as caught:
            if name == "Echo":
                client.execute_unary(request=request, method=method(name))
            else:
                list(client.execute_server_stream(request=request, method=method(name)))
        assert (caught.value.code, caught.value.message) == (Code.NOT_FOUND, status.message)
        detail, = caught.value.details
        assert error_details_pb2.ErrorInfo.FromString(detail.message_bytes) == info


def test_connectrpc_gets(address, http, method, stubs):
    for codec in (google_protobuf_binary_codec, google_protobuf_json_codec):
        with ConnectClientSync(f"http://{address}", codec=codec(), http_client=http) as client:
            request = stubs.testing.EchoRequest(text="é", payload=b"\xff" * 2000)
            echo = dataclasses.replace(method("Echo"), idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS)
            answer = client.execute_unary(request=request, method=echo, use_get=True)
            assert (answer.text, answer.payload) == ("é", b"\xff" * 2000)


def test_connectrpc_deadline(client, method, stubs):
    request = stubs.testing.EchoRequest()
    request.delay.seconds = 3600
    with pytest.raises(ConnectError) as caught:
        client.execute_unary(request=request, method=method("Echo"), timeout_ms=50)
    assert caught.value.code == Code.DEADLINE_EXCEEDED
