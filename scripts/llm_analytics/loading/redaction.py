"""Replaces what identifies a person or opens a door in a text: what `--text redact` lands.

Patterns favour recall over precision and know no names or addresses: redacted text is less
sensitive, not anonymous.
"""

from __future__ import annotations

import ipaddress
import re

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
_PHONE = re.compile(r"(?<![\w.])(?:\+|00)?\(?\d(?:[ ().\-/]{0,2}\d){6,14}(?!\w)")


def _has_luhn_digit(match: re.Match[str]) -> bool:
    """Whether the digits of a match end in their Luhn check digit, as card numbers do."""
    total = 0
    for place, digit in enumerate(reversed([int(c) for c in match.group() if c.isdigit()])):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    """Whether the check digits of an account number hold (ISO 13616: remainder 1 of 97)."""
    plain = re.sub(r"[ -]", "", match.group()).upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


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
    text = _IBAN.sub(lambda m: "[iban]" if _is_iban(m) else m.group(), text)
    text = _CARD.sub(lambda m: "[card]" if _has_luhn_digit(m) else m.group(), text)
    text = _IPV4.sub(lambda m: "[ip]" if _is_address(m) else m.group(), text)
    text = _IPV6.sub(lambda m: "[ip]" if _is_address(m) else m.group(), text)
    return _PHONE.sub("[phone]", text)
