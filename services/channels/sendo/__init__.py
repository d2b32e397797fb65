"""Sendo: asked again and again for orders whose status changed.

Source: several clients. Whether the Sendo marketplace still runs (it is said to have become Sendo
Farm) is not known; nothing here has been tried against it.
"""
