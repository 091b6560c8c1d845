"""What is kept for how long: calls that are over go after a while, at each start and every hour."""

import subprocess

import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from world import ANSWER_MAX, refusal

# Ids begin with their time in milliseconds, 48 bits: this one is of January 2024.
OLD = "018cc251f400"


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--call-retention=6d", "--call-retention"), ("--audit-retention=23h", "--audit-retention"),
        ("--call-retention=ever", "--call-retention"), ("--audit-retention=0", "--audit-retention"),
    ],
)  # fmt: skip
def test_too_short_a_time_is_refused(tmp_path, flag, complaint):
    result = subprocess.run(
        [harness.program("trunklined"), "serve", f"--data-dir={tmp_path / 'data'}", flag],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 64 and complaint in result.stderr
    assert not (tmp_path / "data").exists()


def copy_of(call, digits, is_live):
    """A statement that writes the call once more, under an id of OLD."""
    return f"""
        INSERT INTO calls (region, id, order_key, tenant, account_sid, number_id, provider_id,
          direction, state, is_live, is_sending, version, change, document)
        SELECT region, 'call_{call.id.split("_")[1]}_{OLD}7000800000000000{digits}',
          '{OLD}7000800000000000{digits}' || region, tenant, account_sid, number_id, provider_id,
          direction, state, {is_live}, 0, version, change, document
        FROM calls WHERE id = '{call.id}'
        """


def test_old_calls_are_forgotten(stubs, sim, start_server, tmp_path):
    with postgres.Server(tmp_path / "pg") as database:
        database.make_database("trunkline")
        url = f"--database={database.url('trunkline')}"
        server = start_server("server", arguments=[url, "--call-retention=none"])
        world = worlds.World(stubs, sim, server)
        number = world.number_of()
        watch = world.v1.WatchCallsRequest(phone_number_id=number.id)
        stream = world.calls.WatchCalls(watch, timeout=ANSWER_MAX)
        watch.resume_token = next(stream).resume_token
        stream.cancel()
        call = world.wait_for_end(world.place(number, world.fresh_far_end())[0].call.id)
        for digits, is_live in (("0001", 0), ("0002", 1)):
            database.sql(copy_of(call, digits, is_live), database="trunkline")

        def rows():
            found = database.sql("SELECT id FROM calls ORDER BY id", database="trunkline")
            return [line.rsplit("_", 1)[1][-4:] for line in found.split()]

        young = call.id[-4:]
        # Nothing is forgotten while it is told to keep all.
        server.stop()
        server.start()
        world.connect()
        assert world.call(call.id).id == call.id
        assert rows() == ["0001", "0002", young]
        server.stop()
        server.arguments.remove("--call-retention=none")
        server.start()
        world.connect()
        wait_until(lambda: rows() == ["0002", young], "the old call is gone")
        # A watcher that had not heard of its end is told to begin anew.
        refused = refusal(world.calls.WatchCalls, watch)
        assert (refused.code.name, refused.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")
        world.close()
        # Before its database.
        server.stop()
