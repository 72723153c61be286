"""Circuits, garbling and the dispute engines; pure."""
