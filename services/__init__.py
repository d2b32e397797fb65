"""THE WORLD: everything that touches files, sockets, servers and partners."""
