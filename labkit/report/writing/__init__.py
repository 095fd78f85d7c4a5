"""What becomes of the Markdown that a student writes: filled in, numbered, checked, and set as HTML and PDF."""
