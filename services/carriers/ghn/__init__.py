"""GHN, API v2 (api.ghn.vn/home/docs)."""
