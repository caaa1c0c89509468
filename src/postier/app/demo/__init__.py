"""The demonstration: two whole servers, a DNS service for their zones, and a letter each way. See `postier demo`."""
