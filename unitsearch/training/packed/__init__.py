"""Training of packs: several networks of one skeleton as one."""
