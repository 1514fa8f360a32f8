"""Minhash signatures, locality sensitive hashing and communities."""
