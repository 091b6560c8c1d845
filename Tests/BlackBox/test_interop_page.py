"""docs/interop.md says what is played: its table is held against the lists of the tests."""

import re

import harness
import interop_cases
import test_interop_client
import test_interop_server


def rows():
    """Of each case who calls our server, and whom our client calls."""
    text = (harness.ROOT / "docs" / "interop.md").read_text()
    table = {}
    for names, callers, servers in re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            table[name] = ({part.strip() for part in callers.split(",")}, {part.strip() for part in servers.split(",")})
    return table


# Tests of the server that are no case of gRPC's.
MORE = {"cacheable_unary_without_a_proxy", "intervals_are_observed"}
SCALING = "max_concurrent_streams_connection_scaling"


def named(column, peer):
    return {name for name, cells in rows().items() if peer in cells[column]}


def test_who_calls_our_server():
    assert named(0, "grpcio") == set(interop_cases.CASES) - MORE | {SCALING}
    assert named(0, "C++") == set(test_interop_server.CPP_CASES)
    tests = {name.removeprefix("test_") for name in dir(test_interop_server)}
    assert named(0, "raw h2") == tests & set(rows()) - {SCALING}


def test_whom_our_client_calls():
    cases = set(test_interop_client.CASES)
    assert named(1, "C++") == cases
    assert named(1, "grpcio") == cases - test_interop_client.NOT_ON_GRPCIO | {SCALING}
    assert named(1, "ours") == cases | {SCALING}
