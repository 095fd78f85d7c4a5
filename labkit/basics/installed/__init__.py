"""What is installed beside labkit: its extras, and which of them a command lacks."""
