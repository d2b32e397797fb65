"""Hand-over: manifests from the first parcel to the signature."""
