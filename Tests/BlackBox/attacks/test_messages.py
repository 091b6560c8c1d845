"""Messages: too large, torn, bombs. Each ends its call, and the server stays small."""

import messages
import pytest


@pytest.mark.parametrize(
    "attack",
    [
        messages.oversized, messages.half, messages.endless_second, messages.endless_after_broken,
        messages.gzip_bomb, messages.nesting, messages.many_fields, messages.large_json,
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_message_ends_its_call(server, unharmed, attack):
    with unharmed():
        outcome = attack(server.address)
        assert outcome.is_cut or outcome.statuses == [1], outcome


@pytest.mark.parametrize(
    "attack", [messages.gzip_bombs, messages.web_gzip_bombs], ids=lambda attack: attack.__name__)
def test_many_bombs_at_once(server, unharmed, attack):
    with unharmed():
        assert len(attack(server.address).statuses) == 50


def test_tiny_messages_to_a_call_that_waits(server, unharmed):
    with unharmed():
        outcome = messages.tiny_messages(server.address)
        assert not outcome.is_cut and not outcome.resets, outcome
