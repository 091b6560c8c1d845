"""grpc.testing.TestService on grpcio: a server that others wrote, for our interop-client.

grpcio can't see whether a request was compressed, so it does not check `expect_compressed`.
"""

import concurrent.futures
import threading
import time

import grpc

import interop

CODES = {code.value[0]: code for code in grpc.StatusCode}
# How many calls may run at a time, streams included.
THREADS = 64


class InteropService:
    def __init__(self, messages, server_id):
        self.messages = messages
        self.server_id = server_id
        self.lock = threading.Lock()
        self.report = messages.OrcaLoadReport()

    def _echo(self, context, trailing=()):
        metadata = dict(context.invocation_metadata())
        if interop.ECHO_INITIAL in metadata:
            context.send_initial_metadata(((interop.ECHO_INITIAL, metadata[interop.ECHO_INITIAL]),))
        if interop.ECHO_TRAILING in metadata:
            trailing = (*trailing, (interop.ECHO_TRAILING, metadata[interop.ECHO_TRAILING]))
        if trailing:
            context.set_trailing_metadata(trailing)

    def _status(self, context, request):
        status = request.response_status
        if status.code:
            context.abort(CODES[status.code], status.message)

    def _payload(self, size):
        return self.messages.Payload(body=bytes(size))

    def _report(self, asked):
        return self.messages.OrcaLoadReport(
            cpu_utilization=asked.cpu_utilization,
            mem_utilization=asked.memory_utilization,
            request_cost=dict(asked.request_cost),
            utilization=dict(asked.utilization),
        )

    def EmptyCall(self, request, context):
        self._echo(context)
        return self.messages.Empty()

    def UnaryCall(self, request, context):
        trailing = ()
        if request.HasField("orca_per_query_report"):
            report = self._report(request.orca_per_query_report).SerializeToString()
            trailing = ((interop.LOAD_REPORT, report),)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        self._echo(context, trailing)
        self._status(context, request)
        response = self.messages.SimpleResponse(payload=self._payload(request.response_size))
        if request.fill_server_id:
            response.server_id = self.server_id
        return response

    def CacheableUnaryCall(self, request, context):
        self._echo(context)
        return self.messages.SimpleResponse(payload=self._payload(1))

    def StreamingInputCall(self, requests, context):
        self._echo(context)
        size = sum(len(request.payload.body) for request in requests)
        return self.messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def StreamingOutputCall(self, request, context):
        if any(wanted.compressed.value for wanted in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        self._echo(context)
        yield from self._answer(request, context)

    def FullDuplexCall(self, requests, context):
        self._echo(context)
        for request in requests:
            if request.HasField("orca_oob_report"):
                with self.lock:
                    self.report = self._report(request.orca_oob_report)
            self._status(context, request)
            yield from self._answer(request, context)

    def HalfDuplexCall(self, requests, context):
        self._echo(context)
        for request in list(requests):
            yield from self._answer(request, context)

    def _answer(self, request, context):
        for wanted in request.response_parameters:
            if wanted.interval_us:
                time.sleep(wanted.interval_us / 1e6)
            if not wanted.compressed.value:
                context.disable_next_message_compression()
            response = self.messages.StreamingOutputCallResponse(payload=self._payload(wanted.size))
            if wanted.fill_peer_socket_address.value:
                response.peer_socket_address = context.peer()
            yield response

    def StreamCoreMetrics(self, request, context):
        interval = request.report_interval.seconds + request.report_interval.nanos / 1e9
        ended = threading.Event()
        context.add_callback(ended.set)
        while not ended.is_set():
            with self.lock:
                report = self.report
            yield report
            ended.wait(max(interval, 0.1))


class GrpcioServer:
    """The service on a free port, over TLS when there are certificates; ends with `stop()`."""

    def __init__(self, messages, certificates=None, options=()):
        self.service = InteropService(messages, "grpcio")
        self.certificates = certificates
        self.server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(THREADS),
            options=[("grpc.max_receive_message_length", 64 << 20), *options],
        )
        handlers = {}
        for name, (request, response, takes_stream, gives_stream) in interop.METHODS.items():
            kind = f"{'stream' if takes_stream else 'unary'}_{'stream' if gives_stream else 'unary'}"
            handlers[name] = getattr(grpc, f"{kind}_rpc_method_handler")(
                getattr(self.service, name),
                request_deserializer=getattr(messages, request).FromString,
                response_serializer=getattr(messages, response).SerializeToString,
            )
        load = grpc.unary_stream_rpc_method_handler(
            self.service.StreamCoreMetrics,
            request_deserializer=messages.OrcaLoadReportRequest.FromString,
            response_serializer=messages.OrcaLoadReport.SerializeToString,
        )
        self.server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("grpc.testing.TestService", handlers),
            grpc.method_handlers_generic_handler(
                "xds.service.orca.v3.OpenRcaService", {"StreamCoreMetrics": load}
            ),
        ))
        if certificates is None:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self.server.add_secure_port("127.0.0.1:0", certificates.server_credentials())
        self.server.start()

    def stop(self):
        self.server.stop(grace=1).wait()
