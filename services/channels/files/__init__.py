"""Orders of Postmart and Voso from files: JSON lines and CSV, every row checked."""
