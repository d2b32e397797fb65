"""Measures the system on real servers, its parts in processes of their own, as in production."""
