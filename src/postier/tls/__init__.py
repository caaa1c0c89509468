"""TLS: certificates and their reload, and the one TLS policy per destination (DANE > MTA-STS > opportunistic)."""
