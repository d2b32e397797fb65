"""Status: what an order's facts say together, and what follows for those who want it ended."""
