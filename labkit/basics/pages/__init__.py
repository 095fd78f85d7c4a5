"""What a page may show of texts, tables and prose that others wrote: harmless, bounded, written anew by us."""
