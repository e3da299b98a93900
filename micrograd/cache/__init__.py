"""What the compiler has made, between processes: keys, and a folder of files (docs/cache.md)."""
