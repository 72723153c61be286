"""What a machine says when it does not take an event. Raised and caught inside `challenge`: `step` returns data."""


class Refused(Exception):
    """The event does not fit: who sent it is told `reason`, the state is unchanged."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deviation(Exception):
    """A peer departed from the protocol in a way that ends the setup; `reason` names the field."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Early(Exception):
    """The event fits a later stage of this vault: whoever sent it should try again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
