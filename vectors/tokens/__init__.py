"""Token vectors: sets of them, how they are stored, and MaxSim between them."""
