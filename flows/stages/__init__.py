"""Stages: artifacts in, one artifact out, partitions spread over Dask."""
