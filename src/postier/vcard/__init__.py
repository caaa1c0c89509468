"""Cards of people and what they are reached by, in octets and as values. Pure (ARCHITECTURE.md)."""
