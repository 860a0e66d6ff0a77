"""The definitions of the metrics once more, in plain Python: a second opinion on the SQL.

From raw events (plain dictionaries) to the core marts, without SQL, dbt or a database, written for
clarity and from the metric catalogue. Only one rule is shared with the SQL on purpose: which of
several contents sent under one id wins a tie is decided by an md5 over the content, and nobody
could say that one hash is more right than another.
"""
