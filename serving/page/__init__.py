"""The page for people at ``/``: TypeScript in ``src``, and what was built from it in ``built``."""
