"""Ground floor: errors, ids, random streams, progress and threads; knows no algorithm."""
