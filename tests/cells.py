"""Cells of executed notebooks, made for tests."""

import base64
import io

import nbformat
from PIL import Image


def png(colour="red", size=(40, 30)):
    """Return a picture as a notebook holds it."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def display(about=None, **data):
    """Return an output of these types; "_" stands for what is no letter: text_html. about: its metadata."""
    names = {"svg": "image/svg+xml", "javascript": "application/javascript"}
    types = {names.get(name, name.replace("_", "/", 1)): value for name, value in data.items()}
    return nbformat.v4.new_output("display_data", types, metadata=about or {})


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def code(source, *outputs, **metadata):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)
