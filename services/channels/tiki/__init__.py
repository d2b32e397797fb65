"""Tiki: an event queue we pull and confirm, orders fetched with each seller's token.

Sources: open.tiki.vn (queue, order status), several clients (order model). What they leave open is
in `details.py`, each with our default and labelled so.
"""
