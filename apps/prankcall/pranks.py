"""The pranks that exist: what a friend hears."""

from typing import NamedTuple


class Prank(NamedTuple):
    """A script, line by line. The last line is said again until the friend hangs up, or the limit ends the call."""

    title: str
    lines: tuple[str, ...]


PRANKS = {
    "fish": Prank(
        "The fish delivery",
        (
            "Good day! This is Fin & Sons. Your order of forty kilograms of herring is at the door.",
            "The driver asks for a bathtub, and for somebody who is < 2 minutes away.",
            "He also asks whether you would prefer it alive.",
            'Please say "herring" to go on waiting.',
        ),
    ),
    "survey": Prank(
        "The endless survey",
        (
            "Thank you for taking part in our survey. It has one question only.",
            "On a scale from blue to Tuesday: how satisfied were you with this question?",
            "Thank you. Based on your answer, we have one more question.",
        ),
    ),
    "time": Prank(
        "The speaking clock",
        (
            "This is the speaking clock. It has lost its voice, and this is the replacement.",
            "At the tone it will be roughly now.",
            "Beep. It was.",
        ),
    ),
}
"""By the name that `RequestedCall.prank` gives."""
