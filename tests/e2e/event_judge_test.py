"""The judge of the event tests finds every kind of wrong frame, and nothing where all is right."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from follower import Follower, Socket, problems  # noqa: E402
from frame_cutter import frame_length  # noqa: E402
from ws_client import Client  # noqa: E402


def hello(generation, next_seq=1, resumed=True):
    return {"type": "hello", "generation": generation, "next_seq": next_seq, "resumed": resumed}


def event(sequence, place=None):
    return {"type": "event", "seq": sequence, "event": "note", "data": {"n": place or sequence}}


def ready(replayed):
    return {"type": "ready", "replayed": replayed}


def right():
    """What two sockets of one client brought: 1 to 3, and, behind 2, 3 again to 5."""
    return [[hello(7, resumed=False), event(1), ready(1), event(2), event(3)],
            [hello(9, next_seq=3), event(3), event(4), ready(2), event(5)]]


def judge(sockets, total=5):
    """`accepted` and `last` of the second socket are those of `right`."""
    follower = Follower([], lambda: 0)
    for frames, accepted, last in zip(sockets, (1, 4), (None, 2)):
        socket = Socket(Client(), accepted, last)
        follower.sockets.append(socket)
        socket.frames.extend(frames)
        try:
            follower.take_all(frames)
        except AssertionError as gap:
            return [*problems(follower, total), str(gap)]
    return problems(follower, total)


class Judge(unittest.TestCase):
    def test_what_is_right(self):
        self.assertEqual(judge(right()), [])

    def spoiled(self, says, spoil):
        sockets = right()
        spoil(*sockets)
        self.assertRegex(" ".join(judge(sockets)), says)

    def test_what_is_wrong_on_a_socket(self):
        for says, spoil in (
                ("hello is not the first", lambda one, two: two.insert(0, two.pop(1))),
                ("hello is not the first", lambda one, two: two.append(hello(9, 6))),
                ("3 instead of 2", lambda one, two: one.__setitem__(3, event(3))),
                ("2 instead of 3", lambda one, two: one.__setitem__(4, event(2))),
                ("next_seq 4 behind last_seq 2", lambda one, two: two[0].update(next_seq=4)),
                ("position was not taken", lambda one, two: two[0].update(resumed=False)),
                ("unexpected", lambda one, two: two.append({"type": "lost", "next_seq": 3})),
                ("unexpected", lambda one, two: two.append({"type": "expired", "seq": 6})),
                ("ready came twice", lambda one, two: two.append(ready(2))),
                ("ready says 3 replayed", lambda one, two: two[3].update(replayed=3)),
                ("though 4 were accepted", lambda one, two: two.insert(2, two.pop(3))),
                ("never was ready", lambda one, two: two.pop(3))):
            with self.subTest(says):
                self.spoiled(says, spoil)

    def test_what_is_wrong_over_all(self):
        self.spoiled("generations do not rise", lambda one, two: two[0].update(generation=7))
        self.spoiled("4 of 5 seen", lambda one, two: two.pop())
        self.spoiled("6 of 5 seen", lambda one, two: two.append(event(6)))
        self.spoiled("other events", lambda one, two: two[4].update(data={"n": 4}))

    def test_a_gap_is_found_when_it_comes(self):
        self.spoiled("5 came behind 3", lambda one, two: two.insert(2, event(5)))


class Frames(unittest.TestCase):
    def test_the_length_of_a_frame(self):
        self.assertIsNone(frame_length(b"\x81"))
        self.assertEqual(frame_length(b"\x81\x05hello"), 7)
        self.assertIsNone(frame_length(b"\x81\x7e\x01"))
        self.assertEqual(frame_length(b"\x81\x7e\x01\x00"), 260)
        self.assertEqual(frame_length(b"\x81\x7f" + (70_000).to_bytes(8, "big")), 70_010)


if __name__ == "__main__":
    unittest.main(verbosity=2)
