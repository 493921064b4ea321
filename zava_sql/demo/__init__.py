"""What `zava-sql demo` shows, and the product catalogue that `seed` loads: a file a category."""
