"""Networks as files for other programs: each is written, read back and checked, with a card."""
