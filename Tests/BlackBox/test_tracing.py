"""W3C trace context and OTLP spans, as OpenTelemetry's own protocol definition reads them."""

import concurrent.futures
import contextlib
import queue
import urllib.request

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

import harness

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Hands every span that it is sent to the test, with what its process is called."""

    def __init__(self):
        self.spans = queue.Queue()

    def Export(self, request, context):
        for resource in request.resource_spans:
            name = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put((name, span))
        return trace_service_pb2.ExportTraceServiceResponse()


@contextlib.contextmanager
def collecting():
    """A collector of grpcio's, and where it listens."""
    collector = Collector()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A Bench server that exports to a collector of grpcio's: its address, the collector, its log."""
    with collecting() as (collector, target):
        yield from exporting(tmp_path_factory, collector, target)


def exporting(tmp_path_factory, collector, target):
    address = f"127.0.0.1:{harness.free_port()}"
    log = tmp_path_factory.mktemp("bench") / "bench.log"
    arguments = ["serve", "--listen", address, "--otlp", target, "--access-log", "all"]
    process = harness.Process("Bench", arguments, log).start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(address), "Bench")
    yield address, collector, process
    assert process.stop() == 0


def next_span(collector, method):
    while True:
        name, span = collector.spans.get(timeout=30)
        if span.name.endswith(method):
            return name, span


def call(address, stubs, request, metadata=()):
    with grpc.insecure_channel(address) as channel:
        return stubs.testing.EchoServiceStub(channel).Echo(request, metadata=metadata)


def attributes(span):
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def test_a_call_continues_its_callers_trace(traced, stubs):
    address, collector, process = traced
    metadata = [("traceparent", PARENT), ("tracestate", "vendor=1")]
    call(address, stubs, stubs.testing.EchoRequest(text="x"), metadata)
    name, span = next_span(collector, "Echo")
    assert name == "bench" and span.name == "Recv.trunkline.testing.v1.EchoService.Echo"
    assert span.trace_id.hex() == PARENT[3:35] and span.parent_span_id.hex() == PARENT[36:52]
    assert len(span.span_id) == 8 and span.span_id != span.parent_span_id
    assert span.trace_state == "vendor=1" and span.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    assert span.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    found = attributes(span)
    assert found["rpc.system.name"] == "grpc" and found["rpc.response.status_code"] == "OK"
    assert found["rpc.method"] == "trunkline.testing.v1.EchoService/Echo"
    assert PARENT[3:35] in process.output(), "the access log names the trace"


def test_a_call_without_a_trace_begins_one(traced, stubs):
    address, collector, _ = traced
    call(address, stubs, stubs.testing.EchoRequest(text="x"))
    _, span = next_span(collector, "Echo")
    assert any(span.trace_id) and not span.parent_span_id


def test_a_trace_that_is_not_sampled_is_not_exported(traced, stubs):
    address, collector, _ = traced
    call(address, stubs, stubs.testing.EchoRequest(text="x"), [("traceparent", PARENT[:-1] + "0")])
    call(address, stubs, stubs.testing.EchoRequest(text="x"), [("traceparent", PARENT)])
    _, span = next_span(collector, "Echo")
    assert span.parent_span_id.hex() == PARENT[36:52]


def test_a_failure_of_the_server_is_an_error(traced, stubs):
    address, collector, _ = traced
    request = stubs.testing.EchoRequest()
    request.fail.code, request.fail.message = 13, "broken"
    with pytest.raises(grpc.RpcError):
        call(address, stubs, request, [("traceparent", PARENT)])
    _, span = next_span(collector, "Echo")
    assert span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert attributes(span)["rpc.response.status_code"] == "INTERNAL"
    request.fail.code = 5
    with pytest.raises(grpc.RpcError):
        call(address, stubs, request, [("traceparent", PARENT)])
    _, span = next_span(collector, "Echo")
    assert span.status.code == trace_pb2.Status.STATUS_CODE_UNSET


def metrics_of(server):
    with urllib.request.urlopen(f"http://{server.admin_address}/metrics", timeout=20) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("parents, recorded", [("none", 0), ("3", 3), ("all", 20)])
def test_callers_record_no_more_than_they_may(start_server, stubs, parents, recorded):
    """With a ratio of 0 only what a caller says makes spans; the server's stop sends the last ones."""
    with collecting() as (collector, target):
        server = start_server(
            f"traced-{parents}",
            arguments=["--loops=1", f"--otlp={target}", "--trace-ratio=0", f"--trace-parents={parents}", "--channelz"])
        with server.channel() as channel:
            agents = stubs.v1.AgentServiceStub(channel)
            for metadata in [None, [("traceparent", PARENT[:-1] + "0")]] + [[("traceparent", PARENT)]] * 20:
                agents.ListAgents(stubs.v1.ListAgentsRequest(), metadata=metadata, timeout=20)
            # What trunklined itself calls is in its metrics and in channelz.
            if recorded:
                harness.wait_until(lambda: "grpc_client_attempt_started_total{" in metrics_of(server), "an export")
            channels = channelz_pb2_grpc.ChannelzStub(channel)
            [own] = channels.GetTopChannels(channelz_pb2.GetTopChannelsRequest()).channel
            assert target in own.data.target
            with pytest.raises(grpc.RpcError) as caught:
                channels.GetSubchannel(channelz_pb2.GetSubchannelRequest(subchannel_id=1))
            assert caught.value.code() == grpc.StatusCode.NOT_FOUND and "sockets" in caught.value.details()
        assert server.stop() == 0
        names = [span.name for _, span in list(collector.spans.queue)]
        assert names == ["Recv.trunkline.v1.AgentService.ListAgents"] * recorded
