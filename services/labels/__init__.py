"""Paper: labels and manifests as PDF, and the numbers printed on them."""
