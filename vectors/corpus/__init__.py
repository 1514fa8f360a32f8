"""Corpora: documents with ids, texts, and typed fields to filter by."""
