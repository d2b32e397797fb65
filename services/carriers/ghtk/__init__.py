"""GHTK, services API (docs.giaohangtietkiem.vn)."""
