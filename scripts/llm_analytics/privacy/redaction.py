"""Replaces what identifies a person or opens a door in a text: what `--text redact` lands.

Patterns favour recall over precision and know no names or addresses, which take a language model
(`names`). Redacted text is less sensitive, not anonymous.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|ghu|glpat|xox[abprs]|hf|npm|pypi|AKIA|ASIA|AIza)[-_]?[\w-]{14,}"
    r"|(?i:\b(?:bearer|password|passwd|api[_-]?key|secret|token)\b\s*[:=]?\s+?)[^\s,;]{6,}"
    r"|(?i:\b(?:password|passwd|api[_-]?key|secret|token)\s*[:=]\s*)[^\s,;]+"
    r"|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{32,}\b",
    re.DOTALL,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*(?!\w)")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00)?\(?\d(?:[ ().\-/]{0,2}\d){6,14}(?: ?(?:x|ext\.?) ?\d{1,6})?(?!\w)",
    re.IGNORECASE,
)
# A date, with or without a time; a decimal fraction.
_NO_PHONE = re.compile(
    r"(?:19|20)\d\d([-/.]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?:[ T]\d{1,2})?"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d"
    r"|\d{1,2}\.\d{6,}"
)
# Characters of an account number by country. Source: SWIFT, IBAN Registry.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def _has_luhn_digit(match: re.Match[str]) -> bool:
    """Whether the digits of a match end in their Luhn check digit, as card numbers do."""
    total = 0
    for place, digit in enumerate(reversed([int(c) for c in match.group() if c.isdigit()])):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _without_iban(match: re.Match[str]) -> str:
    """A match with the account number that it begins with replaced, if there is one.

    That is as many characters as its country's numbers have, mistyped or not; for an unknown
    country all of them, if the check digits hold (ISO 13616: remainder 1 of 97).
    """
    found = match.group()
    ends = [place + 1 for place, character in enumerate(found) if character.isalnum()]
    length = _IBAN_LENGTHS.get(found[:2].upper())
    if length is not None:
        if len(ends) < length:
            return found
        rest = found[ends[length - 1] :]
        return found if rest[:1].isalnum() else f"[iban]{rest}"
    plain = re.sub(r"[ -]", "", found).upper()
    if not 15 <= len(plain) <= 34:
        return found
    is_valid = int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
    return "[iban]" if is_valid else found


def _is_address(match: re.Match[str]) -> bool:
    """Whether a match is an IP address of either version."""
    try:
        ipaddress.ip_address(match.group().rstrip("."))
    except ValueError:
        return False
    return True


def redact(text: str) -> str:
    """The text with addresses, numbers and secrets replaced by [email], [phone] and the like."""
    text = _EMAIL.sub("[email]", text)
    text = _SECRET.sub("[secret]", text)
    text = _IBAN.sub(_without_iban, text)
    text = _CARD.sub(lambda m: "[card]" if _has_luhn_digit(m) else m.group(), text)
    text = _IPV4.sub(lambda m: "[ip]" if _is_address(m) else m.group(), text)
    text = _IPV6.sub(lambda m: "[ip]" if _is_address(m) else m.group(), text)
    return _PHONE.sub(lambda m: m.group() if _NO_PHONE.fullmatch(m.group()) else "[phone]", text)


def redactor(names_model: str | None) -> Callable[[str], str]:
    """What redacts a text: by patterns, and then by a language model, where one is named.

    Raises LlmAnalyticsError if the model cannot be loaded.
    """
    if names_model is None:
        return redact
    from llm_analytics.privacy.names import NameRedactor

    names = NameRedactor(names_model)
    return lambda text: names.redact(redact(text))
