"""Carriers' statements: files with columns of their own, read into lines of one form."""
