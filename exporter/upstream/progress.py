"""How a call gets on, for whoever limits the time it may take."""


class Progress:
    """Hears what happens to a call; by itself it does nothing with it."""

    def login_sent(self) -> None:
        """The call waits for a login, and that has been sent."""

    def login_ended(self) -> None:
        """The login has ended, well or badly; if well, the call now waits for its turn."""

    def sent(self) -> None:
        """The call itself is about to be sent, or sent again."""
