"""A page in headless Chromium calls the Bench server over TLS, by Connect and by gRPC-Web."""

import http.server
import json
import queue
import subprocess
import threading

import pytest

import harness

# Set-up and six calls take about two seconds on an idle machine.
PAGE_MAX = 60

PAGE = """<!doctype html>
<title>calls</title>
<script type="module">
const service = %(target)s + "/trunkline.testing.v1.EchoService/";

async function post(method, type, body, headers = {}) {
  return fetch(service + method, { method: "POST", body, headers: { "content-type": type, ...headers } });
}

// gRPC's frame around one message.
function frame(message) {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

function frames(buffer) {
  const found = [];
  for (let at = 0; at < buffer.byteLength; ) {
    const size = new DataView(buffer).getUint32(at + 1);
    const payload = new Uint8Array(buffer, at + 5, size);
    found.push([new Uint8Array(buffer)[at], new TextDecoder().decode(payload)]);
    at += 5 + size;
  }
  return found;
}

const calls = {
  async connect() {
    const headers = { "connect-protocol-version": "1", "connect-timeout-ms": "30000", "x-echo": "a page" };
    const answer = await post("Echo", "application/json", JSON.stringify({ text: "hé" }), headers);
    return { status: answer.status, body: await answer.json(), echo: answer.headers.get("x-echo") };
  },
  async connectError() {
    const body = JSON.stringify({ fail: { code: 5, message: "none ☎" } });
    const answer = await post("Echo", "application/json", body);
    return { status: answer.status, body: await answer.json() };
  },
  async connectGet() {
    const query = new URLSearchParams({ connect: "v1", encoding: "json", message: '{"text":"got"}' });
    const answer = await fetch(service + "Echo?" + query);
    return { status: answer.status, body: await answer.json() };
  },
  async grpcWeb() {
    // text is "x" and count 3.
    const request = frame(new Uint8Array([10, 1, 120, 24, 3]));
    const headers = { "x-grpc-web": "1", "grpc-timeout": "30S" };
    const answer = await post("Repeat", "application/grpc-web+proto", request, headers);
    return { status: answer.status, frames: frames(await answer.arrayBuffer()) };
  },
  async grpcWebError() {
    const answer = await post("Nothing", "application/grpc-web", frame(new Uint8Array()));
    return { status: answer.status, frames: frames(await answer.arrayBuffer()) };
  },
  async large() {
    const text = "x".repeat(1 << 20);
    const answer = await post("Echo", "application/json", JSON.stringify({ text }));
    return { status: answer.status, same: (await answer.json()).text === text };
  },
};

const results = {};
for (const [name, call] of Object.entries(calls)) {
  try {
    results[name] = await call();
  } catch (error) {
    results[name] = { error: String(error) };
  }
}
await fetch("/results" + location.search, { method: "POST", body: JSON.stringify(results) });
if (!location.search) {
  // The same page from an origin that the server does not know.
  const frame = document.createElement("iframe");
  frame.src = location.href.replace("127.0.0.1", "localhost") + "?other";
  document.body.append(frame);
}
</script>
<body></body>
"""


class Site(http.server.ThreadingHTTPServer):
    """Serves the page, and takes what its calls gave."""

    def __init__(self, target):
        self.page = (PAGE % {"target": json.dumps(target)}).encode()
        self.results = queue.Queue()
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path.split("?")[0] == "/" else 404, self.server.page)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.results.put((self.path, json.loads(body)))
        self.answer(200, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", pair[0], "-keyout", pair[1]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return pair


@pytest.fixture(scope="module")
def results(tmp_path_factory, certificate):
    """What the page's calls gave: from an origin that the server knows, and from another."""
    folder = tmp_path_factory.mktemp("browser")
    address = f"127.0.0.1:{harness.free_port()}"
    with Site(f"https://{address}") as site:
        flags = ["--listen", address, "--cors-origin", site.origin]
        flags += ["--tls-cert", certificate[0], "--tls-key", certificate[1]]
        bench = harness.Process("Bench", ["serve", *flags], folder / "bench.log").start()
        harness.wait_until(lambda: bench.check_running() and "listening" in bench.output(), "Bench")
        threading.Thread(target=site.serve_forever, daemon=True).start()
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command += ["--ignore-certificate-errors", f"--user-data-dir={folder / 'profile'}", site.origin + "/"]
        with (folder / "chromium.log").open("wb") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield dict(site.results.get(timeout=PAGE_MAX) for _ in range(2))
        except queue.Empty:
            pytest.fail((folder / "chromium.log").read_text(errors="replace")[-4000:])
        finally:
            browser.terminate()
            browser.wait(harness.STOP_MAX)
            site.shutdown()
        assert bench.stop() == 0


@pytest.fixture
def page(results):
    return results["/results"]


def test_connect_from_a_page(page):
    assert page["connect"] == {"status": 200, "body": {"text": "hé"}, "echo": "a page"}
    error = {"code": "not_found", "message": "none ☎"}
    assert page["connectError"] == {"status": 404, "body": error}
    assert page["connectGet"] == {"status": 200, "body": {"text": "got"}}
    assert page["large"] == {"status": 200, "same": True}


def test_grpc_web_from_a_page(page):
    messages = [[0, "\n\x01x"], [0, "\n\x01x\x18\x01"], [0, "\n\x01x\x18\x02"]]
    assert page["grpcWeb"] == {"status": 200, "frames": [*messages, [128, "grpc-status: 0\r\n"]]}
    (flags, trailers), = page["grpcWebError"]["frames"]
    assert flags == 128 and trailers.startswith("grpc-status: 12\r\n")


def test_pages_of_other_origins_see_nothing(results):
    assert {name: sorted(result) for name, result in results["/results?other"].items()} == {
        name: ["error"] for name in results["/results"]
    }
