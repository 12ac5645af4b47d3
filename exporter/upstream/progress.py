"""Follow a call, so that its caller can limit its time."""


class Progress:
    """Receives the events of a call; the methods here do nothing."""

    def login_sent(self) -> None:
        """React to the start of a login that the call waits for."""

    def login_ended(self) -> None:
        """React to the end of that login. If it succeeded, the call now waits for its turn."""

    def sent(self) -> None:
        """React to the call, which is sent now, or sent again."""

    def is_known(self, answer: bytes) -> bool:
        """Return whether the body of a successful answer is byte for byte one that the caller has processed before.

        If so, it is not decoded, and the call returns None.
        """
        return False
