"""The keys of the live view, once: what they do and what the help says of them."""

from dataclasses import dataclass
from enum import Enum, auto


class Action(Enum):
    """What a viewer may ask for."""

    QUIT = auto()
    FREEZE = auto()
    STILL = auto()
    RECORD = auto()
    HELP = auto()
    PRESET = auto()
    WEAKER = auto()
    STRONGER = auto()
    LAYER = auto()
    GUIDE = auto()
    FULL_SCREEN = auto()
    MIRROR = auto()
    OVERLAY = auto()


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the help, and the keys that do it.

    Attributes:
        codes: The characters, in any case.
        shown: How the help names them.
        action: What they do.
        help: That in words.
    """

    codes: str
    shown: str
    action: Action
    help: str


KEYS = (
    Key("q\x1b", "q Esc", Action.QUIT, "quit"),
    Key(" ", "space", Action.FREEZE, "freeze the picture"),
    Key("s", "s", Action.STILL, "save a still"),
    Key("r", "r", Action.RECORD, "record, and stop recording"),
    Key("p", "p", Action.PRESET, "next preset"),
    Key("123456789", "1-9", Action.LAYER, "dream a single layer"),
    Key("g", "g", Action.GUIDE, "the guide on and off"),
    Key("[", "[", Action.WEAKER, "dream weaker"),
    Key("]", "]", Action.STRONGER, "dream stronger"),
    Key("m", "m", Action.MIRROR, "mirror"),
    Key("f", "f", Action.FULL_SCREEN, "full screen"),
    Key("o", "o", Action.OVERLAY, "figures on and off"),
    Key("h", "h", Action.HELP, "this help"),
)

_BY_CODE = {code: key.action for key in KEYS for code in key.codes}


def action_of(code: str) -> Action | None:
    """Look up what a typed character asks for; None where it is no key of ours."""
    return _BY_CODE.get(code.lower())


def help_lines() -> list[tuple[str, str]]:
    """List each key, as shown, with what it does."""
    return [(key.shown, key.help) for key in KEYS]
