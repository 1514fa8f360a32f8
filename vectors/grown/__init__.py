"""Documents added and removed since an index was built: a base and its segments, seen as one."""
