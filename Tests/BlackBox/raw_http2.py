"""gRPC over PyPI's h2 by hand: what grpcio can't send, and what it does not show."""

import collections
import gzip
import socket
import ssl
import struct

import h2.config
import h2.connection
import h2.events

import interop

# How long a peer may be silent, in seconds.
SILENCE_MAX = 20

Message = collections.namedtuple("Message", ["is_compressed", "body"])


def frame(body, is_compressed=False):
    """A message with its prefix; the flag says whether `body` is compressed."""
    return struct.pack(">BI", is_compressed, len(body)) + body


def compressed(body):
    return frame(gzip.compress(body), is_compressed=True)


class Answer:
    """What came on one stream: `headers`, `data`, `trailers`, and how it ended."""

    def __init__(self):
        self.headers, self.data, self.trailers = {}, b"", {}
        self.fields = []
        self.reset = None
        self.is_over = False

    @property
    def status(self):
        return (self.trailers or self.headers).get("grpc-status")

    @property
    def message(self):
        return (self.trailers or self.headers).get("grpc-message")

    @property
    def is_trailers_only(self):
        return bool(self.headers) and not self.trailers and "grpc-status" in self.headers

    @property
    def messages(self):
        """The messages, decompressed, each with its flag."""
        found, rest = [], self.data
        while rest:
            flag, size = struct.unpack(">BI", rest[:5])
            body, rest = rest[5 : 5 + size], rest[5 + size :]
            assert len(body) == size and flag in (0, 1), "torn or strange message"
            if flag:
                assert self.headers["grpc-encoding"] == "gzip"
                body = gzip.decompress(body)
            found.append(Message(bool(flag), body))
        return found


class Connection:
    """An HTTP/2 connection of our own, over TLS when there are certificates."""

    def __init__(self, address, certificates=None):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.scheme = "http"
        self.socket = socket.create_connection((host, int(port)), timeout=SILENCE_MAX)
        if certificates is not None:
            self.scheme = "https"
            context = ssl.create_default_context(cafile=certificates.ca)
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname=interop.TLS_NAME)
            assert self.socket.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.answers = {}
        self.is_closed = False
        self.goaway = None
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def begin(self, path, headers=(), end=False, preset=None):
        """Sends the headers of a call; gives back its stream."""
        fields = {
            ":method": "POST", ":scheme": self.scheme, ":path": path, ":authority": self.address,
            "te": "trailers", "content-type": "application/grpc",
        }
        fields = list((fields if preset is None else preset).items()) + list(headers)
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, data=b"", end=False):
        """Sends bytes as the windows allow, and reads while they don't."""
        while data and not self.answers[stream].is_over:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.read()
                continue
            self.h2.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
        if end and not self.answers[stream].is_over:
            self.h2.end_stream(stream)
            self.flush()

    def call(self, path, messages=(), headers=(), end=True, preset=None):
        """One whole call. `messages` are bytes with their prefixes."""
        stream = self.begin(path, headers, end=end and not messages, preset=preset)
        if messages:
            self.send(stream, b"".join(messages), end=end)
        return self.finish(stream)

    def finish(self, stream):
        """Reads until the call is over, however it ends."""
        while not self.answers[stream].is_over:
            self.read()
        return self.answers[stream]

    def read(self):
        data = self.socket.recv(65536)
        if not data:
            self.is_closed = True
            for answer in self.answers.values():
                answer.is_over = True
            return
        for event in self.h2.receive_data(data):
            self._happened(event)
        self.flush()

    def _happened(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event
            return
        answer = self.answers.get(getattr(event, "stream_id", None))
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers, answer.fields = dict(event.headers), list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            answer.data += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = dict(event.headers)
            answer.fields += list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code
            answer.is_over = True
        elif isinstance(event, h2.events.StreamEnded):
            answer.is_over = True


def call(address, path, messages=(), certificates=None, **options):
    """One call on a connection of its own."""
    with Connection(address, certificates) as connection:
        return connection.call(path, messages, **options)
