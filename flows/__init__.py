"""Flows: settings, the build plan, and the Prefect flow over the stages."""
