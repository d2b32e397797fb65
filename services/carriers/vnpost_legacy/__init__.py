"""Vietnam Post's older interface, donhang.vnpost.vn (CustomerConnect)."""
