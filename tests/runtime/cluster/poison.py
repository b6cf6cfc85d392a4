"""An app whose handlers don't raise: they end their process, or never return."""

import os
import threading

from actors import Aggregate, App, Event, Gateway, on


class Poured(Event, origin=True):
    name: str
    how: str = "drinks"


class Called(Event, origin=True):
    name: str
    how: str = "answers"


class Answered(Event):
    name: str


def swallow(how: str) -> None:
    if how == "ends its process":
        os._exit(3)
    if how == "never returns":
        threading.Event().wait()


class Cup(Aggregate, key="name"):
    drunk: list[str] = []
    answers: int = 0

    @on
    def drink(self, event: Poured) -> None:
        swallow(event.how)
        self.drunk.append(event.how)

    @on
    def hear(self, event: Answered) -> None:
        self.answers += 1


class Phone(Gateway):
    @on
    async def call(self, event: Called) -> Answered:
        swallow(event.how)
        return Answered(name=event.name)


app = App("poison", Cup, Phone)
