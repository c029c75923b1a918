"""Numerics that several simulations share."""
