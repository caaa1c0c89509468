"""The listeners: sockets, TLS, limits and time-outs around the pure protocol cores."""
