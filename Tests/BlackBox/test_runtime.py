"""The gRPC runtime as grpcio, buf and h2 see it, through the Bench echo server."""

import base64
import json
import os
import signal
import socket
import subprocess
import threading
import time

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from google.protobuf import descriptor_pool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

import harness

ECHO = "/trunkline.testing.v1.EchoService/Echo"
MIB = 1 << 20


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A Bench server for all tests of this file."""
    port = harness.free_port()
    address = f"127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("bench") / "bench.log"
    process = harness.Process("Bench", ["serve", "--listen", address, "--loops", "2"], log).start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    yield address
    assert process.stop() == 0


@pytest.fixture
def stub(address, stubs):
    options = [("grpc.max_receive_message_length", 16 * MIB), ("grpc.max_send_message_length", 16 * MIB)]
    with grpc.insecure_channel(address, options) as channel:
        yield stubs.testing.EchoServiceStub(channel)


def code_of(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        result = call(*arguments, **options)
        if hasattr(result, "__iter__"):
            list(result)
    return caught.value


# The four kinds of call.


def test_unary(stub, stubs):
    answer = stub.Echo(stubs.testing.EchoRequest(text="héllo\0", payload=b"\x00\xff"))
    assert (answer.text, answer.payload) == ("héllo\0", b"\x00\xff")
    assert stub.Echo(stubs.testing.EchoRequest()).ByteSize() == 0


def test_server_streaming(stub, stubs):
    answers = list(stub.Repeat(stubs.testing.RepeatRequest(text="x", count=1000)))
    assert [answer.index for answer in answers] == list(range(1000))
    assert list(stub.Repeat(stubs.testing.RepeatRequest(count=0))) == []


def test_client_streaming(stub, stubs):
    requests = (stubs.testing.CollectRequest(text=str(n % 10)) for n in range(1000))
    answer = stub.Collect(requests)
    assert answer.text == "0123456789" * 100 and answer.count == 1000
    assert stub.Collect(iter([])).count == 0


def test_bidirectional_streaming(stub, stubs):
    turn = threading.Semaphore(0)

    def requests():
        for n in range(100):
            yield stubs.testing.ConverseRequest(text=str(n))
            assert turn.acquire(timeout=10)

    for n, answer in enumerate(stub.Converse(requests())):
        assert answer.text == str(n)
        turn.release()
    assert n == 99


def test_large_messages_cross_the_windows(stub, stubs):
    payload = bytes(range(256)) * (4 * MIB // 256 - 1)
    assert stub.Echo(stubs.testing.EchoRequest(payload=payload)).payload == payload
    requests = (stubs.testing.CollectRequest(payload=payload[:MIB]) for _ in range(3))
    assert len(stub.Collect(requests).payload) == 3 * MIB


def test_many_calls_at_once(stub, stubs):
    futures = [stub.Echo.future(stubs.testing.EchoRequest(text=str(n))) for n in range(1000)]
    assert [future.result(30).text for future in futures] == [str(n) for n in range(1000)]


# Metadata.


@pytest.mark.parametrize("value", [b"", b"\x00", b"\xab\xab", b"\xff" * 300])
def test_metadata_comes_back(stub, stubs, value):
    metadata = (("x-echo", "some text"), ("x-echo-bin", value))
    _, call = stub.Echo.with_call(stubs.testing.EchoRequest(), metadata=metadata)
    assert dict(call.initial_metadata())["x-echo"] == "some text"
    assert dict(call.trailing_metadata())["x-echo-bin"] == value
    call = stub.Repeat(stubs.testing.RepeatRequest(count=1), metadata=metadata)
    assert dict(call.initial_metadata())["x-echo"] == "some text"
    assert len(list(call)) == 1
    assert dict(call.trailing_metadata())["x-echo-bin"] == value


def test_too_much_metadata_is_refused(stub, stubs):
    error = code_of(stub.Echo, stubs.testing.EchoRequest(), metadata=(("x-big", "a" * 20_000),))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.Echo(stubs.testing.EchoRequest(text="alive")).text == "alive"


# Errors.


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_with_details(stub, stubs, code):
    info = error_details_pb2.ErrorInfo(reason="A_REASON", domain="trunkline.dev", metadata={"k": "v"})
    status = status_pb2.Status(code=code.value[0], message="tab\tnewline\n100 % naïve ☎")
    status.details.add().Pack(info)
    error = code_of(stub.Echo, stubs.testing.EchoRequest(fail=status))
    assert error.code() == code
    assert error.details() == status.message
    rich = rpc_status.from_call(error)
    assert rich == status
    unpacked = error_details_pb2.ErrorInfo()
    assert rich.details[0].Unpack(unpacked) and unpacked == info


def test_error_after_messages(stub, stubs):
    status = status_pb2.Status(code=10, message="after three")
    call = stub.Repeat(stubs.testing.RepeatRequest(count=3, fail=status))
    answers = []
    with pytest.raises(grpc.RpcError) as caught:
        for answer in call:
            answers.append(answer.index)
    assert answers == [0, 1, 2]
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.ABORTED, "after three")


def test_details_that_do_not_fit_are_dropped(stub, stubs):
    status = status_pb2.Status(code=9, message="kept")
    for n in range(100):
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason="R" * 200, domain=str(n)))
    error = code_of(stub.Echo, stubs.testing.EchoRequest(fail=status))
    assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "kept")
    rich = rpc_status.from_call(error)
    assert 0 < len(rich.details) < 100
    assert rich.SerializeToString() and len(rich.SerializeToString()) < 8192


def test_long_message_is_cut(stub, stubs):
    status = status_pb2.Status(code=9, message="☎" * 5000)
    error = code_of(stub.Echo, stubs.testing.EchoRequest(fail=status))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert set(error.details()) == {"☎"}


@pytest.mark.parametrize("path", ["/trunkline.testing.v1.EchoService/Nothing", "/no.Service/Echo", "/x"])
def test_unknown_method(address, path):
    with grpc.insecure_channel(address) as channel:
        error = code_of(channel.unary_unary(path), b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_undecodable_request(address):
    with grpc.insecure_channel(address) as channel:
        for body in (b"\xff\xff", b"\x0a\x02\xff\xfe"):
            error = code_of(channel.unary_unary(ECHO), body)
            assert error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)


def test_unary_takes_one_message(address):
    with grpc.insecure_channel(address) as channel:
        for messages in ([], [b"", b""]):
            error = code_of(channel.stream_unary(ECHO), iter(messages))
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_message_limit(stub, stubs):
    error = code_of(stub.Echo, stubs.testing.EchoRequest(payload=bytes(5 * MIB - 5)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "Message is 5 MiB; the limit is 4 MiB."
    requests = iter([stubs.testing.CollectRequest(payload=bytes(5 * MIB - 5))])
    assert code_of(stub.Collect, requests).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_calls(address, stubs, compression):
    with grpc.insecure_channel(address) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        request = stubs.testing.EchoRequest(text="x" * 100_000)
        assert stub.Echo(request, compression=compression).text == request.text
        requests = (stubs.testing.CollectRequest(text="y" * 1000) for _ in range(100))
        assert stub.Collect(requests, compression=compression).text == "y" * 100_000


# Deadlines and cancellation.


def test_deadline(stub, stubs):
    request = stubs.testing.EchoRequest()
    request.delay.seconds = 3600
    begin = time.monotonic()
    assert code_of(stub.Echo, request, timeout=0.1).code() == grpc.StatusCode.DEADLINE_EXCEEDED
    repeat = stubs.testing.RepeatRequest(count=1000)
    repeat.interval.seconds = 3600
    assert code_of(stub.Repeat, repeat, timeout=0.1).code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - begin < 10
    assert stub.Echo(stubs.testing.EchoRequest(text="in time"), timeout=10).text == "in time"


def test_cancellation(stub, stubs):
    request = stubs.testing.RepeatRequest(count=1_000_000, payload=bytes(1000))
    call = stub.Repeat(request)
    assert next(call).index == 0
    call.cancel()
    assert code_of(lambda: list(call)).code() == grpc.StatusCode.CANCELLED
    assert stub.Echo(stubs.testing.EchoRequest(text="alive")).text == "alive"


# What grpcio can't send, by hand.


class RawCall:
    """One request on a connection of its own; gives headers, body, trailers and resets."""

    def __init__(self, address, headers, chunks=(), end=True, preset=None):
        host, port = address.split(":")
        base = {
            ":method": "POST", ":scheme": "http", ":path": ECHO, ":authority": address,
            "te": "trailers", "content-type": "application/grpc",
        }
        fields = list((preset if preset is not None else base | dict(headers)).items())
        self.headers, self.body, self.trailers, self.reset, self.closed = {}, b"", {}, None, False
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
            connection = h2.connection.H2Connection(config)
            connection.initiate_connection()
            connection.send_headers(1, fields, end_stream=end and not chunks)
            for index, chunk in enumerate(chunks):
                connection.send_data(1, chunk, end_stream=end and index == len(chunks) - 1)
            sock.sendall(connection.data_to_send())
            self._read(sock, connection)

    def _read(self, sock, connection):
        while not self.closed:
            data = sock.recv(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    self.headers = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    self.body += event.data
                elif isinstance(event, h2.events.TrailersReceived):
                    self.trailers = dict(event.headers)
                elif isinstance(event, h2.events.StreamReset):
                    self.reset = event.error_code
                    self.closed = True
                elif isinstance(event, (h2.events.StreamEnded, h2.events.ConnectionTerminated)):
                    self.closed = True
            sock.sendall(connection.data_to_send())

    @property
    def status(self):
        return (self.trailers or self.headers).get("grpc-status")


MESSAGE = b"\0\0\0\0\x03\x0a\x01x"


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"])
def test_content_types_taken(address, kind):
    call = RawCall(address, {"content-type": kind}, [MESSAGE])
    assert (call.headers[":status"], call.status, call.body) == ("200", "0", MESSAGE)
    assert call.headers["content-type"] == "application/grpc"


@pytest.mark.parametrize("kind", ["image/jpeg", "application/xml", "application/grpcx"])
def test_other_content_types_are_http_415(address, kind):
    call = RawCall(address, {"content-type": kind}, [MESSAGE])
    assert call.headers[":status"] == "415" and call.status is None


def test_unknown_subformat(address):
    assert RawCall(address, {"content-type": "application/grpc+json"}, [MESSAGE]).status == "12"


def test_unknown_encoding_says_what_is_known(address):
    call = RawCall(address, {"grpc-encoding": "br"}, [MESSAGE])
    assert call.status == "12" and call.headers["grpc-accept-encoding"] == "identity,deflate,gzip"


def test_compressed_flag_without_encoding(address):
    assert RawCall(address, {}, [b"\1" + MESSAGE[1:]]).status == "13"


def test_message_in_single_bytes(address):
    call = RawCall(address, {}, [bytes([byte]) for byte in MESSAGE])
    assert (call.status, call.body) == ("0", MESSAGE)


def test_torn_message(address):
    assert RawCall(address, {}, [MESSAGE[:-1]]).status == "13"
    assert RawCall(address, {}, [MESSAGE[:3]]).status == "13"


@pytest.mark.parametrize("timeout", ["", "1", "S", "123456789S", "1x", "-1S", "1.5S"])
def test_malformed_timeout(address, timeout):
    assert RawCall(address, {"grpc-timeout": timeout}, [MESSAGE]).status == "3"


@pytest.mark.parametrize("timeout", ["99999999H", "5M", "10S", "10000m", "10000000u"])
def test_timeout_units(address, timeout):
    assert RawCall(address, {"grpc-timeout": timeout}, [MESSAGE]).status == "0"


def test_timeout_of_nothing(address):
    call = RawCall(address, {"grpc-timeout": "0n"}, [], end=False)
    assert call.status == "4"


@pytest.mark.parametrize("value", ["q6ur", "q6urAA", "q6urAA==", "", "q6ur,q6ur"])
def test_binary_metadata_with_and_without_padding(address, value):
    call = RawCall(address, {"x-echo-bin": value}, [MESSAGE])
    first = value.split(",")[0]
    expected = base64.b64decode(first + "=" * (-len(first) % 4))
    got = call.trailers["x-echo-bin"]
    assert call.status == "0" and base64.b64decode(got + "=" * (-len(got) % 4)) == expected


@pytest.mark.parametrize("value", ["*", "a", "q6ur=", "=q6u"])
def test_bad_base64_ends_its_stream_only(address, value):
    assert RawCall(address, {"x-echo-bin": value}, [MESSAGE]).status == "3"


@pytest.mark.parametrize("path", ["trunkline.testing.v1.EchoService/Echo", ECHO + "/", "/" + ECHO])
def test_path_is_matched_exactly(address, path):
    call = RawCall(address, {":path": path}, [MESSAGE])
    assert call.status == "12" or call.reset is not None


def test_get_is_http_405(address):
    path = "/trunkline.testing.v1.EchoService/Repeat"
    assert RawCall(address, {":method": "GET", ":path": path}, [MESSAGE]).headers[":status"] == "405"


def test_early_answer_stops_the_request(address):
    call = RawCall(address, {":path": "/no.Service/M"}, [MESSAGE], end=False)
    assert call.status == "12"


def test_not_http2_is_dropped(address):
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" + b"x" * 64)
        while sock.recv(65536):
            pass
    assert harness.is_serving(address)


# The services that every server has.


def test_health(address):
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        name = "trunkline.testing.v1.EchoService"
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == 1
        error = code_of(stub.Check, health_pb2.HealthCheckRequest(service="no"))
        assert error.code() == grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="no"))
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()


def test_reflection_v1alpha_with_grpcio(address):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "trunkline.testing.v1.EchoService" in database.get_services()
        pool = descriptor_pool.DescriptorPool(database)
        service = pool.FindServiceByName("trunkline.testing.v1.EchoService")
        assert [method.name for method in service.methods] == ["Echo", "Repeat", "Collect", "Converse"]
        assert pool.FindMessageTypeByName("google.rpc.Status").full_name == "google.rpc.Status"


@pytest.mark.parametrize("version", ["grpc-v1", "grpc-v1alpha"])
def test_reflection_and_call_with_buf_curl(address, version):
    arguments = [
        str(harness.BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge",
        "--reflect", "--reflect-protocol", version,
    ]
    listed = subprocess.run(
        [*arguments, "--list-methods", f"http://{address}"],
        capture_output=True, text=True, timeout=60, check=True,
    )
    assert "trunkline.testing.v1.EchoService/Echo" in listed.stdout
    called = subprocess.run(
        [*arguments, "--data", '{"text": "via buf"}', f"http://{address}{ECHO}"],
        capture_output=True, text=True, timeout=60, check=True,
    )
    assert json.loads(called.stdout) == {"text": "via buf"}


def test_peer_that_is_gone_when_it_is_answered(tmp_path):
    # The server's SETTINGS and its GOAWAY are written to a peer that has closed: without SIGPIPE
    # ignored the second write is the end of the process. Stopped meanwhile, it can't be faster.
    port = harness.free_port()
    process = harness.Process("Bench", ["serve", "--listen", f"127.0.0.1:{port}"], tmp_path / "bench.log").start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(f"127.0.0.1:{port}"), "Bench")
    os.kill(process.popen.pid, signal.SIGSTOP)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(b"\n" * 32)
    os.kill(process.popen.pid, signal.SIGCONT)
    assert harness.is_serving(f"127.0.0.1:{port}")
    assert process.stop() == 0


# The end of a server.


def test_shutdown_lets_calls_end(tmp_path, stubs):
    address = f"127.0.0.1:{harness.free_port()}"
    process = harness.Process("Bench", ["serve", "--listen", address], tmp_path / "bench.log").start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    with grpc.insecure_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        request = stubs.testing.EchoRequest(text="slow")
        request.delay.nanos = 300_000_000
        answer = stubs.testing.EchoServiceStub(channel).Echo.future(request)
        other = stubs.testing.EchoServiceStub(channel).Echo(stubs.testing.EchoRequest(text="now"))
        assert other.text == "now"
        process.popen.terminate()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert answer.result(10).text == "slow"
        watch.cancel()
    # Its end was asked for already: a second SIGTERM could meet it without its handler.
    assert process.popen.wait(harness.STOP_MAX) == 0
    process.stop()
