"""Compiled loops over CSR arrays."""
