"""How a call gets on, for whoever limits the time it may take."""


class Progress:
    """Hears what happens to a call; by itself it does nothing with it."""

    def login_sent(self) -> None:
        """The call waits for a login, and that has been sent."""

    def login_ended(self) -> None:
        """The login has ended, well or badly; if well, the call now waits for its turn."""

    def sent(self) -> None:
        """The call itself is about to be sent, or sent again."""

    def is_known(self, answer: bytes) -> bool:
        """Return whether the body of a successful answer is byte for byte one that the caller has taken in before.

        If so, it is not decoded, and the call returns None.
        """
        return False
