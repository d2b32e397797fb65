"""Carriers: a mapping, a proxy (the only HTTP) and pure parsers each, behind one small port."""
