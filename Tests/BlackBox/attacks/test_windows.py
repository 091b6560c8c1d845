"""Peers that take nothing: what waits for them is bounded, and others are served."""

import pytest
import windows


@pytest.mark.parametrize("attack", windows.ALL, ids=lambda attack: attack.__name__)
def test_stalled_peer_is_harmless(server, unharmed, attack):
    with unharmed(growth_max=160 << 20):
        attack(server.address, seconds=1)
