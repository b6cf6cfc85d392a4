"""The prank-call game: the app that proves the runtime."""
