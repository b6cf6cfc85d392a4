"""Whom a demo kills of its own processes."""

import pytest

from apps.prankcall.harm import ACTORS, victims


def test_so_many_are_drawn_from_the_seed_and_over_the_seeds_all_of_them() -> None:
    drawn = [victims("3", seed) for seed in range(20)]

    assert {len(whom) for whom in drawn} == {3}
    assert {victim for whom in drawn for victim in whom} == set(ACTORS)
    assert len({tuple(whom) for whom in drawn}) > 1
    assert drawn == [victims("3", seed) for seed in range(20)]


def test_those_that_are_named_are_killed_in_that_order() -> None:
    assert victims("host,router,host", 1) == ["host", "router", "host"]
    assert victims("none", 1) == victims("0", 1) == []


@pytest.mark.parametrize("wish", ["everything", "router,", "-1", "1.5", "router host"])
def test_what_is_neither_a_number_nor_a_name_is_refused(wish: str) -> None:
    with pytest.raises(ValueError, match="a number, or names out of router, host, gateways, supervisor"):
        victims(wish, 1)
