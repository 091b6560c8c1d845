"""What the interop tests have in common: the messages of grpc.testing, certificates, and the peers.

The messages are made from descriptors, not from generated modules: those would be in the package
`grpc.testing`, which grpcio's own package hides.
"""

import hashlib
import os
import pathlib
import socket
import subprocess
import types

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

import harness

SERVICE = "/grpc.testing.TestService"
LOAD_REPORTS = "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics"
ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
LOAD_REPORT = "endpoint-load-metrics-bin"
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"

REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]

# The name in the certificate of TLS servers; clients reach them by 127.0.0.1.
TLS_NAME = "interop.test.example"

# What a method takes and gives, and which sides stream.
METHODS = {
    "EmptyCall": ("Empty", "Empty", False, False),
    "UnaryCall": ("SimpleRequest", "SimpleResponse", False, False),
    "CacheableUnaryCall": ("SimpleRequest", "SimpleResponse", False, False),
    "StreamingOutputCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse", False, True),
    "StreamingInputCall": ("StreamingInputCallRequest", "StreamingInputCallResponse", True, False),
    "FullDuplexCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse", True, True),
    "HalfDuplexCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse", True, True),
}


def load_messages(folder):
    """The messages of grpc.testing and of load reports, by their names without the package."""
    protos = harness.ROOT / "Protos"
    image = pathlib.Path(folder) / "interop.binpb"
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    files = ["grpc/testing/test.proto", "xds/service/orca/v3/orca.proto"]
    arguments = ["protoc", f"-I{protos}", f"-I{include}", "--include_imports"]
    assert protoc.main([*arguments, f"--descriptor_set_out={image}", *files]) == 0
    pool = descriptor_pool.DescriptorPool()
    messages = types.SimpleNamespace()
    for file in descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes()).file:
        pool.Add(file)
        for message in file.message_type:
            found = pool.FindMessageTypeByName(f"{file.package}.{message.name}")
            setattr(messages, message.name, message_factory.GetMessageClass(found))
    return messages


class Stub:
    """The methods of grpc.testing.TestService, and of load reports, over a grpcio channel."""

    def __init__(self, channel, messages):
        for name, (request, response, takes_stream, gives_stream) in METHODS.items():
            kind = f"{'stream' if takes_stream else 'unary'}_{'stream' if gives_stream else 'unary'}"
            method = getattr(channel, kind)(
                f"{SERVICE}/{name}",
                request_serializer=getattr(messages, request).SerializeToString,
                response_deserializer=getattr(messages, response).FromString,
            )
            setattr(self, name, method)
        self.StreamCoreMetrics = channel.unary_stream(
            LOAD_REPORTS,
            request_serializer=messages.OrcaLoadReportRequest.SerializeToString,
            response_deserializer=messages.OrcaLoadReport.FromString,
        )


class Certificates:
    """A certificate of its own authority for `TLS_NAME`, made with openssl: `ca`, `cert`, `key`."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        authority = folder / "ca-key.pem"
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        self._openssl(
            "req", "-x509", *new_key, "-keyout", authority, "-out", self.ca, "-subj", "/CN=interop CA"
        )
        self._openssl(
            "req", "-x509", *new_key, "-keyout", self.key, "-out", self.cert, "-subj", f"/CN={TLS_NAME}",
            "-addext", f"subjectAltName=DNS:{TLS_NAME}", "-addext", "basicConstraints=CA:FALSE",
            "-CA", self.ca, "-CAkey", authority,
        )

    @staticmethod
    def _openssl(*arguments):
        command = ["openssl", *(str(argument) for argument in arguments)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def channel_credentials(self):
        return grpc.ssl_channel_credentials(self.ca.read_bytes())

    def server_credentials(self):
        return grpc.ssl_server_credentials([(self.key.read_bytes(), self.cert.read_bytes())])


def open_channel(address, certificates=None, options=()):
    """A grpcio channel, over TLS when there are certificates."""
    limit = 64 << 20
    options = [
        ("grpc.max_receive_message_length", limit),
        ("grpc.use_local_subchannel_pool", 1),
        *options,
    ]
    if certificates is None:
        return grpc.insecure_channel(address, options)
    options.append(("grpc.ssl_target_name_override", TLS_NAME))
    return grpc.secure_channel(address, certificates.channel_credentials(), options)


def build_cpp_peers():
    """Builds the C++ interop programs, once for each state of their sources, and says where."""
    sources = harness.ROOT / "Sources" / "Testing" / "BenchPeers" / "cpp_interop"
    protos = harness.ROOT / "Protos"
    digest = hashlib.sha256()
    for path in sorted([*sources.iterdir(), *protos.glob("grpc/testing/*"), *protos.glob("xds/**/*.proto")]):
        digest.update(path.read_bytes())
    folder = harness.ROOT / ".build" / "cpp-interop" / digest.hexdigest()[:16]
    if not (folder / "built").exists():
        jobs = str(os.cpu_count() or 1)
        command = ["make", "-C", str(sources), "-j", jobs, f"OUT={folder}", f"PROTOS={protos}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
        (folder / "built").touch()
    return folder


class InteropServer(harness.Process):
    """Our interop-server on a free port, over TLS when there are certificates."""

    def __init__(self, folder, certificates=None, arguments=(), host="127.0.0.1", port=None):
        self.port = port or harness.free_port()
        self.address = f"{host}:{self.port}"
        self.certificates = certificates
        flags = [f"--listen={self.address}", *arguments]
        if certificates is not None:
            flags += ["--use_tls", f"--tls_cert={certificates.cert}", f"--tls_key={certificates.key}"]
        super().__init__("interop-server", flags, pathlib.Path(folder) / f"interop-{self.port}.log")

    def start(self):
        super().start()
        harness.wait_until(lambda: self.check_running() and accepts(self.address), self.name)
        return self


def accepts(address):
    """Whether somebody accepts connections at `address`."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return True
    except ConnectionRefusedError:
        return False

