"""Viettel Post, partner API v2 (facts of November 2025)."""
