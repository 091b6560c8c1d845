"""TLS handshakes that stall: each ends with its bound, and others are served meanwhile."""

import pathlib
import sys
import threading

import grpc
import handshakes
import pytest
from attacked import Server

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import test_tls  # noqa: E402

BOUND = 0.5


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return test_tls.Authority(tmp_path_factory.mktemp("authority"))


class TLSServer(Server):
    def start(self):
        # Whether it serves is asked over TLS, below.
        super(Server, self).start()
        return self


@pytest.fixture(scope="module")
def server(tmp_path_factory, authority):
    pair = authority.issue("server", test_tls.LOCAL)
    arguments = ["--loops", "1", *map(str, test_tls.tls_flags(pair))]
    arguments += ["--setting", "tls-handshake-timeout=500ms"]
    process = TLSServer(tmp_path_factory.mktemp("handshakes") / "bench.log", arguments).start()
    with grpc.secure_channel(process.address, test_tls.credentials(authority)) as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
    yield process
    assert process.stop() == 0


@pytest.mark.parametrize("part", [0, 40, None], ids=["nothing", "half a hello", "a whole hello"])
def test_stalled_handshakes_end_and_others_are_served(server, authority, part):
    lasted = []
    attack = threading.Thread(target=lambda: lasted.extend(handshakes.stall(server.address, part=part)))
    descriptors = server.descriptors
    attack.start()
    served = 0
    while attack.is_alive():
        # Each call makes a connection and a handshake of its own.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(server.address, test_tls.credentials(authority), options) as channel:
            assert channel.unary_unary(test_tls.ECHO)(b"\x0a\x01x", timeout=5) == b"\x0a\x01x"
        served += 1
    attack.join()
    assert len(lasted) == 200 and served > 0
    assert min(lasted) >= BOUND * 0.9, min(lasted)
    # The connections were opened one after another, and closed as one after another.
    assert max(lasted) < BOUND + 3, max(lasted)
    test_tls.harness.wait_until(lambda: server.descriptors <= descriptors, "closed descriptors", 10)
    server.check_running()
