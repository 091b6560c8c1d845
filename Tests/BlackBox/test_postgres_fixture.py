"""The tests' own PostgreSQL: standby, cut network and full disk do what the tests of the store rely on."""

import socket
import subprocess

import pytest

import harness
import postgres


def test_a_synchronous_standby_has_every_acknowledged_write(tmp_path):
    with postgres.Server(tmp_path / "primary") as primary:
        standby = primary.make_standby(tmp_path / "standby")
        try:
            primary.sql("CREATE TABLE t (n int8 PRIMARY KEY)")
            for number in range(20):
                primary.sql(f"INSERT INTO t VALUES ({number})")
            with pytest.raises(RuntimeError, match="read-only"):
                standby.sql("INSERT INTO t VALUES (100)")
            primary.kill()
            standby.promote()
            assert standby.sql("SELECT count(*) FROM t") == "20"
            standby.sql("INSERT INTO t VALUES (100)")
        finally:
            standby.remove()
    assert not any("postgres" in str(process.name) for process in harness.running)


def test_a_cut_network_holds_everything_and_a_healed_one_lets_it_through(tmp_path):
    with postgres.Server(tmp_path / "primary", ["fsync = off"]) as primary:
        with postgres.Proxy(primary.port) as network:
            psql = [primary.bin / "psql", "-X", "-A", "-t", "-d", primary.url(port=network.port)]
            assert subprocess.run([*psql, "-c", "SELECT 1"], check=True, stdout=subprocess.PIPE).stdout == b"1\n"
            network.cut()
            held = subprocess.Popen([*psql, "-c", "SELECT 2"], stdout=subprocess.PIPE)
            # The kernel takes the connection; nobody answers on it.
            with pytest.raises(subprocess.TimeoutExpired):
                held.communicate(timeout=0.5)
            network.heal()
            assert held.communicate(timeout=harness.START_MAX)[0] == b"2\n"
            count = network.connection_count
            with socket.create_connection(("127.0.0.1", network.port)) as idle:
                harness.wait_until(lambda: network.connection_count > count, "the proxy took the connection")
                network.drop()
                with pytest.raises(ConnectionResetError):
                    idle.recv(1)


def test_a_full_disk_is_a_clear_error_and_a_freed_one_serves(tmp_path):
    if not postgres.can_make_disks(tmp_path):
        pytest.skip("small disks can't be mounted here")
    with postgres.Server(tmp_path / "primary", ["fsync = off"], disk_megabytes=96) as primary:
        primary.sql("CREATE TABLE t (n int8, b text)")
        primary.fill_disk()
        with pytest.raises(RuntimeError, match="(?i)no space left|terminat|not accepting|in recovery|closed"):
            primary.sql("INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 100000) n")
        primary.free_disk()
        if not primary.is_running:
            primary.start()
        harness.wait_until(primary._is_ready, "the server serves again")
        assert primary.sql("SELECT count(*) FROM t") == "0"
