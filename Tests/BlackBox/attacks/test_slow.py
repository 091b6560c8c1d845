"""Peers that say or take next to nothing, against short bounds: each is cut off when its bound is over."""

import pytest
import slow
import windows
from attacked import Server

SETTINGS = {
    "preface-timeout": "300ms", "settings-ack-timeout": "300ms", "header-block-timeout": "300ms",
    "request-stall-timeout": "300ms", "response-stall-timeout": "300ms", "write-stall-timeout": "300ms",
    "close-linger": "100ms",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    arguments = ["--loops", "1"]
    for name, value in SETTINGS.items():
        arguments += ["--setting", f"{name}={value}"]
    process = Server(tmp_path_factory.mktemp("slow") / "bench.log", arguments).start()
    yield process
    assert process.stop() == 0


@pytest.mark.parametrize("attack", [slow.silent, slow.preface, slow.headers], ids=lambda attack: attack.__name__)
def test_slow_peer_is_cut_off(server, unharmed, attack):
    with unharmed():
        outcome = attack(server.address, seconds=5)
        assert outcome.is_cut and outcome.seconds < 3, outcome


@pytest.mark.parametrize("method", ["Echo", "Converse"])
def test_message_that_creeps_is_ended(server, unharmed, method):
    with unharmed():
        outcome = slow.creep(server.address, method=method)
        assert outcome.statuses == [1] and not outcome.is_cut, outcome
        assert outcome.seconds < 3, outcome


def test_peer_that_reads_nothing_is_cut_off(server, unharmed):
    with unharmed():
        outcome = windows.unread_answers(server.address, seconds=1.5)
        # It has not looked at its socket: what it sends next meets the end.
        assert outcome.sent == 200


@pytest.mark.parametrize("attack", [windows.no_window, windows.window_never_updated], ids=lambda a: a.__name__)
def test_calls_that_take_nothing_end(server, unharmed, attack):
    with unharmed():
        outcome = attack(server.address, seconds=2)
        assert outcome.is_cut or len(outcome.statuses) == 200, outcome
