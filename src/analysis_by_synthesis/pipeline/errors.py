"""What a user has to mend."""


class UserError(Exception):
    """Something the user has to mend; its text is one sentence that says what to do."""
