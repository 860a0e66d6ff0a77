"""Names that are code where somebody forgets that they are data."""

HOSTILE = (
    "'; drop table raw.loads; --",
    "x' or '1'='1",
    "%s %d ? {0} {{ 1 / 0 }} {% nothing %}",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    'a"b\\c',
    "Robert\u2019); drop",
)
