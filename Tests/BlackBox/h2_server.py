"""A raw HTTP/2 server for tests of our client: each test says, frame by frame, what it does.

One thread serves one connection at a time on a loopback port, with `script(connection)` of the
test's own; what the script raises fails the test.
"""

import contextlib
import socket
import ssl
import struct
import threading

import h2.config
import h2.connection
import h2.events
import h2.settings

# How long a script waits for what the client should do, in seconds.
WAIT_MAX = 20


def message(text):
    """An EchoResponse with `text`, in gRPC's frame. Field 1, shorter than 128 bytes."""
    data = text.encode()
    body = b"\x0a" + bytes([len(data)]) + data if data else b""
    return struct.pack(">BI", 0, len(body)) + body


class Connection:
    """One connection of the client's: `next()` gives events, the rest sends."""

    def __init__(self, sock, settings=None):
        self.sock = sock
        self.sock.settimeout(WAIT_MAX)
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.events = []
        # What requests said, by stream.
        self.headers = {}
        self.bodies = {}
        self.is_over = False

    def begin(self):
        """Sends SETTINGS."""
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def next(self):
        """The next event; None when the client has closed."""
        while not self.events:
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                self.is_over = True
                return None
            self.events += self.h2.receive_data(data)
            with contextlib.suppress(OSError):
                self.flush()
        event = self.events.pop(0)
        if isinstance(event, h2.events.RequestReceived):
            self.headers[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = b""
        if isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            # The client may have closed already; the next read says so.
            with contextlib.suppress(OSError):
                self.flush()
        return event

    def until(self, kind):
        """The next event of `kind`; None when the client has closed."""
        while True:
            event = self.next()
            if event is None or isinstance(event, kind):
                return event

    def request(self):
        """The next request that is whole; gives its stream, or None when the client has closed."""
        event = self.until(h2.events.StreamEnded)
        return None if event is None else event.stream_id

    def until_closed(self):
        """Reads until the client closes."""
        while self.next() is not None:
            pass

    def headers_out(self, stream, fields=(), end=False):
        base = [(":status", "200"), ("content-type", "application/grpc")]
        self.h2.send_headers(stream, [*base, *fields], end_stream=end)
        self.flush()

    def answer(self, stream, text="", fields=()):
        """A whole answer that is OK."""
        self.headers_out(stream)
        self.h2.send_data(stream, message(text))
        self.h2.send_headers(stream, [("grpc-status", "0"), *fields], end_stream=True)
        self.flush()

    def fail(self, stream, code, fields=()):
        """A trailers-only answer."""
        self.headers_out(stream, [("grpc-status", str(code)), *fields], end=True)

    def http(self, stream, fields, body=b""):
        """An answer that is not gRPC's."""
        self.h2.send_headers(stream, fields, end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()

    def reset(self, stream, code):
        self.h2.reset_stream(stream, code)
        self.flush()

    def go_away(self, last, code=0, debug=b""):
        """GOAWAY, which h2 itself sends only at the end: the connection goes on."""
        payload = struct.pack(">II", last, code) + debug
        self.raw(7, 0, 0, payload)

    def raw(self, kind, flags, stream, payload=b""):
        """Any frame at all."""
        self.flush()
        head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
        self.sock.sendall(head + struct.pack(">I", stream) + payload)


class Server:
    """Listens at a loopback address. `scripts` are called in turn, one per connection; the last
    one serves all later connections too."""

    def __init__(self, *scripts, settings=None, host="127.0.0.1", port=0, waits=True, tls=None):
        self.scripts = list(scripts)
        self.settings = settings
        # An ssl.SSLContext, or None for plaintext.
        self.tls = tls
        # Whether a script begins after SETTINGS are sent.
        self.waits = waits
        self.failures = []
        # Every connection that came, in its order.
        self.connections = []
        self.threads = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(64)
        self.address = "{}:{}".format(*self.listener.getsockname())
        self.acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.acceptor.start()
        return self

    def __exit__(self, kind, *_):
        # A close alone does not wake an accept.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join(WAIT_MAX)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(WAIT_MAX)
        if kind is None and self.failures:
            raise self.failures[0]

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, self.settings)
            index = min(len(self.connections), len(self.scripts) - 1)
            self.connections.append(connection)
            thread = threading.Thread(
                target=self._run, args=(self.scripts[index], connection), daemon=True
            )
            self.threads.append(thread)
            thread.start()

    def _run(self, script, connection):
        try:
            if self.tls is not None:
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            if self.waits:
                connection.begin()
            script(connection)
        except (ssl.SSLError, ConnectionError) as error:
            # A client that does not like the certificate goes, in TLS 1.3 after our handshake.
            if self.tls is None:
                self.failures.append(error)
        except Exception as error:  # noqa: BLE001: it is raised again at the end of the test
            self.failures.append(error)
        finally:
            with contextlib.suppress(OSError):
                connection.sock.close()


def echo(connection):
    """Answers every call with the name of its connection's port."""
    while (stream := connection.request()) is not None:
        connection.answer(stream, "echo")
