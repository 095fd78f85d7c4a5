"""The TA's half: submissions taken in, executed in a sandbox, judged, kept and told. Only `cli` imports it."""
