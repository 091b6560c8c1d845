"""The cases of gRPC's interop tests with grpcio as the client (grpc/doc/interop-test-descriptions.md).

Not here: what grpcio can't see or do. The compressed flag of a message, compression per message of a
stream, and the load report of a call (its core keeps that for its load balancer) are tested with raw
HTTP/2 and with C++.
"""

import queue
import threading
import time

import grpc
import pytest

import interop

CASES = {}
TIMEOUT = 30


def case(body):
    CASES[body.__name__] = body
    return body


class Session:
    """What a case gets: `stub`, `messages`, `channel`, and `open_channel()` for one more channel."""

    def __init__(self, channel, messages, open_channel):
        self.channel = channel
        self.messages = messages
        self.open_channel = open_channel
        self.stub = interop.Stub(channel, messages)

    def zeros(self, size):
        return self.messages.Payload(body=bytes(size))

    def large(self, **fields):
        return self.messages.SimpleRequest(
            response_size=314159, payload=self.zeros(271828), **fields
        )

    def ping(self, request_size, response_size, **fields):
        parameters = [self.messages.ResponseParameters(size=response_size)]
        return self.messages.StreamingOutputCallRequest(
            response_parameters=parameters, payload=self.zeros(request_size), **fields
        )

    def flag(self, value):
        return self.messages.BoolValue(value=value)


def failure(call, *arguments, **options):
    """The error of a call that has to fail."""
    with pytest.raises(grpc.RpcError) as caught:
        result = call(*arguments, timeout=options.pop("timeout", TIMEOUT), **options)
        if hasattr(result, "__iter__"):
            list(result)
    return caught.value


class Requests:
    """The requests of a stream, put one at a time; `end()` is the half-close."""

    def __init__(self):
        self.queue = queue.Queue()

    def put(self, request):
        self.queue.put(request)

    def end(self):
        self.queue.put(None)

    def __iter__(self):
        return iter(self.queue.get, None)


@case
def empty_unary(s):
    assert s.stub.EmptyCall(s.messages.Empty(), timeout=TIMEOUT).ByteSize() == 0


@case
def large_unary(s):
    response = s.stub.UnaryCall(s.large(), timeout=TIMEOUT)
    assert response.payload.body == bytes(314159)


@case
def cacheable_unary_without_a_proxy(s):
    first, call = s.stub.CacheableUnaryCall.with_call(s.messages.SimpleRequest(), timeout=TIMEOUT)
    second = s.stub.CacheableUnaryCall(s.messages.SimpleRequest(), timeout=TIMEOUT)
    assert dict(call.initial_metadata())["cache-control"] == "max-age=60, public"
    assert first.payload.body.isdigit() and first.payload.body != second.payload.body


@case
def client_compressed_unary(s):
    expected = s.large(expect_compressed=s.flag(True))
    error = failure(s.stub.UnaryCall, expected)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    response = s.stub.UnaryCall(expected, timeout=TIMEOUT, compression=grpc.Compression.Gzip)
    assert response.payload.body == bytes(314159)
    response = s.stub.UnaryCall(s.large(expect_compressed=s.flag(False)), timeout=TIMEOUT)
    assert response.payload.body == bytes(314159)


@case
def client_streaming(s):
    requests = (
        s.messages.StreamingInputCallRequest(payload=s.zeros(size)) for size in interop.REQUEST_SIZES
    )
    response = s.stub.StreamingInputCall(requests, timeout=TIMEOUT)
    assert response.aggregated_payload_size == 74922


@case
def server_streaming(s):
    parameters = [s.messages.ResponseParameters(size=size) for size in interop.RESPONSE_SIZES]
    request = s.messages.StreamingOutputCallRequest(response_parameters=parameters)
    responses = list(s.stub.StreamingOutputCall(request, timeout=TIMEOUT))
    assert [response.payload.body for response in responses] == [bytes(n) for n in interop.RESPONSE_SIZES]


@case
def intervals_are_observed(s):
    parameters = [s.messages.ResponseParameters(size=1, interval_us=100_000) for _ in range(3)]
    request = s.messages.StreamingOutputCallRequest(response_parameters=parameters)
    begin = time.monotonic()
    call = s.stub.StreamingOutputCall(request, timeout=TIMEOUT)
    times = [time.monotonic() - begin for _ in call]
    assert len(times) == 3
    assert all(passed >= 0.1 * (n + 1) for n, passed in enumerate(times)), times


@case
def ping_pong(s):
    requests = Requests()
    responses = s.stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)
    for sizes in zip(interop.REQUEST_SIZES, interop.RESPONSE_SIZES):
        requests.put(s.ping(*sizes))
        assert next(responses).payload.body == bytes(sizes[1])
    requests.end()
    assert list(responses) == []


@case
def half_duplex(s):
    requests = [s.ping(*sizes) for sizes in zip(interop.REQUEST_SIZES, interop.RESPONSE_SIZES)]
    responses = list(s.stub.HalfDuplexCall(iter(requests), timeout=TIMEOUT))
    assert [len(response.payload.body) for response in responses] == interop.RESPONSE_SIZES


@case
def empty_stream(s):
    assert list(s.stub.FullDuplexCall(iter([]), timeout=TIMEOUT)) == []


@case
def cancel_after_begin(s):
    requests = Requests()
    call = s.stub.StreamingInputCall.future(iter(requests), timeout=TIMEOUT)
    call.cancel()
    requests.end()
    assert call.code() == grpc.StatusCode.CANCELLED


@case
def cancel_after_first_response(s):
    requests = Requests()
    call = s.stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)
    requests.put(s.ping(27182, 31415))
    assert next(call).payload.body == bytes(31415)
    call.cancel()
    requests.end()
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() == grpc.StatusCode.CANCELLED


@case
def timeout_on_sleeping_server(s):
    requests = Requests()
    requests.put(s.messages.StreamingOutputCallRequest(payload=s.zeros(27182)))
    error = failure(s.stub.FullDuplexCall, iter(requests), timeout=0.001)
    requests.end()
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


@case
def custom_metadata(s):
    metadata = (
        (interop.ECHO_INITIAL, "test_initial_metadata_value"),
        (interop.ECHO_TRAILING, b"\xab\xab\xab"),
    )

    def check(call):
        assert dict(call.initial_metadata())[interop.ECHO_INITIAL] == "test_initial_metadata_value"
        assert dict(call.trailing_metadata())[interop.ECHO_TRAILING] == b"\xab\xab\xab"

    response, call = s.stub.UnaryCall.with_call(s.large(), timeout=TIMEOUT, metadata=metadata)
    assert response.payload.body == bytes(314159)
    check(call)
    call = s.stub.FullDuplexCall(iter([s.ping(271828, 314159)]), timeout=TIMEOUT, metadata=metadata)
    assert [len(response.payload.body) for response in call] == [314159]
    check(call)


@case
def status_code_and_message(s):
    status = s.messages.EchoStatus(code=2, message="test status message")
    request = s.messages.SimpleRequest(response_status=status)
    ping = s.messages.StreamingOutputCallRequest(response_status=status)
    for error in (failure(s.stub.UnaryCall, request), failure(s.stub.FullDuplexCall, iter([ping]))):
        assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, status.message)


@case
def special_status_message(s):
    status = s.messages.EchoStatus(code=2, message=interop.SPECIAL_MESSAGE)
    error = failure(s.stub.UnaryCall, s.messages.SimpleRequest(response_status=status))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, status.message)


@case
def unimplemented_method(s):
    error = failure(s.channel.unary_unary(f"{interop.SERVICE}/UnimplementedCall"), b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


@case
def unimplemented_service(s):
    path = "/grpc.testing.UnimplementedService/UnimplementedCall"
    assert failure(s.channel.unary_unary(path), b"").code() == grpc.StatusCode.UNIMPLEMENTED


@case
def pick_first_unary(s):
    request = s.messages.SimpleRequest(response_size=1, payload=s.zeros(1), fill_server_id=True)
    servers = {s.stub.UnaryCall(request, timeout=TIMEOUT).server_id for _ in range(100)}
    assert len(servers) == 1 and "" not in servers


@case
def orca_oob(s):
    ask = s.messages.OrcaLoadReportRequest()
    ask.report_interval.nanos = 100_000_000
    reports = s.stub.StreamCoreMetrics(ask, timeout=TIMEOUT)
    requests = Requests()
    responses = s.stub.FullDuplexCall(iter(requests), timeout=TIMEOUT)
    for cpu, memory, util in ((0.8210, 0.5847, 0.30499), (0.29309, 0.2, 0.2039)):
        asked = s.messages.TestOrcaReport(
            cpu_utilization=cpu, memory_utilization=memory, utilization={"util": util}
        )
        want = s.messages.OrcaLoadReport(
            cpu_utilization=cpu, mem_utilization=memory, utilization={"util": util}
        )
        requests.put(s.ping(1, 1, orca_oob_report=asked))
        assert len(next(responses).payload.body) == 1
        assert any(report == want for report in reports)
    requests.end()
    assert list(responses) == []
    reports.cancel()


def soak(call, iterations=10, latency_max=1.0):
    for _ in range(iterations):
        begin = time.monotonic()
        call()
        assert time.monotonic() - begin < latency_max


@case
def rpc_soak(s):
    soak(lambda: large_unary(s))


@case
def channel_soak(s):
    def call():
        with s.open_channel() as channel:
            large_unary(Session(channel, s.messages, s.open_channel))

    soak(call)


@case
def concurrent_large_unary(s):
    futures = [s.stub.UnaryCall.future(s.large(), timeout=TIMEOUT) for _ in range(50)]
    assert all(len(future.result().payload.body) == 314159 for future in futures)


@case
def long_lived_channel(s):
    for _ in range(5):
        large_unary(s)
        threading.Event().wait(0.02)
    large_unary(s)
