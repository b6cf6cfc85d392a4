"""Whatever players, friends and calls are called, nobody else's game stands still."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from actors import Event
from apps.prankcall.cli import main
from apps.prankcall.events import AttemptedPurchase, ConsentGiven, ConsentWithdrawn, RequestedCall, RequestedHangup

NAMED: dict[str, Callable[[str], Event]] = {
    "a player who buys": lambda name: AttemptedPurchase(player_id=name, credits=10, order="o-1"),
    "an order": lambda name: AttemptedPurchase(player_id="ada", credits=10, order=name),
    "a friend who agrees": lambda name: ConsentGiven(friend=name, player_id="ada"),
    "a player who is agreed to": lambda name: ConsentGiven(friend="grace", player_id=name),
    "a friend who does not agree": lambda name: ConsentWithdrawn(friend=name, player_id="ada"),
    "a player who calls": lambda name: RequestedCall(call_id="c", player_id=name, friend="grace", prank="fish"),
    "a friend who is called": lambda name: RequestedCall(call_id="c", player_id="ada", friend=name, prank="fish"),
    "a call": lambda name: RequestedCall(call_id=name, player_id="ada", friend="grace", prank="fish"),
    "a call that is hung up": lambda name: RequestedHangup(call_id=name),
}


@pytest.mark.parametrize("who", NAMED)
@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J"])
def test_what_no_instance_can_be_called_is_no_name(who: str, name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        NAMED[who](name)

    assert NAMED[who]("[/b] Łukasz & co.")


@pytest.mark.parametrize("credits", [0, -10])
def test_nobody_buys_less_than_a_credit(credits: int) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        AttemptedPurchase(player_id="ada", credits=credits, order="o-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("buy", "--credits", "10", "--player", ""),
        ("buy", "--credits", "10", "--player", "ada", "--order", "\n"),
        ("call", "--player", "ada", "--friend", ""),
        ("call", "--player", "ada", "--friend", "grace", "--call-id", "a\tb"),
        ("hangup", ""),
    ],
)
def test_on_the_command_line_it_is_refused_by_the_name_of_its_option(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    option = arguments[-2] if arguments[-2].startswith("-") else "CALL"
    assert f"argument {option}: " in capsys.readouterr().err
