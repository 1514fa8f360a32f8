"""k-medoids: as many objects as are asked for, chosen so that all others are near one of them."""
