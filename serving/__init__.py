"""Answers from a published version: the engine in process and the HTTP service."""
