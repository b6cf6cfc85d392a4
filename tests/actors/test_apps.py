"""App: a name and parts; its settings and replacements; what it is after a pickle."""

import pickle
from typing import Any

import pytest

from actors import Aggregate, App, Event, Gateway, TrunklineError, WiringError, cron, on
from actors.testing import scenario


class Asked(Event, origin=True):
    key: str = "ada"
    missed: int = 0


class Paid(Event):
    key: str
    by: str


class Payments(Gateway):
    url: str = "https://example.org"

    @on
    async def charge(self, event: Asked) -> Paid:
        return Paid(key=event.key, by=self.url)


class Fake(Gateway):
    """Answers at once."""

    @on
    async def charge(self, event: Asked) -> Paid:
        return Paid(key=event.key, by="fake")


class Mail(Gateway, name="mail"):
    @on
    async def send(self, event: Paid) -> None: ...


class FakeMail(Gateway):
    @on
    async def send(self, event: Paid) -> None: ...


class Wallet(Aggregate, key="key"):
    paid_by: str = ""

    @on
    def grant(self, event: Paid) -> None:
        self.paid_by = event.by


app = App("shop", Payments, Wallet, Mail)


def paid_by(app: App) -> str:
    """Who was asked for the money."""
    play = scenario(app)
    play.publish(Asked())
    wallet = play.get(Wallet, "ada")
    assert wallet is not None
    return wallet.paid_by


@pytest.mark.parametrize("name", ["shop", "prank-call_2", "Börse"])
def test_an_apps_name_is_letters_digits_and_two_signs(name: str) -> None:
    assert App(name, Wallet, Payments).name == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../shop", "-", "a\n", "a.db"])
def test_a_name_that_could_not_name_a_file_and_ray_actors_is_refused(name: str) -> None:
    with pytest.raises(TrunklineError, match="can't be an app's name") as caught:
        App(name, Wallet, Payments)

    assert caught.value.hint == "letters, digits, - and _."


@pytest.mark.parametrize("part", [int, 7, "Wallet", Asked, Aggregate, Gateway, None], ids=str)
def test_a_part_that_is_no_aggregate_and_no_gateway_is_refused(part: Any) -> None:
    with pytest.raises(TrunklineError, match="is no aggregate and no gateway"):
        App("shop", part)


def test_an_instance_of_an_aggregate_is_no_part() -> None:
    with pytest.raises(TrunklineError, match="is no aggregate and no gateway"):
        App("shop", Wallet())  # type: ignore[arg-type]


def test_an_app_prints_as_its_parts() -> None:
    assert repr(app) == "<App 'shop': Wallet, Payments, mail>"
    assert str(app).startswith("app shop\n")


def test_settings_are_given_with_the_gateway() -> None:
    assert paid_by(App("shop", Payments(url="https://pay.example"), Wallet)) == "https://pay.example"
    assert paid_by(App("shop", Payments, Wallet)) == "https://example.org"


def test_a_gateway_whose_settings_have_no_default_says_so() -> None:
    class Strict(Gateway):
        token: str

        @on
        async def charge(self, event: Asked) -> Paid: ...  # type: ignore[empty-body]

    with pytest.raises(WiringError) as caught:
        App("shop", Strict, Wallet)

    (found,) = caught.value.errors
    assert found.kind == "MissingSettings"
    assert "Strict has settings without a default" in str(found)
    assert "token" in str(found)
    assert found.places == (Strict.__trunkline__.where,)
    assert found.hint == "App('shop', ..., Strict(setting=...))."


# ---------------------------------------------------------------- using


def test_a_gateway_is_replaced_by_name_and_the_app_stays_as_it_is() -> None:
    tried = app.using(Payments=Fake())

    assert paid_by(tried) == "fake"
    assert paid_by(app) == "https://example.org"
    assert tried.name == "shop"


def test_a_replacement_stands_under_the_name_of_what_it_replaces() -> None:
    tried = app.using(Payments=Fake(), mail=FakeMail())

    assert list(tried.catalogue.gateways) == ["Payments", "mail"]
    assert repr(tried) == "<App 'shop': Wallet, Payments, mail>"


def test_a_replacement_can_be_replaced_again() -> None:
    again = app.using(Payments=Fake()).using(Payments=Payments(url="https://third.example"))

    assert paid_by(again) == "https://third.example"
    assert list(again.catalogue.gateways) == ["Payments", "mail"]


def test_replacing_a_gateway_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(TrunklineError, match="app 'shop' has no gateway Pay") as caught:
        app.using(Pay=Fake())

    assert caught.value.hint == "its gateways are: Payments, mail."


def test_a_replacement_that_does_not_fit_is_a_wiring_error() -> None:
    class Silent(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

    with pytest.raises(WiringError, match="listens to Paid, which nobody emits"):
        app.using(Payments=Silent())


def test_a_replacement_keeps_heartbeat_and_schedules() -> None:
    scheduled = App("shop", Payments, Wallet, heartbeat=5, schedules=[cron("0 8 * * *", Asked)])

    tried = scheduled.using(Payments=Fake())

    assert tried.heartbeat == 5
    assert tried.schedules == scheduled.schedules


# ---------------------------------------------------------------- pickling


class Visited(Event):
    """Its subclasses are heard."""

    key: str = "ada"


class Entered(Visited, origin=True): ...


class Guest(Aggregate, key="key"):
    @on
    def see(self, event: Visited) -> None: ...


def test_an_app_is_the_same_where_more_subclasses_of_its_events_are_known() -> None:
    stored = pickle.dumps(App("shop", Guest))

    class Left(Visited, origin=True): ...

    again = pickle.loads(stored)

    assert Entered in again.catalogue.by_class
    assert Left not in again.catalogue.by_class
    assert pickle.loads(pickle.dumps(again)).catalogue.schema_hash == again.catalogue.schema_hash


def test_an_app_is_the_same_after_pickling_with_its_settings_and_replacements() -> None:
    made = App("shop", Payments(url="https://pay.example"), Wallet, Mail, heartbeat=5).using(mail=FakeMail())

    again = pickle.loads(pickle.dumps(made))

    assert repr(again) == repr(made)
    assert str(again) == str(made)
    assert again.catalogue.schema_hash == made.catalogue.schema_hash
    assert (again.heartbeat, again.schedules) == (made.heartbeat, made.schedules)
    assert list(again.catalogue.gateways) == ["Payments", "mail"]
    assert paid_by(again) == "https://pay.example"


def test_of_an_app_whose_code_can_not_be_read_the_name_is_known() -> None:
    app = App.unread("shop")

    assert repr(pickle.loads(pickle.dumps(app))) == "<App 'shop': empty>"
