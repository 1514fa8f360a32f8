"""Communities of nodes that have attributes beside links."""
