"""The conformance kit: does a partner speak its protocol as documented, and are we deaf to the rest."""
