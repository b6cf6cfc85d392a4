"""The rules of the game, in numbers."""

CALL_PRICE = 10
"""Credits that an answered call costs."""
CALL_LIMIT = 600
"""Seconds that no call outlasts."""
REPORTS_WITHIN = CALL_LIMIT + 3600
"""Seconds after a call was placed in which the provider must have said how it ended."""
ASK_AGAIN = 3600
"""Seconds until the payment provider is asked again about an order that it did not answer."""
BOARD_SIZE = 100
"""Players that the leaderboard shows."""


def points(seconds: int) -> int:
    """A point for every second that the friend stayed on; and every full minute is worth more than the one before."""
    seconds = min(seconds, CALL_LIMIT)
    minutes = seconds // 60
    return seconds + 5 * minutes * minutes
