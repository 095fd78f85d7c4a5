"""How each learning platform names what it packs: the entries of a batch as uploads, and who sent them."""
