"""What a demo shows of Ray actors when the game is over."""

from apps.prankcall.report import AT_REST, holders


def test_of_calls_that_have_a_ray_actor_each_some_are_named_and_all_are_counted() -> None:
    calls = {f"prankcall:Call/call-{n:03}": 100 + n for n in range(200)}
    awake = {f"Call/call-{n:03}": [f"Call/call-{n:03}"] for n in range(150, 200)}

    rows = list(holders(calls, awake))

    assert rows == [
        ("prankcall:Call/call-150", "250", "Call/call-150"),
        ("prankcall:Call/call-151", "251", "Call/call-151"),
        ("prankcall:Call/call-152", "252", "Call/call-152"),
        ("and 197 more", "", f"a Call each; 150 of them {AT_REST}"),
    ]


def test_few_calls_are_all_named_those_at_rest_as_well() -> None:
    rows = list(holders({"prankcall:Call/c-1": 1, "prankcall:Call/c-2": 2}, {"Call/c-2": ["Call/c-2"]}))

    assert rows == [("prankcall:Call/c-2", "2", "Call/c-2"), ("prankcall:Call/c-1", "1", AT_REST)]


def test_what_a_host_holds_is_counted_by_class_with_examples() -> None:
    held = ["Leaderboard/Leaderboard", "Wallet/ada", *(f"Player/p-{n}" for n in range(5))]

    rows = list(holders({"prankcall:host-0": 1, "prankcall:spare": 2}, {"host-0": held}))

    assert rows == [
        ("prankcall:host-0", "1", "Leaderboard\n5 Player: p-0, p-1, p-2, ...\n1 Wallet: ada"),
        ("prankcall:spare", "2", "nothing: a spare"),
    ]
