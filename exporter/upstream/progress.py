"""Follow a call, so that its caller can limit its time."""


class Progress:
    """Receives the events of a call; the methods here do nothing."""

    def login_sent(self) -> None:
        """React to the start of a login that the call waits for."""

    def login_ended(self) -> None:
        """React to the end of that login. If it succeeded, the call now waits for its turn."""

    def sent(self) -> None:
        """React to the call, which is sent now, or sent again."""

    def find_news(self, answer: bytes) -> bytes | None:
        """Return the part of a successful answer's body that the caller has not processed before, as JSON.

        Only this is decoded. If it is None, nothing is, and the call returns None.
        """
        return answer
