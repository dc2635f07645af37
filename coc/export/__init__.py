"""What the pages show, as files: CSV, XLSX and JSON."""

from coc.export.files import FORMATS, Format, TooLongError, content_type, written

__all__ = ["FORMATS", "Format", "TooLongError", "content_type", "written"]
