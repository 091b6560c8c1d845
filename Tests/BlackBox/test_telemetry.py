"""Metrics, access log and channelz of a server, judged by prometheus-client and grpcio-channelz."""

import json
import subprocess
import urllib.request

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from prometheus_client import parser

import harness

ECHO = "trunkline.testing.v1.EchoService/Echo"
REPEAT = "trunkline.testing.v1.EchoService/Repeat"


class Bench:
    """A Bench server with its admin address and its log."""

    def __init__(self, folder, *arguments):
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.admin = f"127.0.0.1:{harness.free_port()}"
        flags = ["serve", "--listen", self.address, "--loops", "2", "--admin", self.admin]
        self.process = harness.Process("Bench", [*flags, *arguments], folder / "bench.log").start()
        harness.wait_until(
            lambda: self.process.check_running()
            and harness.is_serving(self.address)
            and harness.is_listening(self.admin),
            "Bench",
        )

    def scrape(self):
        return scrape(self.admin)

    def lines(self):
        """The log lines so far that are about calls."""
        lines = [line for line in self.process.output().splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry["message"] == "call"]


def scrape(admin):
    """The metric families of an admin address, by name."""
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = answer.read().decode()
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*arguments):
        started.append(Bench(tmp_path, *arguments))
        return started[-1]

    yield begin
    for bench in started:
        assert bench.process.stop() == 0


def value(families, family, suffix="", **labels):
    """The sample with exactly these labels."""
    name = families[family].name + suffix
    found = [s.value for s in families[family].samples if s.name == name and s.labels == labels]
    assert len(found) == 1, (name, labels, families[family].samples)
    return found[0]


def test_metrics_count_what_was_called(start, stubs):
    bench = start()
    testing = stubs.testing
    with grpc.insecure_channel(bench.address) as channel:
        stub = testing.EchoServiceStub(channel)
        for size in (10, 10, 5000):
            stub.Echo(testing.EchoRequest(payload=b"x" * size))
        answers = list(stub.Repeat(testing.RepeatRequest(count=7, payload=b"y" * 100)))
        with pytest.raises(grpc.RpcError):
            channel.unary_unary("/no.such/Method")(b"")
        with pytest.raises(grpc.RpcError):
            request = testing.EchoRequest()
            request.fail.code = 5
            stub.Echo(request)
        families = bench.scrape()
        accepted = value(families, "trunkline_server_connections_accepted", "_total")
        closed = families["trunkline_server_connections_closed"].samples
        # Health checks may have had connections of their own.
        assert {s.labels["reason"] for s in closed} <= {"client_closed", "lost"}
        closed = sum(s.value for s in closed)
        assert value(families, "trunkline_server_connections") == accepted - closed >= 1
    assert families["grpc_server_call_started"].type == "counter"
    assert families["grpc_server_call_duration_seconds"].type == "histogram"
    assert value(families, "grpc_server_call_started", "_total", grpc_method=ECHO) == 4
    assert value(families, "grpc_server_call_started", "_total", grpc_method=REPEAT) == 1
    assert value(families, "grpc_server_call_started", "_total", grpc_method="other") == 1
    duration = "grpc_server_call_duration_seconds"
    assert value(families, duration, "_count", grpc_method=ECHO, grpc_status="OK") == 3
    assert value(families, duration, "_count", grpc_method=ECHO, grpc_status="NOT_FOUND") == 1
    assert value(families, duration, "_count", grpc_method="other", grpc_status="UNIMPLEMENTED") == 1
    received = "grpc_server_call_rcvd_total_compressed_message_size_bytes"
    sizes = {"grpc_method": ECHO, "grpc_status": "OK"}
    assert value(families, received, "_bucket", **sizes, le="1024") == 2
    assert value(families, received, "_bucket", **sizes, le="4096") == 2
    assert value(families, received, "_bucket", **sizes, le="16384") == 3
    sent = "grpc_server_call_sent_total_compressed_message_size_bytes"
    wire = sum(answer.ByteSize() for answer in answers)
    assert value(families, sent, "_sum", grpc_method=REPEAT, grpc_status="OK") == wire
    labels = {"rpc_system_name": "grpc", "rpc_method": ECHO, "rpc_response_status_code": "OK"}
    assert value(families, "rpc_server_call_duration_seconds", "_count", **labels) == 3
    check_histograms(families)
    assert value(families, "process_resident_memory_bytes") > 1 << 20
    assert value(families, "process_open_fds") > 3
    assert value(families, "process_start_time_seconds") > 1_700_000_000
    lag = families["trunkline_event_loop_lag_seconds"].samples
    assert [s.labels["loop"] for s in lag] == ["bench-0", "bench-1"]
    assert all(0 <= s.value < 10 for s in lag)


def check_histograms(families):
    """Each histogram has the buckets of its conventions, that only grow, and +Inf equals the count."""
    for family in families.values():
        assert family.documentation
        if family.type != "histogram":
            continue
        series = {}
        for sample in family.samples:
            key = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            entry = series.setdefault(key, {"buckets": []})
            if sample.name.endswith("_bucket"):
                entry["buckets"].append((float(sample.labels["le"]), sample.value))
            else:
                entry[sample.name.rsplit("_", 1)[1]] = sample.value
        for entry in series.values():
            bounds = [bound for bound, _ in entry["buckets"]]
            counts = [count for _, count in entry["buckets"]]
            assert bounds == sorted(bounds) and bounds[-1] == float("inf")
            assert counts == sorted(counts) and counts[-1] == entry["count"]
            if family.name == "grpc_server_call_duration_seconds":
                assert len(bounds) == 42 and bounds[:4] == [0, 1e-5, 5e-5, 1e-4] and bounds[-2] == 100
            if family.name == "rpc_server_call_duration_seconds":
                assert bounds[:-1] == [
                    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
                ]  # fmt: skip


def test_the_access_log_has_errors_but_no_contents(start, stubs):
    bench = start("--access-log", "errors")
    testing = stubs.testing
    with grpc.insecure_channel(bench.address, [("grpc.primary_user_agent", "judge/1")]) as channel:
        stub = testing.EchoServiceStub(channel)
        request = testing.EchoRequest(text="contents-of-it")
        metadata = (("x-token", "metadata-of-it"),)
        stub.Echo(request, metadata=metadata)
        for code in (5, 13):
            request.fail.code = code
            request.fail.message = "no call to 14155550100"
            with pytest.raises(grpc.RpcError):
                stub.Echo(request, metadata=metadata)
        lines = harness.wait_until(lambda: bench.lines(), "lines", 10)
    assert [line["method"] for line in lines] == [ECHO]
    failed = lines[0]
    assert failed["level"] == "error" and failed["status"] == "INTERNAL"
    assert failed["error"] == "no call to ***00"
    assert failed["peer"].startswith("ipv4:127.0.0.1:")
    assert failed["user_agent"].startswith("judge/1 grpc-python")
    assert failed["received_messages"] == 1 and failed["received_bytes"] == request.ByteSize()
    assert failed["sent_messages"] == 0 and 0 < failed["duration"] < 10
    output = bench.process.output()
    assert "contents-of-it" not in output and "metadata-of-it" not in output


def test_the_access_log_can_have_every_call(start, stubs):
    bench = start("--access-log", "all")
    with grpc.insecure_channel(bench.address) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        list(stub.Repeat(stubs.testing.RepeatRequest(count=3)))
        endless = stub.Repeat(stubs.testing.RepeatRequest(count=1000, interval={"nanos": 50_000_000}))
        next(endless)
        endless.cancel()

        def lines():
            found = [entry for entry in bench.lines() if entry["method"] == REPEAT]
            return len(found) == 2 and found

        entry, cancelled = harness.wait_until(lines, "lines", 10)
    assert cancelled["status"] == "CANCELLED" and cancelled["cause"] == "client_reset"
    assert cancelled["sent_messages"] >= 1
    assert entry["level"] == "info" and entry["status"] == "OK"
    assert entry["sent_messages"] == 3 and 0 < entry["first_response"] <= entry["duration"]


def test_channelz_shows_servers_and_connections(start, stubs):
    bench = start()
    testing = stubs.testing
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(bench.address, options) as channel:
        stub = testing.EchoServiceStub(channel)
        for _ in range(3):
            stub.Echo(testing.EchoRequest(text="x"))
        with pytest.raises(grpc.RpcError):
            stub.Echo(testing.EchoRequest(fail={"code": 5}))
        stream = stub.Repeat(testing.RepeatRequest(count=2, interval={"nanos": 1}))
        list(stream)
        with grpc.insecure_channel(bench.address, options) as other:
            channelz = channelz_pb2_grpc.ChannelzStub(other)
            check_channelz(bench, channelz)


def check_channelz(bench, channelz):
    servers = channelz.GetServers(channelz_pb2.GetServersRequest())
    assert servers.end and len(servers.server) == 1
    server = servers.server[0]
    # Five calls, the health checks, and this one.
    assert server.data.calls_started >= 6 and server.data.calls_failed >= 1
    assert server.data.calls_succeeded >= 4
    assert server.data.last_call_started_timestamp.seconds > 1_700_000_000
    assert server.data.trace.creation_timestamp.seconds > 1_700_000_000
    server_id = server.ref.server_id
    request = channelz_pb2.GetServerRequest(server_id=server_id)
    assert channelz.GetServer(request).server.ref == server.ref
    # Each loop listens.
    assert len(server.listen_socket) == 2
    listening = get_socket(channelz, server.listen_socket[0].socket_id)
    assert listening.local.tcpip_address.port == int(bench.address.split(":")[1])
    assert not listening.HasField("remote")

    request = channelz_pb2.GetServerSocketsRequest(server_id=server_id)
    sockets = channelz.GetServerSockets(request)
    assert sockets.end and len(sockets.socket_ref) == 2
    request.max_results = 1
    page = channelz.GetServerSockets(request)
    assert not page.end and [ref.socket_id for ref in page.socket_ref] == [sockets.socket_ref[0].socket_id]
    request.start_socket_id = page.socket_ref[0].socket_id + 1
    page = channelz.GetServerSockets(request)
    assert page.end and page.socket_ref[0] == sockets.socket_ref[1]

    socket = get_socket(channelz, sockets.socket_ref[0].socket_id)
    assert socket.local.tcpip_address.ip_address == bytes([127, 0, 0, 1])
    assert socket.local.tcpip_address.port == int(bench.address.split(":")[1])
    assert socket.remote.tcpip_address.port > 0
    assert not socket.HasField("security")
    data = socket.data
    assert (data.streams_started, data.streams_succeeded, data.streams_failed) == (5, 5, 0)
    assert (data.messages_received, data.messages_sent) == (5, 5)
    assert data.last_remote_stream_created_timestamp.seconds > 1_700_000_000
    assert data.last_message_sent_timestamp.seconds > 1_700_000_000
    assert data.last_message_received_timestamp.seconds > 1_700_000_000
    assert not data.HasField("last_local_stream_created_timestamp")
    assert data.local_flow_control_window.value > 0
    assert data.remote_flow_control_window.value > 0
    # The connection that asks has an open call, whose message has come.
    own = get_socket(channelz, sockets.socket_ref[1].socket_id).data
    assert own.streams_started - own.streams_succeeded == 1
    assert own.messages_received - own.messages_sent == 1

    for call, bad in (
        (channelz.GetServer, channelz_pb2.GetServerRequest(server_id=1 << 40)),
        (channelz.GetSocket, channelz_pb2.GetSocketRequest(socket_id=1 << 40)),
        (channelz.GetChannel, channelz_pb2.GetChannelRequest(channel_id=1)),
        (channelz.GetSubchannel, channelz_pb2.GetSubchannelRequest(subchannel_id=1)),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(bad)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert channelz.GetTopChannels(channelz_pb2.GetTopChannelsRequest()).end


def get_socket(channelz, socket_id):
    return channelz.GetSocket(channelz_pb2.GetSocketRequest(socket_id=socket_id)).socket


def test_trunklined_has_metrics_and_channelz_when_asked(start_server, stubs):
    server = start_server("plain", arguments=["--access-log=all", "--slow-call=2s"])
    agents = "trunkline.v1.AgentService/ListAgents"
    with server.channel() as channel:
        stubs.v1.AgentServiceStub(channel).ListAgents(stubs.v1.ListAgentsRequest())
        with pytest.raises(grpc.RpcError) as caught:
            channelz = channelz_pb2_grpc.ChannelzStub(channel)
            channelz.GetServers(channelz_pb2.GetServersRequest())
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    families = scrape(server.admin_address)
    assert value(families, "grpc_server_call_started", "_total", grpc_method=agents) == 1
    check_histograms(families)
    assert f'"message":"call","method":"{agents}","status":"OK"' in server.output()
    server.stop()

    server = start_server("with-channelz", arguments=["--channelz"])
    with server.channel() as channel:
        channelz = channelz_pb2_grpc.ChannelzStub(channel)
        assert len(channelz.GetServers(channelz_pb2.GetServersRequest()).server) == 1


def test_requests_that_are_not_grpc_are_no_fault_of_the_server(start):
    bench = start("--access-log", "errors")
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge"]
    result = subprocess.run([*command, f"http://{bench.address}/"], capture_output=True, text=True)
    assert result.stdout in ("404", "405", "415")
    duration = "grpc_server_call_duration_seconds"
    labels = {"grpc_method": "other", "grpc_status": "INVALID_ARGUMENT"}
    assert value(bench.scrape(), duration, "_count", **labels) == 1
    assert bench.lines() == []
