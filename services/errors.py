"""What goes wrong outside of the flow, said to the person at the keyboard."""


class OperatorError(Exception):
    """One sentence that tells an operator what to mend. The CLI prints it and exits with 1."""
