"""The language of the system: events, ids, units and the topic catalogue. Imports no I/O library."""
