"""Peers that take nothing: what waits for them is bounded, and others are served."""

import pytest
import windows


@pytest.mark.parametrize("attack", windows.ALL, ids=lambda attack: attack.__name__)
def test_stalled_peer_is_harmless(server, unharmed, attack):
    with unharmed(growth_max=120 << 20):
        outcome = attack(server.address, seconds=1)
    # A connection holds 64 MiB either way; calls beyond that fail and leave their stream.
    if attack in (windows.large_answers_unread, windows.requests_unfinished):
        assert outcome.is_cut or len(outcome.statuses) >= 20, outcome
