"""Zava Retail's demonstration data: the hand-written product catalogue, one file per category."""
