"""No test here has Ray: the core decides, and never acts."""

import pytest
import ray


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a Ray, or connects to one, has left the core."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("ray.init was called in a test of runtime.core, which works without Ray")

    monkeypatch.setattr(ray, "init", refuse)
