"""Every story, made anew for each telling: a gateway may remember."""

from collections.abc import Callable

from tests.scenarios.apps import alarms, club, courier, crowd, purchases
from tests.scenarios.story import Story

STORIES: dict[str, Callable[[], Story]] = {
    "purchases": lambda: purchases.STORY,
    "alarms": lambda: alarms.STORY,
    "crowd": lambda: crowd.STORY,
    "club": lambda: club.STORY,
    "courier": courier.story,
}
