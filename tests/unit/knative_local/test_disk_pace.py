"""Who waits for the disk: the loop while it is quick, a thread when it is not."""

from knative_local.log.disk_pace import ASKED_AGAIN_S, DiskPace


def test_a_disk_of_which_nothing_is_known_is_waited_for_in_the_loop() -> None:
    assert DiskPace().is_quick(0)


def test_a_slow_disk_is_left_to_the_thread_at_once() -> None:
    pace = DiskPace()
    pace.took(0.03, 100.0)
    assert not pace.is_quick(100.0)


def test_a_hiccup_does_not_make_a_quick_disk_slow() -> None:
    pace = DiskPace()
    pace.took(0.0002, 100.0)
    pace.took(0.015, 100.0)
    assert pace.is_quick(100.0)


def test_a_slow_disk_is_tried_once_a_second_and_is_quick_again_when_it_has_recovered() -> None:
    pace, now = DiskPace(), 100.0
    pace.took(0.1, now)
    tries = 0
    while not pace.is_quick(now):
        now += ASKED_AGAIN_S
        assert pace.is_quick(now)
        pace.took(0.0002, now)
        tries += 1
    assert 1 < tries < 20
