"""What the files of a submission say: a notebook's cells and which notebook it is, its name, its claims, its damage."""
