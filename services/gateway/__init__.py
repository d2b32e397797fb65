"""The HTTP door: authenticate raw bytes, append durably, answer; and read for sellers."""
