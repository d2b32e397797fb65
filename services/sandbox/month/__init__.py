"""The people of the sample month: channels that send, stations that pack, buyers who regret.

Honest peers: they know the gateway's HTTP API and their own keys, nothing else.
"""
