"""SASL mechanisms, a step at a time."""
