"""Floods of frames: the flooder is cut off with the reason in words, and others are served."""

import floods
import pytest
import resets
import wire


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (floods.ping, "too_many_pings"),
        (floods.settings, "too_many_settings"),
        (floods.settings_window_churn, "too_many_settings"),
        (floods.priority, "too_many_priority_frames"),
        (floods.window_update, "too_many_window_updates"),
        (floods.empty_data, "too_many_empty_frames"),
        (floods.padded_data, "too_many_empty_frames"),
        (floods.empty_continuations, "too_many_continuations"),
        (floods.unknown_frames, "too_many_unknown_frames"),
        (resets.rapid_reset, "too_many_resets"),
        (resets.reset_running_calls, "too_many_resets"),
        (resets.resets_only, "too_many_resets"),
        (resets.window_overflow, "too_many_stream_errors"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_flood_is_cut_off(server, unharmed, attack, reason):
    with unharmed():
        outcome = attack(server.address)
        assert outcome.is_cut, outcome
        # A reset of the socket may overtake the GOAWAY: a flooder goes on sending.
        assert outcome.code in (None, wire.ENHANCE_YOUR_CALM) and outcome.reason in ("", reason), outcome


@pytest.mark.parametrize(
    "attack",
    [
        floods.ping_unread, floods.settings_acks, resets.wrong_content_length, resets.data_on_ended_streams,
        resets.resets_of_idle_streams,
    ],
    ids=lambda attack: attack.__name__,
)
def test_other_flood_is_cut_off(server, unharmed, attack):
    with unharmed():
        assert attack(server.address).is_cut


def test_overflow_of_every_window_by_one_frame(server, unharmed):
    with unharmed():
        outcome = resets.settings_overflow(server.address)
        assert outcome.is_cut or len(outcome.resets) == 200, outcome


def test_cancelled_calls_of_a_proxy_pass(server, unharmed):
    # 3,000 calls that are given up one after another: what a deadline does behind a proxy.
    with unharmed(), wire.Attacker(server.address) as client:
        for turn in range(3_000):
            block = wire.request_block("Collect")
            stream = 2 * turn + 1
            client.send(wire.frame(wire.HEADERS, wire.END_HEADERS, stream, block))
            client.send(wire.frame(wire.RST_STREAM, 0, stream, resets.CANCEL))
            client.read()
        client.send(wire.frame(wire.PING, payload=bytes(8)))
        assert client.read_until(lambda: client.pongs == 1), client.outcome()
        assert client.code is None
