"""Lazada Open Platform, Vietnam: facts/channels.md section 2."""
