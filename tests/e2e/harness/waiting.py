"""Waiting for something to become true: polling with a deadline, never a sleep and a hope."""
import os
import time

# Sanitizer builds are several times slower; CTest sets the factor for them.
SLOWNESS = float(os.environ.get("FLAGMESH_E2E_SLOWNESS", "1"))


class Late(AssertionError):
    """The deadline passed; the message says what was awaited and what the last look showed."""


def eventually(look, what, timeout=10.0, every=0.02):
    """Calls look() until it returns something true, and returns that. An AssertionError or OSError counts as 'not yet'."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while True:
        seen = None
        try:
            seen = look()
            if seen:
                return seen
        except (AssertionError, OSError) as error:
            seen = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise Late(f"not within {timeout * SLOWNESS:g} s: {what}; last look: {seen!r}")
        time.sleep(every)


def stays(look, what, seconds=1.0, every=0.05):
    """Calls look() for some time and fails as soon as it returns something false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = look()
        if not seen:
            raise AssertionError(f"did not stay: {what}; saw {seen!r}")
        time.sleep(every)
