"""The files in an untrusted folder, zip, tar or other archive: listed and read in memory, within limits."""
