"""Reference data that ships with the package, and its loaders."""
