"""How far evaluations can be trusted: raters against each other, and judges against humans."""
