"""Tests of postier.vcard."""
