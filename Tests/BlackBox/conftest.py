"""Fixtures of the black-box tests: our programs running, and clients that others wrote."""

import signal

import grpc
import pytest

import contract
import harness


def pytest_configure(config):
    """A shell that runs this in the background has SIGINT ignored, and every program would inherit
    that; the tests interrupt some."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of what each program wrote."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for process in harness.running:
            text = process.output()[-harness.LOG_SHOWN_MAX :]
            report.sections.append((f"output of {process.name} {process.arguments}", text))


@pytest.fixture(scope="session", autouse=True)
def stop_everything():
    """Nothing that a test started outlives the tests, and no log holds what it must not."""
    yield
    for process in list(harness.running):
        process.kill()
    leaks = harness.leaks()
    assert not leaks, "\n".join(leaks[:50])


@pytest.fixture(scope="session")
def stubs():
    """grpcio's code for our contract; see `contract.stubs`."""
    return contract.stubs()


@pytest.fixture
def sim(tmp_path):
    """A carrier-sim of its own, with nothing in it."""
    process = harness.CarrierSim(tmp_path).start()
    yield process
    process.stop()


@pytest.fixture
def server(tmp_path, sim):
    """A trunklined with both roles and an empty data folder, whose carrier is `sim`."""
    process = harness.Trunklined(tmp_path / "server", sim).start()
    yield process
    process.stop()


@pytest.fixture
def start_server(tmp_path, sim):
    """Starts further servers: start_server("name", roles="dispatch", registry=...)."""
    started = []

    def start(name, wait=True, **options):
        process = harness.Trunklined(tmp_path / name, sim, **options)
        started.append(process)
        return process.start(wait=wait)

    yield start
    for process in reversed(started):
        process.stop()


@pytest.fixture
def channel(server):
    """A grpcio channel to `server`."""
    with server.channel() as opened:
        grpc.channel_ready_future(opened).result(timeout=harness.START_MAX)
        yield opened
