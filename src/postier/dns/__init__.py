"""DNS as mail needs it: a caching stub resolver, the route to a domain, and a small authoritative server."""
