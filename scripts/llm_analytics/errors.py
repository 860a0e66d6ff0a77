"""The one error that a person sees as one line."""


class LlmAnalyticsError(Exception):
    """Something the user can act on; its message is one clear line without a trace."""


class LockedWarehouseError(LlmAnalyticsError):
    """Another process has the warehouse file."""
