"""An app with a field that is stored under lock, which its owner's key opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from actors import After, Aggregate, App, Event, Gateway, on


@dataclass(frozen=True)
class Locked:
    """A codec that anybody can see through: the text reversed, behind the key that another field names."""

    by: str

    def seal(self, value: Any, record: Mapping[str, Any]) -> Any:
        return {"lock": record.get(self.by), "text": value[::-1]}

    def open(self, value: Any, record: Mapping[str, Any]) -> Any:
        assert value["lock"] == record.get(self.by)
        return value["text"][::-1]


Phone = Annotated[str, Locked(by="player_id")]


class Registered(Event, origin=True):
    player_id: str
    phone: Phone


class Verified(Event):
    player_id: str
    phone: Phone
    phones: int


class Reminded(Event):
    player_id: str
    phone: Phone


class Texted(Event):
    player_id: str
    phone: Phone


class Player(Aggregate, key="player_id"):
    player_id: str = ""
    phone: Phone = ""
    count: int = 0

    @on
    def register(self, event: Registered) -> Verified:
        self.player_id, self.phone, self.count = self.id, event.phone, self.count + 1
        return Verified(player_id=self.id, phone=self.phone, phones=self.count)

    @on
    def remind(self, event: Verified) -> After[Reminded]:
        assert event.phone == self.phone
        return After(Reminded(player_id=self.id, phone=event.phone), seconds=1)


class Texts(Gateway):
    @on
    async def text(self, event: Reminded) -> Texted:
        return Texted(player_id=event.player_id, phone=event.phone)


app = App("game", Player, Texts)
