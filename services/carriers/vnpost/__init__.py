"""Vietnam Post, the new MyVNPost API."""
