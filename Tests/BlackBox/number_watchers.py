"""Clients that watch numbers, are cut off now and then, and go on elsewhere; and what each must have seen.

The contract: first what is there, then each change once and in order; one that the snapshot holds already comes
again and is known by its version. Who goes on with the token of the last step that it took gets no step twice.
"""

import dataclasses
import random
import threading

from harness import wait_until
from world import ANSWER_MAX

# A stream is cut after at most so many steps.
STEPS_MAX = 10
KINDS = ("created", "updated", "deleted")


@dataclasses.dataclass(frozen=True)
class NumberChange:
    id: str
    version: int
    change: str


class NumberWatcher(threading.Thread):
    """Watches at one of the registries until it has taken a random count of steps, then at any of them with the
    token of its last step, again and again, also within the snapshot."""

    def __init__(self, worlds, seed, is_cut=True):
        super().__init__(daemon=True)
        self.worlds, self.random, self.is_cut = worlds, random.Random(seed), is_cut
        self.token, self.call = "", None
        # The snapshot, id -> version, and the changes in the order in which they came.
        self.snapshot, self.changes = {}, []
        self.is_level, self.is_over, self.failure = False, False, None
        # How often it went on at another registry than before, and within its snapshot.
        self.moves, self.cut_snapshots = 0, 0
        self.start()

    def run(self):
        world = None
        while not self.is_over:
            before, world = world, self.random.choice(self.worlds)
            if self.token:
                self.moves += before is not world
                self.cut_snapshots += not self.is_level
            try:
                self.watch(world, self.random.randint(1, STEPS_MAX) if self.is_cut else None)
            except Exception as error:  # noqa: BLE001: shown by the test
                if not self.is_over:
                    self.failure = error
                return

    def watch(self, world, steps_max):
        request = world.v1.WatchPhoneNumbersRequest(resume_token=self.token)
        self.call = world.numbers.WatchPhoneNumbers(request)
        if self.is_over:
            self.call.cancel()
        for count, step in enumerate(self.call, 1):
            self.take(step)
            if count == steps_max:
                # What is on its way is lost, and must come again.
                self.call.cancel()
                return
        raise AssertionError("the stream ended by itself")

    def take(self, step):
        number = step.phone_number
        if step.kind == step.KIND_SNAPSHOT:
            assert not self.is_level, "a snapshot after its end"
            assert number.id not in self.snapshot, f"{number.id} is in the snapshot twice"
            self.snapshot[number.id] = step.version
        elif step.kind == step.KIND_SNAPSHOT_END:
            assert not self.is_level, "the snapshot ended twice"
            self.is_level = True
        elif step.kind != step.KIND_HEARTBEAT:
            assert self.is_level, "a change within the snapshot"
            change = KINDS[(step.KIND_CREATED, step.KIND_UPDATED, step.KIND_DELETED).index(step.kind)]
            self.changes.append(NumberChange(number.id, step.version, change))
        assert step.resume_token
        self.token = step.resume_token

    def wait_for(self, change):
        """Until it was told of this change."""
        wait_until(
            lambda: self.failure or (self.changes and self.changes[-1] == change), "the last change", ANSWER_MAX)
        assert self.failure is None, self.failure

    def stop(self):
        self.is_over = True
        if self.call:
            self.call.cancel()
        self.join(ANSWER_MAX)


def check_watch(snapshot, changes, history):
    """Holds a snapshot (id -> version) and the changes that came after it against all changes that there were,
    in their order. Gives how many came that the snapshot held already."""
    begin = len(history) - len(changes)
    assert begin >= 0 and changes == history[begin:], "a change is missing, came twice, or in another order"
    there, gone = {}, set()
    for change in history[:begin]:
        if change.change == "deleted":
            del there[change.id]
            gone.add(change.id)
        else:
            there[change.id] = change.version
    last = {change.id: change.version for change in history}
    deleted = {change.id for change in changes if change.change == "deleted"}
    for id, version in there.items():
        # One that is missing went while the snapshot was sent.
        assert snapshot.get(id, 0) >= version or (id not in snapshot and id in deleted), f"{id} is out of date"
    for id, version in snapshot.items():
        assert id not in gone and id in last and version <= last[id], f"{id} in version {version} was not there"
    # What a client has that passes over what it knows by its version.
    known, repeats = dict(snapshot), 0
    for change in changes:
        if change.change == "deleted":
            known.pop(change.id, None)
            continue
        if change.version <= known.get(change.id, 0):
            repeats += 1
            continue
        # The one before it is known, unless this number went before the snapshot came to it.
        is_next = change.version == known.get(change.id, 0) + 1
        assert is_next or (change.id not in snapshot and change.id in deleted), f"{change} has a gap before it"
        known[change.id] = change.version
    present = {}
    for change in history:
        present[change.id] = change.version
        if change.change == "deleted":
            del present[change.id]
    assert known == present, "it ended with another state"
    return repeats
