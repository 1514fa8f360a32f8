"""NetworkX's door: its functions over our kernels, for graphs that stay NetworkX's."""
