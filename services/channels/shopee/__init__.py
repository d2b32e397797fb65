"""Shopee Open Platform v2: facts/channels.md section 1."""
