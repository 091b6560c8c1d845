"""Header blocks: bombs end the connection, mistakes their stream."""

import headers
import pytest
import wire


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (headers.continuation_flood, "too_many_continuations"),
        (headers.table_references, "header_blocks_too_large"),
        (headers.many_fields, "header_blocks_too_large"),
        (headers.cookie_crumbs, "header_blocks_too_large"),
        (headers.large_blocks, "too_many_large_header_blocks"),
        (headers.names_of_nothing, "too_many_stream_errors"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bomb_is_cut_off(server, unharmed, attack, reason):
    with unharmed():
        outcome = attack(server.address)
        assert outcome.is_cut, outcome
        assert outcome.code in (None, wire.ENHANCE_YOUR_CALM) and outcome.reason in ("", reason), outcome


def test_churn_of_the_table_is_harmless(server, unharmed):
    with unharmed():
        headers.table_size_churn(server.address)


@pytest.mark.parametrize("name", headers.MALFORMED)
def test_malformed_request_ends_its_stream_only(server, name):
    with wire.Attacker(server.address) as client:
        flags = wire.END_HEADERS | wire.END_STREAM
        client.send(wire.frame(wire.HEADERS, flags, 1, headers.MALFORMED[name]))
        assert client.read_until(lambda: 1 in client.ended), client.outcome()
        client.send(wire.frame(wire.PING, payload=bytes(8)))
        assert client.read_until(lambda: client.pongs == 1), client.outcome()


def test_all_malformed_requests_on_one_connection(server, unharmed):
    with unharmed():
        outcome = headers.malformed(server.address)
        assert not outcome.is_cut and len(outcome.statuses) == len(headers.MALFORMED), outcome


@pytest.mark.parametrize("limit", [0, 1, 100, 200])
def test_client_that_takes_no_headers_is_answered(server, unharmed, limit):
    with unharmed():
        outcome = headers.few_headers_taken(server.address, limit)
        assert not outcome.is_cut and len(outcome.statuses) == 100, outcome
