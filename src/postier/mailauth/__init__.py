"""Proof of origin: SPF, DKIM, DMARC and Authentication-Results as generators that ask questions."""
