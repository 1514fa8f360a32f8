"""Judged searches: what was asked, what is relevant, what was answered, and how good that is."""
