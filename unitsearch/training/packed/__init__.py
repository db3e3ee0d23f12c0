"""Training of packs: several networks of one skeleton, trained as one."""
