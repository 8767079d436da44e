"""SPDX license expressions."""

from __future__ import annotations

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression


def is_license(text: str) -> bool:
    """Say whether a text is an SPDX expression: known identifiers, or LicenseRef-… of one's own."""
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True
