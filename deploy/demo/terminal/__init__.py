"""What the terminal demonstration is made of: a screen, a client, and the coordinator's word."""

PATIENCE_S = 15  # for anything that is waited for


class Wrong(Exception):
    """What was shown is not what Interlock promises, or could not be shown."""


def expect(condition, complaint):
    if not condition:
        raise Wrong(complaint)


def short(generation):
    """Generations are microseconds since 1970 and more; their ends tell them apart."""
    return f"..{str(generation)[-6:]}"
