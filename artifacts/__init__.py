"""Artifacts on disk: manifests, one codec per kind, the store and its versions."""
