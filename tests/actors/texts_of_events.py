"""What is said of events that go astray: who owns them, who listens, by which hints and keys, and when."""

from typing import Any

from actors import After, Aggregate, At, Cancel, Gateway, on
from tests.actors.wired import Answered, Ask, Asked, Noted, at


def two_owners() -> tuple[list[Any], str]:
    class Rival(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

    return (
        [Ask, Rival],
        f"""\
TwoOwners: Answered has two owners, Ask.ask and Rival.reply
{at(Ask.ask, Rival.reply)}
  fix: let one of them emit it and the other listen to it.""",
    )


def bad_parameter() -> tuple[list[Any], str]:
    class Greedy(Aggregate, key="key"):
        @on  # type: ignore[arg-type]
        def hear(self, event: Asked, rate: float, *, limit: int) -> None: ...

    return (
        [Greedy],
        f"""\
BadParameter: Greedy.hear wants rate, limit, and is called with an event alone
{at(Greedy.hear)}
  fix: take it from the event or from self, or give it a default.""",
    )


def emits_origin() -> tuple[list[Any], str]:
    class Forger(Aggregate, key="key"):
        @on(max_hops=1)
        def forge(self, event: Answered) -> Asked: ...  # type: ignore[empty-body]

    return (
        [Ask, Forger],
        f"""\
EmitsOrigin: Forger.forge emits Asked, which comes from outside (origin=True)
{at(Forger.forge, Asked)}
  fix: emit an event of its own, or take origin=True away.""",
    )


def unowned() -> tuple[list[Any], str]:
    class Canceller(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> Cancel[Answered]: ...  # type: ignore[empty-body]

    return (
        [Ask, Canceller],
        f"""\
Unowned: Canceller.hear cancels Answered, for which Canceller sets no timer
{at(Canceller.hear, Answered)}
  fix: a timer belongs to the class that sets it: return After(Answered(...)) from a handler of Canceller, or let its \
owner cancel it.""",
    )


def listener_of_nothing() -> tuple[list[Any], str]:
    class Deaf(Aggregate, key="key"):
        @on
        def hear(self, event: Noted) -> None: ...

    return (
        [Deaf],
        f"""\
ListenerOfNothing: Deaf.hear listens to Noted, which nobody emits
{at(Deaf.hear, Noted)}
  fix: let a handler emit Noted, or publish it from outside: class Noted(Event, origin=True).""",
    )


def two_handlers() -> tuple[list[Any], str]:
    class Twice(Aggregate, key="key"):
        @on
        def one(self, event: Asked) -> None: ...

        @on
        def other(self, event: Asked) -> None: ...

    return (
        [Twice],
        f"""\
TwoHandlers: Twice.one and Twice.other both listen to Asked
{at(Twice.one, Twice.other)}
  fix: make them one handler, or let one listen to a more specific event.""",
    )


def stated_time() -> tuple[list[Any], str]:
    class Dating(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> At[Noted]: ...  # type: ignore[empty-body]

    return (
        [Dating],
        f"""\
StatedTime: Dating.hear returns At[...]: only a gateway states times
{at(Dating.hear)}
  fix: what an aggregate emits happens at self.now; return the event itself.""",
    )


def gateway_timer() -> tuple[list[Any], str]:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> After[Noted]: ...  # type: ignore[empty-body]

    return (
        [Payments],
        f"""\
GatewayTimer: Payments.charge sets a timer: only an aggregate's instance can own one
{at(Payments.charge)}
  fix: emit an event, and let an aggregate return After(...).""",
    )


def sync_gateway() -> tuple[list[Any], str]:
    class Payments(Gateway):
        @on
        def charge(self, event: Asked) -> None: ...

    return (
        [Payments],
        f"""\
SyncGateway: Payments.charge is not async
{at(Payments.charge)}
  fix: a gateway's handler is `async def`.""",
    )


def async_aggregate() -> tuple[list[Any], str]:
    class Waiting(Aggregate, key="key"):
        @on
        async def hear(self, event: Asked) -> None: ...

    return (
        [Waiting],
        f"""\
AsyncAggregate: Waiting.hear is async, and an aggregate's handler never waits
{at(Waiting.hear)}
  fix: move what waits into a Gateway, and emit an event for it.""",
    )


def bad_hint() -> tuple[list[Any], str]:
    class Silent(Aggregate, key="key"):
        @on
        def hear(self, event: Asked): ...  # type: ignore[no-untyped-def]

    return (
        [Silent],
        f"""\
BadHint: Silent.hear: it has no return hint: say what it emits, or None
{at(Silent.hear)}
  fix: def handler(self, event: SomeEvent) -> OtherEvent | None: ...; one that yields several has """
        """-> Iterator[OtherEvent | AnotherEvent].""",
    )


def unroutable_key_nobody_names() -> tuple[list[Any], str]:
    class Lost(Aggregate):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear listens to Asked, and nothing says to which Lost it goes
{at(Lost.hear, Asked)}
  fix: class Lost(Aggregate, key='...'), or singleton=True, or @on(key=...).""",
    )


def unroutable_key_that_is_not_there() -> tuple[list[Any], str]:
    class Lost(Aggregate, key="kee"):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear listens to Asked, which has no field 'kee' to route by
{at(Lost.hear, Asked)}
  fix: @on(key=...) names another field of Asked; or give the event the field; or declare class Asked(Event, \
broadcast=True).""",
    )


def unroutable_key_of_another_type() -> tuple[list[Any], str]:
    class Lost(Aggregate, key="weight"):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear routes Asked by 'weight', which is a float
{at(Lost.hear, Asked)}
  fix: a key is a str, an int or a UUID; @on(key=function) makes one of anything.""",
    )


def undeclared_cycle() -> tuple[list[Any], str]:
    class Echo(Aggregate, key="key"):
        @on
        def hear(self, event: Answered) -> Noted: ...  # type: ignore[empty-body]

    class Again(Aggregate, key="key"):
        @on
        def start(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

        @on
        def hear(self, event: Noted) -> Answered: ...  # type: ignore[empty-body]

    return (
        [Echo, Again],
        f"""\
UndeclaredCycle: events lead back to themselves: Noted → Again.hear → Answered → Echo.hear → Noted
{at(Again.hear, Echo.hear)}
  fix: break it with a timer (After), or declare its bound on one of the handlers: @on(max_hops=8).""",
    )


MISTAKES = (
    two_owners,
    bad_parameter,
    emits_origin,
    unowned,
    listener_of_nothing,
    two_handlers,
    stated_time,
    gateway_timer,
    sync_gateway,
    async_aggregate,
    bad_hint,
    unroutable_key_nobody_names,
    unroutable_key_that_is_not_there,
    unroutable_key_of_another_type,
    undeclared_cycle,
)
