"""Compiled loops over sets and signatures."""
