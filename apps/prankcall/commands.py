"""What a person can do from a terminal, with a game that runs."""

import json
import secrets
from typing import Any, TypeVar

from rich.console import Console

from actors import Event, TrunklineError
from apps.prankcall.app import app
from apps.prankcall.call import Call
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    ConsentGiven,
    ConsentWithdrawn,
    DeclinedPurchase,
    PlacedCall,
    ReceiptSent,
    RefusedCall,
    RefusedPurchase,
    RequestedCall,
    RequestedHangup,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.rules import CALL_LIMIT
from apps.prankcall.wallet import Wallet
from runtime import KeyReused, NotRunning, RequestTimeout, Runtime
from runtime.commands.output import Output, Row, moment

R = TypeVar("R", bound=Event)


class Terminal:
    """Commands on a running game: what they print is for people, lines with tabs for a pipe, or JSON for a program."""

    def __init__(self, console: Console, address: str | None, as_json: bool) -> None:
        self._console = console
        self._address = address
        self._json = as_json
        self._out = Output(False, console)

    def buy(self, player: str, credits: int, order: str | None) -> int:
        """1 if declined or refused. An order that was made before is not made again: what became of it is said."""
        order = order or f"order-{secrets.token_hex(4)}"
        wish = AttemptedPurchase(player_id=player, credits=credits, order=order)
        other = f"{order} was another order: of another player, or of another amount"
        replies = (CompletedPurchase, DeclinedPurchase, RefusedPurchase)
        outcome = self._ask(wish, *replies, option="--order", name=order, other=other)
        if isinstance(outcome, CompletedPurchase):
            self._say(outcome, f"{player} has bought {credits} credits ({outcome.reference}, order {order})")
            return 0
        if isinstance(outcome, RefusedPurchase):
            self._say(outcome, f"{order} is refused: {outcome.reason}")
        else:
            self._say(outcome, f"{player}'s payment of {credits} credits was declined (order {order})")
        return 1

    def consent(self, friend: str, player: str, *, withdraw: bool) -> int:
        kind = ConsentWithdrawn if withdraw else ConsentGiven
        event = kind(friend=friend, player_id=player)
        with self._attached() as rt:
            rt.publish(event)
            rt.drain()
        agrees = "does not agree any longer" if withdraw else "agrees"
        self._say(event, f"{friend} {agrees} to be called by {player}")
        return 0

    def call(self, player: str, friend: str, prank: str, call_id: str | None) -> int:
        """1 if the call is refused. One that was asked for before is not made again: what became of it is said."""
        call_id = call_id or f"call-{secrets.token_hex(4)}"
        wish = RequestedCall(call_id=call_id, player_id=player, friend=friend, prank=prank)
        other = f"{call_id} is another call: of another player, to another friend, or with another prank"
        outcome = self._ask(wish, PlacedCall, RefusedCall, option="--call-id", name=call_id, other=other)
        if isinstance(outcome, RefusedCall):
            self._say(outcome, f"{call_id} is refused: {outcome.reason}")
            return 1
        self._say(outcome, f"{call_id} is placed; it ends after {CALL_LIMIT // 60} minutes at the latest")
        return 0

    def hang_up(self, call_id: str) -> int:
        event = RequestedHangup(call_id=call_id)
        with self._attached() as rt:
            call = rt.get(Call, call_id)
            if call is None:
                raise TrunklineError(f"there is no call {call_id}", hint="prankcall call says the name of each call.")
            rt.publish(event)
            rt.drain()
        self._say(event, f"{call_id} is over already" if call.over else f"{call_id} is being hung up")
        return 0

    def board(self) -> int:
        with self._attached() as rt:
            ranking = (rt.get(Leaderboard) or Leaderboard()).ranking()
        if self._json:
            self._print([{"player": player, "points": points} for player, points in ranking])
            return 0
        places = [Row((str(n), player, str(points)), {}) for n, (player, points) in enumerate(ranking, 1)]
        empty = "nobody has points yet: a call brings them when it has ended"
        self._out.table(("", "player", "points"), places, empty=empty)
        return 0

    def receipts(self, player: str) -> int:
        with self._attached() as rt:
            wallet = rt.get(Wallet, player) or Wallet()
            sent = [r for r in rt.tail(ReceiptSent) if getattr(r.event, "player_id", "") == player]
        events: list[Any] = [recorded.event for recorded in sent]
        if self._json:
            self._print(
                {"player": player, "credits": wallet.credits, "receipts": [e.model_dump(mode="json") for e in events]}
            )
            return 0
        rows = [Row((moment(r.time), e.what, e.about), {}) for r, e in zip(sent, events, strict=True)]
        self._out.table(("when", "what", "about"), rows, empty=f"nothing was written to {player} yet")
        if self._out.for_person:
            # Lines for a program are all of one kind: it finds the credits in the JSON.
            aside = sum(wallet.reserved.values())
            self._console.print(f"{player} holds {wallet.credits} credits; {aside} are set aside")
        return 0

    def _ask(self, wish: Event, *replies: type[R], option: str, name: str, other: str) -> R:
        """Ask for what is done once under its name, which this option gives; `other` says that it has another's."""
        with self._attached() as rt:
            try:
                return rt.request(wish, *replies, idempotency_key=name)
            except KeyReused as error:
                raise TrunklineError(
                    other, hint=f"{option} is for a name of its own; without it one is made."
                ) from error
            except RequestTimeout as error:
                raise TrunklineError(
                    f"nothing has come of {name} yet",
                    hint=f"ask again with {option} {name}: it is done once, and you are told what came of it.",
                ) from error

    def _attached(self) -> Runtime:
        try:
            return Runtime.attach(app, address=self._address)
        except NotRunning as error:
            raise NotRunning(
                "no game runs here" if self._address is None else f"no game runs on the Ray cluster at {self._address}",
                hint="`prankcall serve` opens one, in a terminal of its own; --address says where one runs.",
            ) from error

    def _say(self, event: Event, text: str) -> None:
        if self._json:
            self._print(event.model_dump(mode="json"))
        else:
            self._console.print(text)

    def _print(self, value: object) -> None:
        print(json.dumps(value))
