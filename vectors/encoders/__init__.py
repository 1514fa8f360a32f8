"""Text into token vectors, one file per kind of encoder."""
