"""A field with a codec: on the disk it is sealed, and nowhere that its users look."""

from pathlib import Path

from runtime import Runtime

from ..sealed import Player, Registered, Texted, app


def test_a_sealed_field_is_open_to_handlers_and_users_and_stands_nowhere_on_the_disk(
    ray_cluster: Path, tmp_path: Path
) -> None:
    with Runtime.start(app, journal=tmp_path / "game.db") as rt:
        id = rt.publish(Registered(player_id="ada", phone="555-123"))
        rt.drain(timers=True)
        player = rt.get(Player, "ada")
        events = [recorded.event for recorded in rt.chain(id)]

    assert player is not None
    assert player.phone == "555-123"
    assert events[0] == Registered(player_id="ada", phone="555-123")
    assert events[-1] == Texted(player_id="ada", phone="555-123")
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("game.db*"))
    assert b"555-123" not in stored
    assert stored.count(b"321-555") >= 5
