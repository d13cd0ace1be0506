"""Nothing here is a test, and what it imports is installed for `make compare` only."""

collect_ignore_glob = ["*.py"]
